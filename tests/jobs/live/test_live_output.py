"""The stream of a job's output: complete, in order, resumable, and only for those who may see the job."""

import asyncio

import pytest
from django.contrib.sessions.models import Session

from jobs import hints
from jobs.live.bell import Bell
from jobs.models import Job
from jobs.output import outputlog
from tests.jobs.live.live_reader import do, get, open_stream, run, session_of
from tests.jobs.output_writer import finish, store

pytestmark = pytest.mark.django_db(transaction=True)


def is_watched(job, attempt):
    """What the intake tells the runner."""
    return hints.tell_output(job.pk, attempt.pk, has_grown=False)


def path_of(job):
    return f"/live/jobs/{job.pk}/output"


def test_what_was_written_comes_first_and_what_is_written_follows(running, alice):
    job, attempt = running
    key = session_of(alice)
    store(attempt, "first\n")

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.until_text("first\n")
            await do(store, attempt, "second\n")
            await stream.until_text("first\nsecond\n")
            assert stream.place == "13,0"

    run(watch())


def test_both_streams_come_in_the_order_of_arrival(running, alice):
    job, attempt = running
    for stream, text in [("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c\n")]:
        store(attempt, text, stream)
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.until_text("c\n")
            assert stream.chunks == [["out", "a\n"], ["err", "b\n"], ["out", "c\n"]]

    run(watch())


def test_the_stream_ends_when_the_job_is_over_and_all_is_sent(running, alice):
    job, attempt = running
    store(attempt, "x" * 300_000)
    finish(job)
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.until_end()
            assert stream.text() == "x" * 300_000
            with pytest.raises(StopAsyncIteration):
                await stream.next()

    run(watch())


def test_an_open_stream_ends_with_its_job(running, alice):
    job, attempt = running
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await do(store, attempt, "hello\n")
            await stream.until_text("hello\n")
            await do(store, attempt, "last words")
            await do(finish, job)
            await stream.until_end()
            assert stream.text() == "hello\nlast words"

    run(watch())


@pytest.mark.parametrize("way", ["header", "query"])
def test_a_cut_stream_goes_on_where_it_was(running, alice, way):
    job, attempt = running
    store(attempt, "one\n")
    store(attempt, "oops\n", "stderr")
    store(attempt, "two\n")
    finish(job)
    key = session_of(alice)
    path, headers = (
        (path_of(job), {"Last-Event-ID": "4,0"}) if way == "header" else (f"{path_of(job)}?from=4,0", {})
    )

    async def watch():
        async with open_stream(path, key, **headers) as stream:
            await stream.until_end()
            assert stream.chunks == [["err", "oops\n"], ["out", "two\n"]]

    run(watch())


def test_a_resume_anywhere_loses_and_doubles_nothing(running, alice):
    job, attempt = running
    text = "".join(f"zeile {number} – ✓ äöü\n" for number in range(400))
    data = text.encode()
    for at in range(0, len(data), 777):  # cuts characters in the middle
        store(attempt, data[at : at + 777])
        store(attempt, "e", "stderr")
    finish(job)
    key = session_of(alice)

    async def watch():
        for cut in (1, 2, 3):
            out, err = "", ""
            place = "0,0"
            while True:
                async with open_stream(f"{path_of(job)}?from={place}", key) as stream:
                    for _ in range(cut):
                        if (await stream.next()).kind == "end":
                            out, err = out + stream.text(), err + stream.text("err")
                            break
                    else:
                        out, err, place = out + stream.text(), err + stream.text("err"), stream.place
                        continue
                    break
            assert out == text
            assert len(err) == len(range(0, len(data), 777))

    from jobs.live import feed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "READ_BYTES", 1000)
        run(watch())


def test_bytes_that_are_no_text_are_shown_as_such(running, alice):
    job, attempt = running
    store(attempt, b"a\xff\xfeb\n\xe2\x82")  # the last character never comes to its end
    finish(job)
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.until_end()
            assert stream.text() == "a��b\n�"
            assert stream.place == "7,0"

    run(watch())


def test_any_number_of_records_behind_the_place_is_passed_over(running, alice, monkeypatch):
    job, attempt = running
    monkeypatch.setattr(outputlog, "RECORDS_AT_ONCE", 8)
    for number in range(50):
        outputlog.append(attempt.pk, ("stdout", "stderr")[number % 2], number // 2, b"x")
    outputlog.append(attempt.pk, "stdout", 25, b"new")
    finish(job)
    key = session_of(alice)

    async def watch():
        async with open_stream(f"{path_of(job)}?from=25,25", key) as stream:
            await stream.until_end()
            assert stream.chunks == [["out", "new"]]

    run(watch())


def test_a_queued_job_is_waited_for(make_job, make_attempt, alice):
    job = make_job()
    key = session_of(alice)

    def begin():
        attempt = make_attempt(job)
        Job.objects.filter(pk=job.pk).update(status="running")
        hints.announce(job.pk, "status")
        store(attempt, "hello\n")

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            waiting = asyncio.ensure_future(stream.until_text("hello\n"))
            await asyncio.sleep(0)
            await do(begin)
            await waiting

    run(watch())


def test_a_job_cancelled_in_the_queue_ends_its_stream(make_job, alice):
    job = make_job(status="cancelled")
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            assert (await stream.until(lambda event: True)).kind == "end"

    run(watch())


def test_output_comes_without_any_hint(running, alice, monkeypatch):
    job, attempt = running
    key = session_of(alice)
    monkeypatch.setattr(hints, "announce", lambda *_: None)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.next(with_comments=True)
            await do(store, attempt, "unannounced\n")
            await stream.until_text("unannounced\n")
            await do(finish, job)
            await stream.until_end()

    run(watch())


def test_output_comes_without_redis(running, alice, settings):
    job, attempt = running
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.next(with_comments=True)
            await do(store, attempt, "still\n")
            await stream.until_text("still\n")
            await do(finish, job)
            await stream.until_end()

    run(watch())


def test_the_runner_learns_that_somebody_is_looking(running, alice):
    job, attempt = running
    key = session_of(alice)
    assert not is_watched(job, attempt)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.next(with_comments=True)
            async with asyncio.timeout(20):
                while not await do(is_watched, job, attempt):
                    await asyncio.sleep(0.02)
        assert 0 < hints.client().ttl(f"watched:{attempt.pk}") <= 20

    run(watch())


def test_the_runner_of_a_finished_job_is_left_alone(make_job, make_attempt, alice):
    job = make_job(status="succeeded")
    attempt = make_attempt(job)
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.until_end()

    run(watch())
    assert not is_watched(job, attempt)


def test_a_quiet_stream_shows_that_it_lives(running, alice, monkeypatch):
    from jobs.live import feed

    job, _ = running
    monkeypatch.setattr(feed, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(feed, "LOOK_SECONDS", 0.05)
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.next(with_comments=True)  # hello
            assert (await stream.next(with_comments=True)).kind == ":"

    run(watch())


def test_colleagues_and_admins_see_it_strangers_do_not(running, bob, charlie, dana):
    job, _ = running
    keys = {user.username: session_of(user) for user in (bob, charlie, dana)}

    async def ask():
        return {name: (await get(path_of(job), key)).status_code for name, key in keys.items()}

    assert run(ask()) == {"bob": 200, "charlie": 404, "dana": 200}


def test_nobody_sees_it_without_a_session(running, alice):
    job, _ = running
    alice.must_change_password = True
    alice.save()
    keys = ["", "no-such-session", session_of(alice)]

    async def ask():
        return [(await get(path_of(job), key)).status_code for key in keys]

    assert run(ask()) == [401, 401, 401]


def test_a_job_that_is_not_there_is_a_404(make_job, alice):
    from django.utils import timezone

    deleted = make_job(status="succeeded", deleted_at=timezone.now())
    key = session_of(alice)

    async def ask():
        return [
            (await get(path, key)).status_code for path in (path_of(deleted), "/live/jobs/987654321/output")
        ]

    assert run(ask()) == [404, 404]


@pytest.mark.parametrize("way", ["signed out", "deactivated", "left the team", "deleted"])
def test_the_stream_ends_when_the_right_to_it_ends(running, alice, monkeypatch, way):
    from django.utils import timezone

    from jobs.live import board

    job, _ = running
    monkeypatch.setattr(board, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(board, "RIGHTS_SECONDS", 0.1)
    key = session_of(alice)

    def take_away():
        if way == "signed out":
            Session.objects.all().delete()
        elif way == "deactivated":
            type(alice).objects.filter(pk=alice.pk).update(is_active=False)
        elif way == "left the team":
            alice.memberships.all().delete()
        else:
            Job.objects.filter(pk=job.pk).update(deleted_at=timezone.now())

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.next(with_comments=True)
            await do(take_away)
            assert (await stream.next()).kind == "closed"
            with pytest.raises(StopAsyncIteration):
                await stream.next()

    run(watch())


def test_the_right_is_asked_for_often_enough():
    from jobs.live import board

    # A check that fails is tried again after a look, and who does not read is cut off.
    assert board.RIGHTS_SECONDS + board.LOOK_SECONDS + board.GOODBYE_SECONDS < 10


def test_proxies_and_browsers_keep_nothing_back(running, alice):
    job, _ = running
    key = session_of(alice)

    async def ask():
        return await get(path_of(job), key)

    response = run(ask())
    assert response["Content-Type"] == "text/event-stream; charset=utf-8"
    assert "no-cache" in response["Cache-Control"]
    assert response["X-Accel-Buffering"] == "no"


def test_who_comes_while_the_last_one_leaves_is_told(running, alice, monkeypatch):
    """As a page that is loaded again: its old stream ends while the new one begins."""
    job, attempt = running
    store(attempt, "line\n")
    key = session_of(alice)

    async def watch():
        is_leaving, may_go, close = asyncio.Event(), asyncio.Event(), Bell.close

        async def slowly(bell):
            is_leaving.set()
            await may_go.wait()
            await close(bell)

        monkeypatch.setattr(Bell, "close", slowly)
        async with open_stream(path_of(job), key) as first:
            await first.until_text("line\n")
        async with asyncio.timeout(20):
            await is_leaving.wait()
        async with open_stream(path_of(job), key) as second:
            await second.until_text("line\n")
            may_go.set()
            await do(finish, job, 0)
            async with asyncio.timeout(20):
                await second.until_end()

    run(watch())
