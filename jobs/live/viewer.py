"""One browser's way through a job's output: by itself until it meets the feed, then with it."""

import asyncio
from contextlib import nullcontext

from jobs.live.events import HEARTBEAT, HEARTBEAT_SECONDS, message
from jobs.live.feed import NOTHING_SAID, Feed
from jobs.live.lookups import read
from jobs.live.pieces import Piece, Source
from jobs.live.protocol import Wire
from jobs.output.outputlog import Place

END_OF_NOTHING = message({"marks": []}, event="end")


class Viewer:
    """`take`, else `read`, else `remark` give its next event. Rights are asked for elsewhere.

    `feed` is that of the attempt, as soon as there is one; `cursor` the number of the piece to take next.
    """

    __slots__ = (
        "_alarm",
        "_beats",
        "_is_at_own_end",
        "_is_quiet",
        "_is_resting",
        "_said",
        "_source",
        "_wire",
        "cursor",
        "feed",
        "place",
    )

    def __init__(self, place: Place, alarm: asyncio.Event, wire: Wire | None = None) -> None:
        self.place = place
        self.feed: Feed | None = None
        self.cursor: int | None = None
        self._alarm = alarm
        self._source: Source | None = None
        self._is_at_own_end = False
        self._is_quiet = self._is_resting = False
        self._wire = wire
        self._said, self._beats = NOTHING_SAID, 0

    def wake(self) -> None:
        """The feed has something to say."""
        self._alarm.set()

    def offer(self, number: int, piece: Piece, chunk: bytes) -> None:
        """A new piece: it is sent at once where this viewer has everything before it and waits."""
        if self._is_resting and self.cursor == number and self._wire and self._wire.write(chunk):
            self.cursor, self.place = number + 1, piece.end
        else:
            self.wake()

    def take(self) -> bytes | None:
        """The next event where the feed has it already; None where it has not, or this viewer is not with it."""
        if self.cursor is None or self.feed is None:
            return None
        piece = self.feed.at(self.cursor)
        if piece:
            self.cursor += 1
            self.place = piece.end
            return piece.event
        if self.cursor < self.feed.first:
            self.cursor = None
        return None

    async def read(self) -> bytes | None:
        """Where the feed had nothing: the next event by an own look into the store; None: nothing more now."""
        feed = self.feed
        if feed is None or self.cursor is not None:
            return None
        if self._meets(feed):
            return self.take()
        if self._wire:
            await self._wire.ready()
        if self._source is None:
            self._source = await read(Source, feed.attempt_id, self.place)
        # Asked before reading: what is read after the end is known is all there is.
        is_over = feed.end_event is not None
        piece = await read(self._source.next, feed.bytes_to_border(self.place))
        self.place = self._source.place
        if piece:
            feed.reads.own += 1
            return piece.event
        feed.go_on_with(self._source)
        if self._meets(feed):
            return self.take()
        last = await read(self._source.last) if is_over else None
        self._is_at_own_end = is_over
        return last.event if last else None

    def remark(self) -> bytes | None:
        """What is to be told beside the output: what is not shown of it yet, or that the stream still lives."""
        if self.feed is None:
            is_quiet, self._is_quiet = self._is_quiet, False
            return HEARTBEAT if is_quiet else None
        if self.feed.said != self._said:
            self._said = self.feed.said
            return self._said
        if self.feed.beats != self._beats:
            self._beats = self.feed.beats
            return HEARTBEAT
        return None

    @property
    def end_event(self) -> bytes | None:
        """The job is over and everything was given: what ends the stream. Ask only when the job is over."""
        if self.feed is None:
            return END_OF_NOTHING
        return self.feed.end_event if self._is_at_own_end or self.cursor == self.feed.end else None

    async def rest(self) -> None:
        """Until there may be something to give. A feed wakes its viewers for a heartbeat, too."""
        self._is_resting = True
        try:
            async with nullcontext() if self.feed else asyncio.timeout(HEARTBEAT_SECONDS):
                await self._alarm.wait()
        except TimeoutError:
            self._is_quiet = True
        finally:
            self._is_resting = False
        self._alarm.clear()

    def _meets(self, feed: Feed) -> bool:
        self.cursor = feed.border(self.place)
        if self.cursor is None:
            return False
        self._source = None
        return True
