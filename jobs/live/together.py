"""Looks into files that are due at about the same time, in one turn of a thread.

To hand a look to a thread and to hear of its end costs several times what the look itself does.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar

from jobs.live.lookups import read

P = ParamSpec("P")
T = TypeVar("T")
WAIT_SECONDS = 0.015
# A thread does so many one after the other; more are spread over several.
MOST = 16

Look = tuple[Callable[[], Any], "asyncio.Future[Any]"]
Told = tuple[Any, Exception | None]


class Together:
    """`read` as jobs/live/lookups.py has it; whoever asks within WAIT_SECONDS of the first is served with it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[Look] = []
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do file work in a thread for it. Raises what it raises."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._running = loop, [], set()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((partial(question, *args, **kwargs), future))
        if len(self._waiting) == 1:
            loop.call_later(WAIT_SECONDS, self._begin, loop)
        return await future

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), MOST):
            task = loop.create_task(_serve(waiting[first : first + MOST]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)


async def _serve(looks: Sequence[Look]) -> None:
    try:
        told = await read(_all, [look for look, _ in looks])
    except Exception as error:  # no thread can be had: nobody may wait for ever
        told = [(None, error)] * len(looks)
    for (_, future), (answer, trouble) in zip(looks, told, strict=True):
        if future.done():  # whoever asked is gone
            continue
        if trouble:
            future.set_exception(trouble)
        else:
            future.set_result(answer)


def _all(looks: Sequence[Callable[[], Any]]) -> list[Told]:
    return [_answer(look) for look in looks]


def _answer(look: Callable[[], Any]) -> Told:
    try:
        return look(), None
    except Exception as error:  # each asker's own
        return None, error
