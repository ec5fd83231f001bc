"""What all streams of the process wait for, looked up once for all of them.

Every two seconds, and at once after a hint, one query reads the facts of all jobs that a stream is about; beside
that, every five seconds all sessions are asked together whether they may still look. Hints only bring a look forward
(level-triggered).
"""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

from jobs.live.bell import Bell
from jobs.live.events import message
from jobs.live.feed import Feeds
from jobs.live.lookups import Facts, ask, ask_apart, ending_of, facts_of
from jobs.live.protocol import Wire
from jobs.live.rights import visible_ids

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0
RIGHTS_SECONDS = 5.0
# So long a browser has to read that its stream is closed.
GOODBYE_SECONDS = 2.0
WATCHED_AGAIN_SECONDS = 6.0
# Hints come in bursts: there is no other look before so long after one. The first of a burst is answered at once.
GATHER_SECONDS = 0.03


@dataclass(eq=False)
class Listener:
    """One stream's place at the board. `woken` is set when there may be something to send."""

    session_key: str
    facts: dict[int, Facts]
    wants_output: bool = False
    wire: Wire | None = None
    changed: set[int] = field(default_factory=set)
    is_shut_out: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.ids = frozenset(self.facts)

    def take_changed(self) -> set[int]:
        """The jobs that changed since the last call."""
        changed, self.changed = self.changed, set()
        return changed

    def learn(self, facts: dict[int, Facts], hinted: set[int]) -> None:
        """Compare with what the stream was told; a job that is not there any more has changed, too."""
        new = {pk: facts[pk] for pk in self.ids if pk in facts}
        changed = {pk for pk in self.ids if new.get(pk) != self.facts.get(pk)} | (hinted & self.ids)
        self.facts = new
        if changed:
            self.changed |= changed
            self.woken.set()

    def keep_only(self, visible: set[int]) -> None:
        """Whoever looks has a right to no other jobs any more. The page is told once what it lost."""
        lost = self.ids - visible
        if not lost:
            return
        self.ids -= lost
        self.changed |= lost
        self.facts = {pk: facts for pk, facts in self.facts.items() if pk not in lost}
        if not self.ids:
            self.shut_out()
        self.woken.set()

    def shut_out(self) -> None:
        """Nothing is left to see: the stream says so and ends, and is cut off where that is not read."""
        if self.wire and not self.is_shut_out:
            self.wire.end_within(GOODBYE_SECONDS)
        self.is_shut_out = True


class Board:
    """One for each process; works only while somebody listens."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.is_closing = False
        self.feeds = Feeds(_ending)
        self._listeners: set[Listener] = set()
        self._hinted: set[int] = set()
        self._due = asyncio.Event()
        self._bell = Bell(self.ring)
        self._task: asyncio.Task[None] | None = None
        self._watched_at = 0.0
        _hang_up_when_told_to_stop(self)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[Listener]:
        """Keep the listener informed while the block runs."""
        self._listeners.add(listener)
        if listener.wants_output:
            self._watched_at = 0.0
            self._due.set()
        if self._task is None or self._task.done():
            self._task = self.loop.create_task(self._run())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._due.set()

    def streams(self) -> dict[str, int]:
        """How many streams are open, of "output" and of "changes"."""
        output = sum(listener.wants_output for listener in self._listeners)
        return {"output": output, "changes": len(self._listeners) - output}

    def ring(self, job_id: int, what: str) -> None:
        """A hint about a job came in."""
        if what == "output":
            self.feeds.look(job_id)
        elif any(job_id in listener.ids for listener in self._listeners):
            self._hinted.add(job_id)
            self._due.set()

    def close(self) -> None:
        """End all streams: the process is told to stop, and browsers come back to the next one."""
        self.is_closing = True
        for listener in self._listeners:
            listener.woken.set()

    async def _run(self) -> None:
        """As long as somebody listens: who came while the last one's things were put away is served, too."""
        while self._listeners:
            await self._serve()

    async def _serve(self) -> None:
        beside = [self.loop.create_task(each) for each in (self._bell.listen(), self._keep_checking())]
        try:
            while self._listeners:
                await self._round()
                pace = self.loop.time() + GATHER_SECONDS
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._due.wait()
                        await asyncio.sleep(pace - self.loop.time())
                self._due.clear()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await self._bell.close()

    async def _round(self) -> None:
        hinted, self._hinted = self._hinted, set()
        try:
            await self._look(hinted)
        except Exception as error:  # no failure may end the rounds: the streams would hang
            # Nothing is lost: what was hinted stays hinted, and the next round looks at everything.
            self._hinted |= hinted
            log.warning("could not look: %s: %s", type(error).__name__, error)
        now = time.monotonic()
        if now - self._watched_at >= WATCHED_AGAIN_SECONDS:
            self._watched_at = now
            await self._note_watched()

    async def _look(self, hinted: set[int]) -> None:
        ids = set().union(*(listener.ids for listener in self._listeners))
        facts = await ask(facts_of, ids)
        for listener in list(self._listeners):
            # One that came meanwhile may be about jobs that were not asked for.
            if listener.ids <= ids:
                listener.learn(facts, hinted)

    async def _keep_checking(self) -> None:
        """In a task of its own: statuses do not wait for it."""
        while True:
            pause = RIGHTS_SECONDS
            try:
                await self._check_rights()
            except Exception as error:  # nobody is shut out by it, nor stays: the next check comes the sooner
                pause = LOOK_SECONDS
                log.warning("could not check rights: %s: %s", type(error).__name__, error)
            await asyncio.sleep(pause)

    async def _check_rights(self) -> None:
        asked = list(self._listeners)
        wanted: dict[str, set[int]] = {}
        for listener in asked:
            wanted.setdefault(listener.session_key, set()).update(listener.ids)
        visible = await ask_apart(visible_ids, wanted)
        for listener in asked:
            # Where one has ended meanwhile, its connection may be another's.
            if listener in self._listeners:
                listener.keep_only(visible[listener.session_key])

    async def _note_watched(self) -> None:
        watched = {
            facts.attempt_id
            for listener in self._listeners
            if listener.wants_output
            for facts in listener.facts.values()
            if facts.attempt_id and not facts.is_finished
        }
        if watched:
            await self._bell.note_watched(watched)


_board: Board | None = None


def board() -> Board:
    """The board of this process (of this event loop, where tests have several)."""
    global _board
    if _board is None or _board.loop is not asyncio.get_running_loop():
        _board = Board()
    return _board


async def _ending(attempt_id: int) -> bytes:
    return message({"marks": await ask(ending_of, attempt_id)}, event="end")


def _hang_up_when_told_to_stop(board: Board) -> None:
    """The server waits for its streams, and a stream has no end of its own."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before):
        return

    def stop(number: int, frame: FrameType | None) -> None:
        board.loop.call_soon_threadsafe(board.close)
        before(number, frame)

    signal.signal(signal.SIGTERM, stop)
