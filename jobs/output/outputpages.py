"""The output in pages, for browsers without JavaScript: a bounded piece of it, however large the whole is.

A line belongs to where its first byte arrived, as in the live view (static/js/output/lines.js); its number counts
the lines of both streams in that order. A position is a number of bytes: of both streams in order of arrival, or
of the one stream that is shown.
"""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from django.utils.safestring import SafeString

from jobs.output import outputlog
from jobs.output.holes import extent
from jobs.output.linecounts import LineCounts
from jobs.output.terminal import Terminal

LINES = 500
WINDOW = 128 * 1024
# More of a line is only in the download.
LONGEST_LINE = 10_000
LONGEST_SCAN = 16 * 1024 * 1024


class Line(NamedTuple):
    """One line as the page shows it; `position` leads back to it (`page_from`)."""

    number: int
    stream: str
    html: SafeString
    position: int = 0
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


class Slice(NamedTuple):
    """Bytes of one stream that came in one piece: from `start` to `end`, when the other stream had `other` bytes."""

    stream: int
    start: int
    end: int
    other: int


class Start(NamedTuple):
    """Where a line begins."""

    position: int
    number: int
    stream: int
    offset: int


class OutputPages:
    """Pages of an attempt's output: of "all", or of "stdout" or "stderr" alone (numbers stay those of all)."""

    def __init__(self, attempt_id: int, stream: str = "all") -> None:
        self._folder = outputlog.folder_of(attempt_id)
        self._only = outputlog.STREAMS.index(stream) if stream in outputlog.STREAMS else None
        self._counts = [LineCounts(self._log(number)) for number in range(len(outputlog.STREAMS))]
        # What arrives while the page is made is for the next one.
        sizes = outputlog.sizes(attempt_id)
        self._sizes = (sizes.stdout, sizes.stderr)
        self._size = sum(self._sizes) if self._only is None else self._sizes[self._only]

    def last(self) -> Page:
        """The last lines."""
        return self.page_before(self._size)

    def page_before(self, position: int) -> Page:
        """The lines that begin before a position."""
        end = max(0, min(position, self._size))
        starts: list[Start] = []
        begin = end
        while not starts and begin > 0:
            before, begin = begin, max(0, begin - WINDOW)
            starts = list(deque(self._starts(begin, before), maxlen=LINES))
        return self._page(starts, later=end if end < self._size else None)

    def page_from(self, position: int) -> Page:
        """The lines that begin at a position or behind it."""
        begin = max(0, min(position, self._size))
        starts: list[Start] = []
        end = begin
        while not starts and end < self._size:
            begin, end = end, min(self._size, end + WINDOW)
            starts = list(islice(self._starts(begin, end), LINES + 1))
        if len(starts) > LINES:
            return self._page(starts[:LINES], later=starts[LINES].position)
        return self._page(starts, later=end if end < self._size else None)

    def _page(self, starts: list[Start], later: int | None) -> Page:
        terminals = (Terminal(), Terminal())
        marks = self._marks()
        lines = [
            Line(
                start.number,
                outputlog.STREAMS[start.stream],
                terminals[start.stream].html(self._text(start)),
                start.position,
                marks.pop((start.stream, start.offset), ""),
            )
            for start in starts
        ]
        after = [
            words for (stream, at), words in marks.items() if later is None and at >= self._sizes[stream]
        ]
        total = sum(counts.begun(size) for counts, size in zip(self._counts, self._sizes, strict=True))
        earlier = starts[0].position if starts and starts[0].position > 0 else None
        return Page(lines, earlier, later, total, after)

    def _marks(self) -> dict[tuple[int, int], str]:
        """What was left out, by the beginning of the first line behind it: its stream and its place there."""
        found = {}
        for number, stream in enumerate(outputlog.STREAMS):
            for hole in extent(self._folder, stream).holes:
                if self._only in (None, number) and hole.at < self._sizes[number]:
                    found[number, self._line_from(number, hole.at)] = hole.words
        return found

    def _line_from(self, stream: int, at: int) -> int:
        """Where the first line begins that does not begin before `at`."""
        if at == 0:
            return 0
        with self._log(stream).open("rb") as log:
            return _end_of_line(log.fileno(), at - 1, self._sizes[stream]) + 1

    def _starts(self, begin: int, end: int) -> Iterator[Start]:
        """Where lines begin from one position up to another."""
        position = 0
        for piece in self._slices():
            length = piece.end - piece.start
            if position >= end:
                return
            if position + length > begin:
                first, last = max(0, begin - position), min(length, end - position)
                yield from self._starts_in(piece, position, first, last)
            position += length

    def _starts_in(self, piece: Slice, position: int, first: int, last: int) -> Iterator[Start]:
        at = piece.start + first
        with self._log(piece.stream).open("rb") as log:
            data = os.pread(log.fileno(), last - first + (at > 0), at - (at > 0))
        number = self._counts[piece.stream].begun(at) + self._counts[1 - piece.stream].begun(piece.other)
        # With the byte before it: a line begins behind each newline, and at the very beginning.
        found = -1 if at == 0 else data.find(b"\n")
        while found < len(data) - 1 and not (found < 0 and at > 0):
            number += 1
            offset = (at if at == 0 else at - 1) + found + 1
            yield Start(position + offset - piece.start, number, piece.stream, offset)
            found = data.find(b"\n", found + 1)
            if found < 0:
                return

    def _slices(self) -> Iterator[Slice]:
        reached = [0, 0]
        for stream, stored, _ in outputlog.arrivals(self._folder):
            end = min(stored, self._sizes[stream])
            if end > reached[stream]:
                if self._only in (None, stream):
                    yield Slice(stream, reached[stream], end, reached[1 - stream])
                reached[stream] = end

    def _text(self, start: Start) -> str:
        """The line that begins there, without its newline; of a very long one the part that matters."""
        with self._log(start.stream).open("rb") as log:
            end = _end_of_line(log.fileno(), start.offset, self._sizes[start.stream])
            head = os.pread(log.fileno(), min(LONGEST_LINE, end - start.offset), start.offset)
            if end - start.offset <= LONGEST_LINE:
                return head.decode(errors="replace")
            tail = os.pread(log.fileno(), LONGEST_LINE, end - LONGEST_LINE)
        if b"\r" in tail.rstrip(b"\r"):  # a progress bar: its last state
            return tail.partition(b"\r")[2].decode(errors="replace")
        return f"{head.decode(errors='replace')} … (the rest of this line is in the download)"

    def _log(self, stream: int) -> Path:
        return self._folder / f"{outputlog.STREAMS[stream]}.log"


def _end_of_line(log: int, offset: int, size: int) -> int:
    """Where the line's newline is, or the stream's end; not looked for endlessly."""
    at, step, limit = offset, 4096, min(size, offset + LONGEST_SCAN)
    while at < limit:
        data = os.pread(log, min(step, limit - at), at)
        found = data.find(b"\n")
        if found >= 0:
            return at + found
        if not data:
            return at
        at, step = at + len(data), min(step * 4, 1024 * 1024)
    return limit
