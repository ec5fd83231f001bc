"""Looks into files that are due together: one turn of a thread, each asker's own answer."""

import asyncio
import threading

import pytest

from jobs.live import together
from jobs.live.together import MOST, Together


@pytest.fixture
def turns(monkeypatch):
    """How many looks each turn of a thread had."""
    seen = []
    real = together._all

    def counted(looks):
        seen.append(len(looks))
        return real(looks)

    monkeypatch.setattr(together, "_all", counted)
    return seen


def test_what_is_due_together_is_one_turn(turns):
    here = threading.get_ident()
    looks = Together()

    async def all_of_them():
        return await asyncio.gather(*(looks.read(lambda n=n: (n, threading.get_ident())) for n in range(5)))

    told = asyncio.run(all_of_them())
    assert [number for number, _ in told] == [0, 1, 2, 3, 4]
    assert here not in {thread for _, thread in told}
    assert turns == [5]


def test_many_are_spread(turns):
    looks = Together()

    async def all_of_them():
        return await asyncio.gather(*(looks.read(int, str(n)) for n in range(2 * MOST + 1)))

    assert asyncio.run(all_of_them()) == list(range(2 * MOST + 1))
    assert sorted(turns) == [1, MOST, MOST]


def test_trouble_is_its_askers_own(turns):
    looks = Together()

    async def all_of_them():
        return await asyncio.gather(looks.read(int, "7"), looks.read(int, "x"), return_exceptions=True)

    seven, trouble = asyncio.run(all_of_them())
    assert seven == 7
    assert isinstance(trouble, ValueError)
    assert turns == [2]


def test_one_who_left_takes_nothing_from_the_others():
    looks = Together()

    async def one_leaves():
        leaving = asyncio.create_task(looks.read(int, "1"))
        staying = asyncio.create_task(looks.read(int, "2"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(one_leaves()) == 2


def test_a_loop_that_ended_leaves_nobody_waiting():
    """As in a process whose server was started again: what waited in the old loop is never begun."""
    looks = Together()

    async def left_behind():
        asyncio.create_task(looks.read(int, "1"))  # noqa: RUF006 (it ends with its loop)
        await asyncio.sleep(0)

    async def later():
        async with asyncio.timeout(10):
            return await looks.read(int, "2")

    asyncio.run(left_behind())
    assert asyncio.run(later()) == 2


def test_without_a_thread_nobody_waits_for_ever(monkeypatch):
    async def refused(question, *args):
        raise RuntimeError("no thread can be had")

    monkeypatch.setattr(together, "read", refused)
    looks = Together()

    async def asked():
        async with asyncio.timeout(10):
            await looks.read(int, "2")

    with pytest.raises(RuntimeError, match="no thread"):
        asyncio.run(asked())
