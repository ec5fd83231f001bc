"""The stream that says which of a page's jobs changed."""

import asyncio

import pytest
from django.utils import timezone

from jobs import hints
from jobs.models import Job
from tests.jobs.live.live_reader import do, get, open_stream, run, session_of

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(*jobs):
    return "/live/changes?ids=" + ",".join(str(job.pk) for job in jobs)


def move(job, status="running", *, announced=True):
    Job.objects.filter(pk=job.pk).update(status=status)
    if announced:
        hints.announce(job.pk, "status")


async def settle(stream):
    """The stream has begun: from now on every change is its matter."""
    await stream.next(with_comments=True)


def test_a_change_is_told_with_the_job_that_changed(make_job, alice):
    first, second = make_job(), make_job()
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(first, second), key) as stream:
            await settle(stream)
            await do(move, second)
            event = await stream.next()
            assert (event.kind, event.data) == ("changed", {"ids": [second.pk]})

    run(watch())


@pytest.mark.parametrize("way", ["status", "attempt", "cancel", "deleted"])
def test_a_change_that_nobody_announced_is_seen_all_the_same(make_job, make_attempt, alice, way):
    job = make_job()
    key = session_of(alice)

    def change():
        if way == "attempt":
            make_attempt(job)
        elif way == "status":
            move(job, announced=False)
        else:
            name = {"cancel": "cancel_requested_at", "deleted": "deleted_at"}[way]
            Job.objects.filter(pk=job.pk).update(**{name: timezone.now()})

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await settle(stream)
            await do(change)
            assert (await stream.next()).data == {"ids": [job.pk]}

    run(watch())


def test_a_change_before_the_first_word_is_told(make_job, alice):
    """The page fetches its parts when the stream opens; what changes between must not fall into the gap."""
    job = make_job()
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:  # looked up, but not read from yet
            await do(move, job, announced=False)
            assert (await stream.next()).data == {"ids": [job.pk]}

    run(watch())


def test_a_hint_is_passed_on_even_if_the_look_sees_nothing_new(make_job, alice):
    job = make_job()
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await settle(stream)

            async def ring():
                # The subscription may not stand yet: a hint is repeated until it is heard.
                while True:
                    await do(hints.announce, job.pk, "status")
                    await asyncio.sleep(0.05)

            ringing = asyncio.ensure_future(ring())
            assert (await stream.next()).data == {"ids": [job.pk]}
            ringing.cancel()

    run(watch())


def test_changes_come_without_redis(make_job, alice, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    job = make_job()
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await settle(stream)
            await do(move, job, announced=False)
            assert (await stream.next()).data == {"ids": [job.pk]}

    run(watch())


def test_a_database_that_does_not_answer_ends_no_stream(make_job, alice, monkeypatch):
    from django.db import OperationalError

    from jobs.live import board

    job = make_job()
    key = session_of(alice)
    monkeypatch.setattr(board, "LOOK_SECONDS", 0.05)
    really, failures = board.facts_of, iter(range(3))

    def sometimes(ids):
        if next(failures, None) is not None:
            raise OperationalError("gone")
        return really(ids)

    monkeypatch.setattr(board, "facts_of", sometimes)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await settle(stream)
            await do(move, job)
            assert (await stream.next()).data == {"ids": [job.pk]}

    run(watch())


def test_jobs_of_others_are_passed_over(make_job, alice, charlie):
    own, foreign = make_job(), make_job(owner=charlie)
    key = session_of(alice)

    async def watch():
        async with open_stream(path_of(own, foreign), key) as stream:
            await settle(stream)
            await do(move, foreign)
            await do(move, own)
            assert (await stream.next()).data == {"ids": [own.pk]}

    run(watch())


def test_who_may_see_none_of_them_gets_404(make_job, charlie):
    path = path_of(make_job())
    key = session_of(charlie)

    async def ask():
        return [(await get(path, key)).status_code for path in (path, "/live/changes", "/live/changes?ids=")]

    assert run(ask()) == [404, 404, 404]


def test_what_are_no_ids_is_refused(alice):
    key = session_of(alice)
    bad = ["a", "1,b", "-1", "1;2", "9" * 30, "²"]

    async def ask():
        return {(await get(f"/live/changes?ids={ids}", key)).status_code for ids in bad}

    assert run(ask()) == {400}


def test_nobody_hears_anything_without_a_session(make_job):
    path = path_of(make_job())

    async def ask():
        return (await get(path)).status_code

    assert run(ask()) == 401


def test_only_so_many_jobs_are_watched_by_one_stream(make_job, alice, monkeypatch):
    from jobs.live import views

    monkeypatch.setattr(views, "MOST_IDS", 2)
    jobs = [make_job() for _ in range(3)]
    path = path_of(*jobs)
    key = session_of(alice)

    async def watch():
        async with open_stream(path, key) as stream:
            await settle(stream)
            await do(move, jobs[2])
            await do(move, jobs[0])
            assert (await stream.next()).data == {"ids": [jobs[0].pk]}

    run(watch())


def test_a_lost_right_to_one_job_leaves_the_others(make_job, alice, other_team, monkeypatch):
    from jobs.live import board

    monkeypatch.setattr(board, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(board, "RIGHTS_SECONDS", 0.05)
    kept, lost = make_job(), make_job()
    path = path_of(kept, lost)
    key = session_of(alice)

    async def watch():
        async with open_stream(path, key) as stream:
            await settle(stream)
            await do(lambda: Job.objects.filter(pk=lost.pk).update(team=other_team))
            # The page is told once, so that it fetches the part again and finds nothing.
            assert (await stream.next()).data == {"ids": [lost.pk]}
            await do(move, lost)
            await do(move, kept)
            assert (await stream.next()).data == {"ids": [kept.pk]}

    run(watch())


def test_the_stream_ends_with_the_session(make_job, alice, monkeypatch):
    from django.contrib.sessions.models import Session

    from jobs.live import board

    monkeypatch.setattr(board, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(board, "RIGHTS_SECONDS", 0.05)
    path = path_of(make_job())
    key = session_of(alice)

    async def watch():
        async with open_stream(path, key) as stream:
            await settle(stream)
            await do(Session.objects.all().delete)
            assert [(await stream.next()).kind for _ in range(2)] == ["changed", "closed"]

    run(watch())


def test_one_look_serves_all_streams(make_job, alice, monkeypatch):
    from jobs.live import board

    jobs = [make_job() for _ in range(10)]
    key = session_of(alice)
    looked = []
    really = board.facts_of

    def counted(ids):
        looked.append(set(ids))
        return really(ids)

    monkeypatch.setattr(board, "facts_of", counted)

    async def watch():
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(open_stream(path_of(job), key)) for job in jobs]
            for stream in streams:
                await settle(stream)
            looked.clear()
            await do(move, jobs[3])
            assert (await streams[3].next()).data == {"ids": [jobs[3].pk]}

    run(watch())
    assert len(looked) <= 3
    assert looked[-1] == {job.pk for job in jobs}
