"""The output in pages, rendered by the server: a bounded piece of it, however large the whole is.

A line belongs to where its first byte arrived, as in the live view (static/js/output/lines.js); its number counts
the lines of both streams in that order, and never changes while the log grows. A position is a number of bytes:
of both streams in order of arrival, or of the one stream that is shown.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from django.utils.safestring import SafeString

from jobs.output import outputlog
from jobs.output.holes import extent
from jobs.output.landmarks import Landmarks, Mark, Piece
from jobs.output.streambytes import StreamBytes
from jobs.output.terminal import Terminal

LINES = 500
# How many lines of a page come before the one that was asked for.
LINES_BEFORE = 40
WINDOW = 128 * 1024
# More of a line is only in the download.
LONGEST_LINE = 10_000
LONGEST_SCAN = 16 * 1024 * 1024


class Line(NamedTuple):
    """One line as the page shows it."""

    number: int
    stream: str
    html: SafeString
    # What was left out before it.
    mark: str = ""


@dataclass(frozen=True)
class Page:
    """`earlier` and `later` are positions for `page_before` and `page_from`; None where nothing is there."""

    lines: list[Line] = field(default_factory=list)
    earlier: int | None = None
    later: int | None = None
    total_lines: int = 0
    # What was left out behind the last line's beginning.
    marks_after: list[str] = field(default_factory=list)
    # Where a reader of both streams gets these lines and all that follow; `halfway` is the stream that is within
    # a line there, which began before.
    place: outputlog.Place = field(default_factory=outputlog.Place)
    halfway: str = ""


class Start(NamedTuple):
    """Where a line begins, and how much of the other stream was there by then."""

    position: int
    number: int
    stream: int
    offset: int
    other: int


class OutputPages:
    """Pages of an attempt's output: of "all", or of "stdout" or "stderr" alone (numbers stay those of all)."""

    def __init__(self, attempt_id: int, stream: str = "all") -> None:
        self.marks = Landmarks(attempt_id)
        self.only = outputlog.STREAMS.index(stream) if stream in outputlog.STREAMS else None
        # What arrives while the page is made is for the next one.
        self.size = self.position_of(self.marks.end)
        self._bytes = [StreamBytes(self.marks.folder, number) for number in range(len(outputlog.STREAMS))]

    def position_of(self, mark: Mark) -> int:
        """Where a mark lies among the bytes that are shown."""
        return sum(mark.reached) if self.only is None else mark.reached[self.only]

    def last(self) -> Page:
        """The last lines."""
        return self.page_before(self.size)

    def page_before(self, position: int) -> Page:
        """The lines that begin before a position."""
        end = max(0, min(position, self.size))
        starts: list[Start] = []
        begin = end
        while not starts and begin > 0:
            before, begin = begin, max(0, begin - WINDOW)
            starts = list(deque(self._starts(begin, before), maxlen=LINES))
        return self._page(starts, later=end if end < self.size else None)

    def page_from(self, position: int) -> Page:
        """The lines that begin at a position or behind it."""
        begin = max(0, min(position, self.size))
        starts: list[Start] = []
        end = begin
        while not starts and end < self.size:
            begin, end = end, min(self.size, end + WINDOW)
            starts = list(islice(self._starts(begin, end), LINES + 1))
        if len(starts) > LINES:
            return self._page(starts[:LINES], later=starts[LINES].position)
        return self._page(starts, later=end if end < self.size else None)

    def page_around(self, number: int) -> Page:
        """The lines about one of them: a few before it, and those that follow."""
        found = self.line(number)
        if found is None:
            return self.last()
        begin = max(0, found.position - WINDOW // 4)
        before = deque(self._starts(begin, found.position), maxlen=LINES_BEFORE)
        return self.page_from(before[0].position if before else found.position)

    def line(self, number: int) -> Start | None:
        """The line with that number, or the next one that is shown; None behind the last."""
        begin = self.marks.last(lambda mark: mark.lines, max(0, number - 1))
        starts = self._starts(self.position_of(self.marks[begin]), self.size)
        return next((start for start in starts if start.number >= number), None)

    def line_at(self, position: int) -> Start | None:
        """The first line that begins at a position or behind it."""
        return next(self._starts(min(position, self.size), self.size), None)

    def _page(self, starts: list[Start], later: int | None) -> Page:
        terminals = (Terminal(), Terminal())
        holes = self._holes()
        lines = [
            Line(
                start.number,
                outputlog.STREAMS[start.stream],
                terminals[start.stream].html(self._text(start)),
                holes.pop((start.stream, start.offset), ""),
            )
            for start in starts
        ]
        reached = self.marks.end.reached
        after = [words for (stream, at), words in holes.items() if later is None and at >= reached[stream]]
        total = self.marks.end.lines
        if not starts:
            return Page(lines, None, later, total, after)
        first = starts[0]
        earlier = first.position if first.position > 0 else None
        place = outputlog.Place(
            *((first.other, first.offset) if first.stream else (first.offset, first.other))
        )
        return Page(lines, earlier, later, total, after, place, self._halfway(first))

    def _holes(self) -> dict[tuple[int, int], str]:
        """What was left out, by the beginning of the first line behind it: its stream and its place there."""
        found = {}
        for number, stream in enumerate(outputlog.STREAMS):
            reached = self.marks.end.reached[number]
            for hole in extent(self.marks.folder, stream).holes:
                if self.only in (None, number) and hole.at < reached:
                    found[number, self._line_from(number, hole.at, reached)] = hole.words
        return found

    def _line_from(self, stream: int, at: int, reached: int) -> int:
        """Where the first line begins that does not begin before `at`."""
        return at and self._bytes[stream].end_of_line(at - 1, reached) + 1

    def _halfway(self, start: Start) -> str:
        before = self._bytes[1 - start.stream].get(max(0, start.other - 1), start.other)
        return "" if before in (b"", b"\n") else outputlog.STREAMS[1 - start.stream]

    def _starts(self, begin: int, end: int) -> Iterator[Start]:
        """Where lines begin from one position up to another; stretches of which nothing is shown are passed over."""
        number = self.marks.last(self.position_of, begin)
        while number < len(self.marks):
            first, last = self.marks[number], self.marks.after(number)
            if self.position_of(first) >= end:
                return
            yield from self._starts_between(first, last, begin, end)
            number = max(number + 1, self.marks.last(self.position_of, self.position_of(last)))

    def _starts_between(self, first: Mark, last: Mark, begin: int, end: int) -> Iterator[Start]:
        position, lines = self.position_of(first), first.lines
        for piece in self.marks.pieces(first, last):
            is_shown = self.only in (None, piece.stream)
            length = piece.end - piece.start
            if is_shown and position >= end:
                return
            # What is not asked for is counted only.
            skipped = min(length, max(0, begin - position)) if is_shown else length
            lines += self._count(piece.stream, piece.start, piece.start + skipped)
            if is_shown and skipped < length:
                until = min(length, end - position)
                for offset in self._line_starts(piece, skipped, until):
                    lines += 1
                    yield Start(position + offset - piece.start, lines, piece.stream, offset, piece.other)
            position += length if is_shown else 0

    def _count(self, stream: int, begin: int, end: int) -> int:
        if begin >= end:
            return 0
        first = int(begin == 0)
        return first + self._bytes[stream].get(max(0, begin - 1), end - 1).count(b"\n")

    def _line_starts(self, piece: Piece, first: int, last: int) -> Iterator[int]:
        """Offsets in the stream: a line begins behind each newline, and at the very beginning."""
        begin, end = piece.start + first, piece.start + last
        if begin == 0:
            yield 0
        before = max(0, begin - 1)
        data = self._bytes[piece.stream].get(before, end - 1)
        found = data.find(b"\n")
        while found >= 0:
            yield before + found + 1
            found = data.find(b"\n", found + 1)

    def _text(self, start: Start) -> str:
        """The line that begins there, without its newline; of a very long one the part that matters."""
        stream, size = self._bytes[start.stream], self.marks.end.reached[start.stream]
        end = stream.end_of_line(start.offset, min(size, start.offset + LONGEST_SCAN))
        head = stream.get(start.offset, min(end, start.offset + LONGEST_LINE))
        if end - start.offset <= LONGEST_LINE:
            return head.decode(errors="replace")
        tail = stream.get(end - LONGEST_LINE, end)
        if b"\r" in tail.rstrip(b"\r"):  # a progress bar: its last state
            return tail.partition(b"\r")[2].decode(errors="replace")
        return f"{head.decode(errors='replace')} … (the rest of this line is in the download)"
