"""Both streams as one download: their lines in the order in which they began, as the page shows them.

Each line stands in one piece, where its first byte came; a last line without its end gets one. Where bytes were left
out, a line of ours stands before the first line behind them. See streamlog.py for its tag.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO

from jobs.output.holes import Hole, extent
from jobs.output.landmarks import Landmarks, Mark
from jobs.output.outputlog import STREAMS
from jobs.output.patched import Insert, Patched, line_for
from jobs.output.streambytes import StreamBytes
from jobs.output.streamlog import Asked, earlier, modified_at, tag_of
from jobs.resuming import BLOCK, Opened


class MergedLog:
    """As it is now, or as it was when that tag was given out. Deleted meanwhile, it is shorter than it said."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        names = ["order.idx", *(f"{stream}.{what}" for stream in STREAMS for what in ("log", "facts"))]
        self.modified = modified_at(asked.folder / name for name in names)
        self._marks = Landmarks(int(asked.folder.name))
        end = self._marks.end
        known = [extent(asked.folder, stream).holes for stream in STREAMS]
        self._holes = [[hole for hole in holes if hole.at <= end.reached[i]] for i, holes in enumerate(known)]
        counted = [end.index_at, *map(len, self._holes)]
        self._merge, self.tag = self._at(end, counted)
        if before := earlier(asked.tag, counted):
            merge, tag = self._at(self._marks.upto(before[0]), before)
            if tag == asked.tag:
                self._merge, self.tag, self.modified = merge, tag, None

    @property
    def size(self) -> int:
        return self._merge.size

    def read(self, start: int, end: int) -> Opened:
        with ExitStack() as opening:
            logs = [
                opening.enter_context((self._asked.folder / f"{stream}.log").open("rb", BLOCK))
                if stored
                else None
                for stream, stored in zip(STREAMS, self._merge.end.reached, strict=True)
            ]
            blocks = _gathered(self._merge.read(logs, start, end))
            return Opened(blocks, opening.pop_all())

    def _at(self, end: Mark, counted: list[int]) -> tuple["Merge", str]:
        holes = [holes[:many] for holes, many in zip(self._holes, counted[1:], strict=True)]
        merge = Merge(self._marks, end, holes)
        told = [counted[0], *end.reached, *counted[1:]]
        return merge, tag_of(counted, [self._asked.secret, "merged", repr(told)], merge.inserts)


class Merge:
    """Both streams up to a place in the order of their arrival.

    What came in one piece of a stream is here from the first line that begins in the piece, or behind it, to the
    first that begins behind its end. So each place in that order says how much of either stream stands before it.
    """

    def __init__(self, marks: Landmarks, end: Mark, holes: Sequence[Sequence[Hole]]) -> None:
        self._marks, self.end = marks, end
        self._bytes = [StreamBytes(marks.folder, number) for number in range(len(STREAMS))]
        # Per stream, the last stretch in which no line begins but at its end.
        self._within = [(0, 0), (0, 0)]
        inserts = [self._inserts(number, holes[number]) for number in range(len(STREAMS))]
        self.inserts = [insert for each in inserts for insert in each]
        self._streams = [Patched(stored, each) for stored, each in zip(end.reached, inserts, strict=True)]
        self.size = sum(stream.size for stream in self._streams)

    def read(self, logs: Sequence[BinaryIO | None], start: int, end: int) -> Iterator[bytes]:
        """The bytes from one place up to another, in blocks large and small."""
        number = self._marks.last(self._position, start)
        at = self._position(self._marks[number])
        for piece in self._marks.pieces(self._marks[number], self.end):
            stream, log = self._streams[piece.stream], logs[piece.stream]
            first = stream.where(self._line_from(piece.stream, piece.start))
            length = stream.where(self._line_from(piece.stream, piece.end)) - first
            if log and at + length > start:
                yield from stream.read(log, first + max(0, start - at), first + min(length, end - at))
            at += length
            if at >= end:
                return

    def _position(self, mark: Mark) -> int:
        """How much stands before a landmark."""
        return sum(
            stream.where(self._line_from(number, self._clear_of_long_line(mark, number)))
            for number, stream in enumerate(self._streams)
        )

    def _clear_of_long_line(self, mark: Mark, stream: int) -> int:
        """A place in the same line of the stream, or at the same beginning of one, near the beginning of the next."""
        lines = mark.lines_of(stream)
        return self._marks[self._marks.last(lambda other: other.lines_of(stream), lines)].reached[stream]

    def _line_from(self, stream: int, offset: int) -> int:
        """Where the first line begins that does not begin before; the stream's end where none does."""
        stored = self.end.reached[stream]
        if offset == 0 or offset >= stored:
            return min(offset, stored)
        begin, end = self._within[stream]
        if not begin <= offset <= end:
            end = min(stored, self._bytes[stream].end_of_line(offset - 1, stored) + 1)
            self._within[stream] = offset, end
        return end

    def _inserts(self, stream: int, holes: Sequence[Hole]) -> list[Insert]:
        stored = self.end.reached[stream]
        found = [Insert(self._line_from(stream, hole.at), line_for(hole)) for hole in holes]
        is_open = stored and self._bytes[stream].get(stored - 1, stored) != b"\n"
        ends = [Insert(stored, b"\n")] if is_open else []
        return [
            *(insert for insert in found if insert.at < stored),
            *ends,
            *(insert for insert in found if insert.at >= stored),
        ]


def _gathered(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in few blocks, however small the pieces were in which they came."""
    held, size = [], 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size >= BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
