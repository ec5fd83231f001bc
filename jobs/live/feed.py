"""One reader at the end of a job's output for all who watch it.

A viewer that is behind reads by itself until it is at a border of the feed's pieces; from there on it takes what
the feed has read and encoded for all. The feed keeps a window of the newest pieces and waits for nobody: who falls
out of the window reads by itself again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from jobs.live.events import HEARTBEAT_SECONDS, message
from jobs.live.lookups import read
from jobs.live.pieces import NAMES, READ_BYTES, Piece, Source
from jobs.live.protocol import framed
from jobs.live.together import Together
from jobs.output.marks import so_far
from jobs.output.newest import newest_of
from jobs.output.outputlog import Place

log = logging.getLogger(__name__)
WINDOW_BYTES = 256 * 1024
LOOK_SECONDS = 2.0
# Lines that come one by one travel together.
BATCH_SECONDS = 0.05

NOTHING_SAID = message({"words": ""}, event="so-far")
# The event that ends the streams of an attempt whose job is over.
Ending = Callable[[int], Awaitable[bytes]]


@dataclass
class Reads:
    """Looks into the store that found something, since the process began: by feeds, and by viewers for themselves."""

    shared: int = 0
    own: int = 0


class Member(Protocol):
    """A viewer: the number of the piece it takes next (None: it is not with the feed), and how to reach it.

    `offer` gives it a piece at once, framed for its connection, where it waits for just that one; else it is woken.
    """

    cursor: int | None

    def wake(self) -> None: ...

    def offer(self, number: int, piece: Piece, chunk: bytes) -> None: ...


class Feed:
    """Of one attempt. Pieces are numbered; those from `first` up to `end` are in the window.

    `said` is the event about output that is not stored yet. `end_event` comes when the job is over and all is read;
    `trouble` when reading failed: then the streams end, and browsers that come back find a new feed. `beats` grows
    when nothing was said for HEARTBEAT_SECONDS.
    """

    def __init__(self, attempt_id: int, ending: Ending, reads: Reads, looks: Together) -> None:
        self.attempt_id = attempt_id
        self.reads = reads
        self._looks = looks
        self.first = 0
        self.said = NOTHING_SAID
        self.beats = 0
        self.end_event: bytes | None = None
        self.trouble: Exception | None = None
        self.members: set[Member] = set()
        self._ending = ending
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._source: Source | None = None
        self._source_place = Place()
        self._spoke_at = time.monotonic()
        self._is_over = False
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def end(self) -> int:
        """The number of the next piece."""
        return self.first + len(self._pieces)

    def at(self, number: int) -> Piece | None:
        """A piece of the window, if it is there already."""
        return self._pieces[number - self.first] if self.first <= number < self.end else None

    def border(self, place: Place) -> int | None:
        """The number of the piece that starts at a place (it may be still to come); None: none does."""
        for number, piece in enumerate(self._pieces, self.first):
            if piece.start == place:
                return number
        return self.end if self._source and self._source_place == place else None

    def bytes_to_border(self, place: Place) -> int:
        """How much a viewer that is behind should read next in order to meet the feed."""
        if self._pieces and _is_before(self._pieces[0].start, place):
            for piece in self._pieces:
                if _is_before(place, piece.end) and piece.end != place:
                    distance = piece.end.stdout - place.stdout + piece.end.stderr - place.stderr
                    return min(READ_BYTES, distance)
        return READ_BYTES

    def go_on_with(self, source: Source) -> None:
        """A viewer has reached the end of what is stored: where nobody was before, its reader becomes the feed's."""
        if self._source is None and self.end_event is None:
            self._source, self._source_place = source, source.place
            self._task = asyncio.get_running_loop().create_task(self._run(source))

    def look(self) -> None:
        """There may be something new."""
        self._due.set()

    def finish(self) -> None:
        """The job is over: what is read from now on is all there is."""
        if not self._is_over:
            self._is_over = True
            self._due.set()

    def stop(self) -> None:
        """Nobody watches any more."""
        if self._task:
            self._task.cancel()

    async def _run(self, source: Source) -> None:
        try:
            while self._source is source:
                self._due.clear()
                is_over = self._is_over
                # Who is behind hurries; who has all waits for company.
                look = self._looks.read if source.is_at_end else read
                piece, said = await look(_look, source, self.attempt_id)
                if piece:
                    self.reads.shared += 1
                    self._publish(piece)
                    await self._pause(source)
                elif is_over:
                    await self._complete(source)
                    return
                else:
                    await self._rest(said)
        except Exception as error:  # whatever it was: no stream may wait for a feed that is dead
            log.warning("could not read output %s: %s: %s", self.attempt_id, type(error).__name__, error)
            self.trouble = error
            self._wake_all()

    async def _pause(self, source: Source) -> None:
        """Until there is more to read, as far as anybody knows: nearly always a new line wakes it."""
        if self._is_over or not source.is_at_end:
            await asyncio.sleep(0)
            return
        await asyncio.sleep(BATCH_SECONDS)
        await self._woken()

    async def _woken(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._due.wait()

    def _publish(self, piece: Piece) -> None:
        number, chunk = self.end, framed(piece.event)
        self._pieces.append(piece)
        self._source_place = piece.end
        self._size += len(piece.event)
        self._spoke_at = time.monotonic()
        has_moved = False
        while self._size > WINDOW_BYTES and len(self._pieces) > 1:
            self._size -= len(self._pieces.popleft().event)
            self.first += 1
            has_moved = True
        for member in self.members:
            member.offer(number, piece, chunk)
        if has_moved and not any((member.cursor or 0) >= self.first for member in self.members):
            # All are behind, and read by themselves: whoever reaches the end begins anew.
            self._forget()

    def _forget(self) -> None:
        self.first, self._size, self._source = self.end, 0, None
        self._pieces.clear()

    async def _complete(self, source: Source) -> None:
        if last := await read(source.last):
            self._publish(last)
        self.end_event = await self._ending(self.attempt_id)
        self._wake_all()

    async def _rest(self, said: bytes) -> None:
        now = time.monotonic()
        if said != self.said:
            self.said = said
            self._wake_all()
        elif now - self._spoke_at >= HEARTBEAT_SECONDS:
            self.beats, self._spoke_at = self.beats + 1, now
            self._wake_all()
        await self._woken()

    def _wake_all(self) -> None:
        for member in self.members:
            member.wake()


class Feeds:
    """The feeds of the process: each is there as long as somebody watches."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending
        self.reads = Reads()
        self._looks = Together()
        self._of_job: dict[int, dict[int, Feed]] = {}

    def __len__(self) -> int:
        return sum(len(feeds) for feeds in self._of_job.values())

    @contextmanager
    def joined(self, job_id: int, attempt_id: int, member: Member) -> Iterator[Feed]:
        """Be told of an attempt's output while the block runs."""
        feeds = self._of_job.setdefault(job_id, {})
        feed = feeds.get(attempt_id)
        if feed is None:
            feed = feeds[attempt_id] = Feed(attempt_id, self._ending, self.reads, self._looks)
        feed.members.add(member)
        try:
            yield feed
        finally:
            feed.members.discard(member)
            if not feed.members:
                self._end(job_id, feed)

    def look(self, job_id: int) -> None:
        """There may be new output of a job."""
        for feed in self._of_job.get(job_id, {}).values():
            feed.look()

    def _end(self, job_id: int, feed: Feed) -> None:
        feed.stop()
        feeds = self._of_job[job_id]
        del feeds[feed.attempt_id]
        if not feeds:
            del self._of_job[job_id]


def _look(source: Source, attempt_id: int) -> tuple[Piece | None, bytes]:
    """What comes next; where that is nothing, the event about output that is not stored yet."""
    piece = source.next()
    return piece, NOTHING_SAID if piece else _said(attempt_id)


def _said(attempt_id: int) -> bytes:
    newest = [[NAMES[stream], words, text] for stream, words, text in newest_of(attempt_id)]
    return message({"words": so_far(attempt_id)} | ({"newest": newest} if newest else {}), event="so-far")


def _is_before(place: Place, other: Place) -> bool:
    return place.stdout <= other.stdout and place.stderr <= other.stderr
