"""The check of who may still look runs beside everything else: it holds nothing up, and its failure ends nothing."""

import asyncio
import threading
from contextlib import AsyncExitStack

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError

from jobs.live import board
from jobs.models import Job
from tests.jobs.live.live_reader import SECONDS, do, open_stream, run, session_of

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(job):
    return f"/live/changes?ids={job.pk}"


def move(job, status="running"):
    Job.objects.filter(pk=job.pk).update(status=status)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("LOOK_SECONDS", "RIGHTS_SECONDS", "GOODBYE_SECONDS"):
        monkeypatch.setattr(board, name, 0.05)


class Held:
    """A check that takes as long as the test wants."""

    def __init__(self, monkeypatch):
        self.began, self.may_end, self.ended = threading.Semaphore(0), threading.Event(), threading.Event()
        self._really = board.visible_ids
        monkeypatch.setattr(board, "visible_ids", self)

    async def begins(self):
        assert await asyncio.to_thread(self.began.acquire, timeout=20)

    def __call__(self, wanted):
        self.began.release()
        assert self.may_end.wait(2 * SECONDS)  # longer than a stream is waited for
        self.ended.set()
        return self._really(wanted)


def test_statuses_and_newcomers_do_not_wait_for_a_long_check(make_job, alice, monkeypatch):
    held = Held(monkeypatch)
    first, second = make_job(), make_job()
    key = session_of(alice)

    async def watch():
        # A limit for all of it: a stream that waits has a heartbeat now and then.
        async with asyncio.timeout(SECONDS), open_stream(path_of(first), key) as stream:
            await stream.next(with_comments=True)
            await held.begins()
            await do(move, first)
            assert (await stream.next()).data == {"ids": [first.pk]}
            async with open_stream(path_of(second), key) as later:
                await later.next(with_comments=True)
                await do(move, second)
                assert (await later.next()).data == {"ids": [second.pk]}
        assert not held.ended.is_set()
        held.may_end.set()

    try:
        run(watch())
    finally:
        held.may_end.set()


def test_a_stream_that_came_during_a_check_is_not_meant_by_it(make_job, alice, monkeypatch):
    """The same session, and a job that was not asked for."""
    held = Held(monkeypatch)
    first, second = make_job(), make_job()
    key = session_of(alice)

    async def watch():
        async with AsyncExitStack() as stack:
            before = await stack.enter_async_context(open_stream(path_of(first), key))
            await before.next(with_comments=True)
            await held.begins()
            later = await stack.enter_async_context(open_stream(path_of(second), key))
            await later.next(with_comments=True)
            held.may_end.set()
            await held.begins()  # the next one: what the first one said has been done
            # A loss would be told as a change, too, and then the stream would end.
            for status in ("running", "finishing"):
                await do(move, second, status)
                assert (await later.next()).data == {"ids": [second.pk]}

    try:
        run(watch())
    finally:
        held.may_end.set()


def test_a_check_that_fails_ends_nobodys_stream_and_the_next_one_ends_the_lost_ones(
    make_job, alice, bob, monkeypatch
):
    job = make_job()
    key, lost = session_of(alice), session_of(bob)
    really, is_away, failed = board.visible_ids, threading.Event(), threading.Semaphore(0)
    is_away.set()

    def sometimes(wanted):
        if is_away.is_set():
            failed.release()
            raise OperationalError("gone")
        return really(wanted)

    monkeypatch.setattr(board, "visible_ids", sometimes)

    async def watch():
        async with open_stream(path_of(job), key) as keeps, open_stream(path_of(job), lost) as loses:
            for stream in (keeps, loses):
                await stream.next(with_comments=True)
            await do(Session.objects.filter(pk=lost).delete)
            for _ in range(3):
                assert await asyncio.to_thread(failed.acquire, timeout=20)
            await do(move, job)
            for stream in (keeps, loses):
                assert (await stream.next()).data == {"ids": [job.pk]}
            is_away.clear()
            assert [(await loses.next()).kind for _ in range(2)] == ["changed", "closed"]
            await do(move, job, "finishing")
            assert (await keeps.next()).data == {"ids": [job.pk]}

    run(watch())
