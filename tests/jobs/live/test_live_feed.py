"""Many viewers of one job cost one reader; who is behind, cut or stalled loses nothing and holds nobody up."""

import asyncio
import random
import time
from contextlib import AsyncExitStack, suppress

import pytest

from jobs.live import feed, pieces, together
from jobs.live.board import board
from jobs.output import outputlog
from jobs.output.holes import Hole
from tests.jobs.live.live_reader import do, open_stream, run, session_of
from tests.jobs.output_writer import finish, store

pytestmark = pytest.mark.django_db(transaction=True)
VIEWERS = 20


@pytest.fixture
def reads(monkeypatch):
    """The pieces that were read from the store, by whom."""
    found = []
    real = pieces.Source.next

    def counted(source, *most):
        piece = real(source, *most)
        if piece:
            found.append(source)
        return piece

    monkeypatch.setattr(pieces.Source, "next", counted)
    return found


def path_of(job):
    return f"/live/jobs/{job.pk}/output"


async def streams(stack, many, path, key):
    return [await stack.enter_async_context(open_stream(path, key)) for _ in range(many)]


async def joined(job, many):
    """Until so many streams go with the feed of the job."""
    async with asyncio.timeout(20):
        while True:
            found = [one for feeds in board().feeds._of_job.values() for one in feeds.values()]
            if sum(member.cursor is not None for one in found for member in one.members) == many:
                return
            await asyncio.sleep(0.01)


def test_many_viewers_cost_one_reader(running, alice, reads):
    job, attempt = running
    key = session_of(alice)
    store(attempt, b"before\n")

    async def watch():
        async with AsyncExitStack() as stack:
            opened = await streams(stack, VIEWERS, f"{path_of(job)}?from=7,0", key)
            pulls = [asyncio.ensure_future(stream.until_end()) for stream in opened]
            await joined(job, VIEWERS)
            reads.clear()
            for number in range(10):
                await do(store, attempt, b"line %d\n" % number)
                await asyncio.sleep(0.1)
            await do(finish, job, 0)
            await asyncio.gather(*pulls)
            assert len(board().feeds) == 1
        text = "".join(f"line {number}\n" for number in range(10))
        assert {stream.text() for stream in opened} == {text}
        # Not 200: each piece once, and by one reader.
        assert len(reads) <= 10
        assert len(set(reads)) == 1

    run(watch())


def test_the_feed_goes_with_its_last_viewer(running, alice):
    job, attempt = running
    key = session_of(alice)

    async def watch():
        async with AsyncExitStack() as stack:
            for stream in await streams(stack, 3, path_of(job), key):
                task = asyncio.ensure_future(stream.until_text("x"))
                stack.push_async_callback(asyncio.wait, [task])
            await joined(job, 3)
            assert len(board().feeds) == 1
            await do(store, attempt, b"x")
        assert len(board().feeds) == 0
        assert not board().feeds._of_job
        await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if "Feed._run" in repr(task.get_coro())]

    run(watch())


async def cut_viewer(path, key, cuts):
    """What a browser has whose connection is cut after a few events, again and again."""
    got, place = {"out": "", "err": ""}, "0,0"
    while True:
        async with open_stream(path, key, **{"Last-Event-ID": place}) as stream:
            for _ in range(cuts.randrange(1, 6)):
                is_over = (await stream.next()).kind == "end"
                if is_over:
                    break
            for name in got:
                got[name] += stream.text(name)
            place = stream.place or place
        if is_over:
            return got
        await asyncio.sleep(cuts.random() * 0.03)


def test_a_viewer_that_is_cut_anywhere_loses_and_doubles_nothing(running, alice, monkeypatch):
    monkeypatch.setattr(feed, "WINDOW_BYTES", 4000)
    monkeypatch.setattr(feed, "BATCH_SECONDS", 0.001)
    job, attempt = running
    key = session_of(alice)
    chance = random.Random(7)
    texts = {"stdout": "".join(f"zeile {n} – ✓ äöü 🚂\n" for n in range(900)), "stderr": "ß" * 3000}
    data = {stream: text.encode() for stream, text in texts.items()}

    def write():
        left = dict(data)
        while any(left.values()):
            stream = chance.choice([stream for stream in left if left[stream]])
            cut = chance.randrange(1, 600)  # in the middle of characters, too
            store(attempt, left[stream][:cut], stream)
            left[stream] = left[stream][cut:]
            time.sleep(0.004)
        finish(job, 0)

    async def watch():
        async with asyncio.timeout(90), open_stream(path_of(job), key) as steady:
            pull = asyncio.ensure_future(steady.until_end())
            writing = asyncio.ensure_future(asyncio.to_thread(write))
            found = await asyncio.gather(
                *(cut_viewer(path_of(job), key, random.Random(seed)) for seed in range(8))
            )
            await writing
            await pull
            # Some came back within the window, and some behind it.
            assert board().feeds.reads.shared > 20
            assert board().feeds.reads.own > 3
        assert (steady.text(), steady.text("err")) == tuple(texts.values())
        for got in found:
            assert got == {"out": texts["stdout"], "err": texts["stderr"]}

    run(watch())


def test_a_stalled_viewer_holds_up_nobody_and_keeps_nothing(running, alice, monkeypatch):
    monkeypatch.setattr(feed, "BATCH_SECONDS", 0.001)
    job, attempt = running
    key = session_of(alice)
    many = 12 * feed.WINDOW_BYTES // pieces.READ_BYTES

    async def watch():
        async with AsyncExitStack() as stack:
            stalled, quick = await streams(stack, 2, path_of(job), key)
            for stream in (stalled, quick):
                await stream.next(with_comments=True)
            first = asyncio.ensure_future(stalled.next())
            pull = asyncio.ensure_future(quick.until_end())
            await joined(job, 2)
            await do(store, attempt, b"first\n")
            await first  # and nothing more
            for _ in range(many):
                await do(store, attempt, b"x" * pieces.READ_BYTES)
                await asyncio.sleep(0.005)
            quick.chunks.clear()
            one = next(iter(board().feeds._of_job[job.pk].values()))
            assert sum(len(piece.event) for piece in one._pieces) <= feed.WINDOW_BYTES
            assert len(one.members) == 2
            await do(finish, job, 0)
            await pull
            stalled.chunks.clear()
            await stalled.until_end()
            assert stalled.text() == "x" * (many * pieces.READ_BYTES)

    run(watch())


def test_a_viewer_from_far_behind_reads_by_itself_and_then_goes_with_the_others(running, alice, reads):
    job, attempt = running
    key = session_of(alice)
    text = b"0123456789abcde\n" * 40_000
    for at in range(0, len(text), 50_000):
        outputlog.append(attempt.pk, "stdout", at, text[at : at + 50_000])

    async def watch():
        async with AsyncExitStack() as stack:
            (ahead,) = await streams(stack, 1, f"{path_of(job)}?from={len(text)},0", key)
            (behind,) = await streams(stack, 1, path_of(job), key)
            pulls = [asyncio.ensure_future(stream.until_end()) for stream in (ahead, behind)]
            await joined(job, 2)
            reads.clear()
            await do(store, attempt, b"together\n")
            await do(finish, job, 0)
            await asyncio.gather(*pulls)
            assert ahead.text() == "together\n"
            assert behind.text() == text.decode() + "together\n"
            assert len(reads) == 1

    run(watch())


@pytest.mark.parametrize("way", ["shared", "own"])
def test_a_hole_is_told_alike_and_once(running, alice, way):
    job, attempt = running
    key = session_of(alice)
    store(attempt, b"one\n")
    hole = Hole(4, 1_234_567, "limit")

    def rest():
        # The first piece behind the hole has no whole character: its place says nothing yet.
        store(attempt, "ä".encode()[:1], told=outputlog.Told(0, hole))
        store(attempt, "ä".encode()[1:] + b"\n", told=outputlog.Told(0, hole))

    async def watch():
        if way == "own":
            await do(rest)
            await do(finish, job, 0)
        async with AsyncExitStack() as stack:
            opened = await streams(stack, 3, path_of(job), key)
            pulls = [asyncio.ensure_future(stream.until_end()) for stream in opened]
            if way == "shared":
                await joined(job, 3)
                await do(rest)
                await do(finish, job, 0)
            await asyncio.gather(*pulls)
            for stream in opened:
                marks = [(name, text) for name, text in stream.chunks if name == "out-mark"]
                assert marks == [("out-mark", hole.words)]
                assert stream.text() == "one\nä\n"

    run(watch())


def test_a_hole_is_told_once_to_a_viewer_that_is_cut_beside_it(running, alice):
    job, attempt = running
    key = session_of(alice)
    hole = Hole(4, 1_234_567, "limit")
    store(attempt, b"one\n")
    store(attempt, "ä".encode()[:1], told=outputlog.Told(0, hole))

    async def watch():
        async with open_stream(path_of(job), key) as first:
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await first.until_end()
        await do(store, attempt, "ä".encode()[1:], "stdout", outputlog.Told(0, hole))
        await do(finish, job, 0)
        async with open_stream(f"{path_of(job)}?from={first.place}", key) as second:
            await second.until_end()
        assert [text for name, text in first.chunks + second.chunks if name == "out-mark"] == [hole.words]
        assert first.text() + second.text() == "one\nä"

    run(watch())


def test_a_place_behind_the_end_is_the_end(running, alice):
    job, attempt = running
    key = session_of(alice)
    store(attempt, b"old\n")

    async def watch():
        async with open_stream(f"{path_of(job)}?from=999999,5", key) as strange:
            pull = asyncio.ensure_future(strange.until_end())
            await joined(job, 1)
            await do(store, attempt, b"new\n")
            await do(finish, job, 0)
            await pull
            assert strange.text() == "new\n"

    run(watch())


def test_where_reading_fails_the_streams_end_and_a_new_one_reads_anew(running, alice, monkeypatch):
    job, attempt = running
    key = session_of(alice)

    def broken(*_):
        raise OSError(5, "Input/output error")

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            await stream.next(with_comments=True)
            waiting = asyncio.ensure_future(stream.next())
            await joined(job, 1)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(pieces.Source, "next", broken)
                await do(store, attempt, b"x\n")
                with pytest.raises(StopAsyncIteration):
                    await waiting
        async with open_stream(path_of(job), key) as stream:
            await stream.until_text("x\n")

    run(watch())


def test_who_has_much_to_read_waits_for_no_company(running, alice, monkeypatch):
    """A script that prints megabytes a second: looks at its end share a turn, those before it do not wait for one."""
    turns = []
    real = together._all
    monkeypatch.setattr(together, "_all", lambda looks: turns.append(len(looks)) or real(looks))
    job, attempt = running
    key, text = session_of(alice), b"0123456789abcde\n" * (40 * pieces.READ_BYTES // 16)

    async def watch():
        async with open_stream(path_of(job), key) as stream:
            pull = asyncio.ensure_future(stream.until_end())
            await do(store, attempt, b"first\n")
            await joined(job, 1)
            before = len(turns)
            await do(store, attempt, text)
            await do(finish, job, 0)
            await pull
            assert stream.text() == "first\n" + text.decode()
            assert len(turns) - before <= 6

    run(watch())
