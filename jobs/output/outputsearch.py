"""Search in a job's output: stretch by stretch, in bounded memory, as long as the caller allows.

The pattern is RE2's, which takes time in proportion to the text whatever the pattern is, and lets other threads run
meanwhile. What is searched is each line without colours and other things that only a terminal obeys; of a line
of more than a mebibyte the rest may be passed over.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import re2

from jobs.output import outputlog
from jobs.output.landmarks import Mark, lines_in
from jobs.output.outputpages import OutputPages

GROUP_BYTES = 1024 * 1024
LONGEST_LINE = 1024 * 1024
LONGEST_PATTERN = 200
PATTERN_MEMORY = 8 * 1024 * 1024
# Of a long line the part about its first match is shown.
SHOWN_BEFORE, SHOWN = 120, 600
MOST_MARKS = 50
# As in jobs/output/terminal.py, within a line.
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[PX^_][^\x1b\n]*(?:\x1b\\)?|[ -/]*[0-Z\\`-~]?)"
)
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 27), *range(28, 32), 127])


class BadPattern(Exception):
    """The pattern means nothing; the sentence says why."""


class Hit(NamedTuple):
    """A line that matches: its number, and its text in parts of which some are matches."""

    number: int
    stream: str
    parts: list[tuple[str, bool]]
    position: int


@dataclass(frozen=True)
class Found:
    """What one step found. `following` is where the next step begins, None at the end of the log.

    `many` counts matching lines from where the step began, also those behind `hits`; `is_all` when the whole rest
    was counted. `searched` is the position up to which (backwards: down to which) was searched.
    """

    hits: list[Hit]
    following: int | None
    many: int
    is_all: bool
    searched: int


class _Match(NamedTuple):
    stream: int
    offset: int
    text: bytes
    column: int


@dataclass(frozen=True)
class Stop:
    """When a step is over: after so many hits, having counted so many, when the time is up or nobody waits any more."""

    most: int
    count: int
    deadline: float
    has_left: Callable[[], bool] = lambda: False

    @property
    def is_due(self) -> bool:
        """True when the time is up, or who asked has left; it is asked after each group."""
        return time.monotonic() >= self.deadline or self.has_left()


def compiled(text: str, *, is_pattern: bool = False, is_exact: bool = False) -> Any:
    """What to search for: the text itself, or a regular expression; in either case unless `is_exact`."""
    if len(text) > LONGEST_PATTERN:
        raise BadPattern(f"Search for at most {LONGEST_PATTERN} characters.")
    options = re2.Options()
    options.case_sensitive = is_exact
    options.log_errors = False
    options.never_nl = True
    options.max_mem = PATTERN_MEMORY
    options.literal = not is_pattern
    try:
        return re2.compile(f"(?m)(?:{text})" if is_pattern else text, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        said = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise BadPattern(f"This is no regular expression that the search knows: {said}.") from error


class OutputSearch:
    """Searches the streams that `pages` shows."""

    def __init__(self, pages: OutputPages, pattern: Any) -> None:
        self._pages, self._marks, self._pattern = pages, pages.marks, pattern
        self._streams = (0, 1) if pages.only is None else (pages.only,)

    def forward(self, position: int, stop: Stop) -> Found:
        """The lines that begin at a position or behind it."""
        hits: list[Hit] = []
        many = 0
        number = self._marks.last(self._pages.position_of, position)
        most: int | None = None  # of the first stretches also what lies before the position
        while True:
            first, number, last = self._group(number)
            matches = self._matches(first, last, most)
            placed = [place for place in self._placed(first, last, matches) if place[0] >= position]
            many += len(placed)
            hits += self._hits(first, last, placed[: stop.most - len(hits)])
            is_end, most = number >= len(self._marks), stop.count - many
            if is_end or most <= 0 or stop.is_due:
                break
        at = self._pages.position_of(last)
        is_all = is_end and most > 0
        if len(hits) < stop.most:
            return Found(hits, None if is_end else at, many, is_all, at)
        following = None if is_all and many == len(hits) else hits[-1].position + 1
        return Found(hits, following, many, is_all, at)

    def backward(self, position: int, stop: Stop) -> Found:
        """The last lines that begin before a position, in the log's order; `following` leads further back."""
        hits: deque[Hit] = deque()
        number = self._marks.last(self._pages.position_of, max(0, position - 1))
        while number >= 0 and position > 0:
            begin = self._group_before(number)
            first, last = self._marks[begin], self._marks.after(number)
            placed = [
                place
                for place in self._placed(first, last, self._matches(first, last, None))
                if place[0] < position
            ]
            hits.extendleft(reversed(self._hits(first, last, placed[-(stop.most - len(hits)) :])))
            at, number = self._pages.position_of(first), begin - 1
            if len(hits) >= stop.most:
                return Found([*hits], hits[0].position, len(hits), False, at)
            if stop.is_due and at > 0:
                return Found([*hits], at, len(hits), False, at)
        return Found([*hits], None, len(hits), True, 0)

    def _group(self, number: int) -> tuple[Mark, int, Mark]:
        """Stretches of about GROUP_BYTES together from a mark on: where they begin, the mark behind, where they end."""
        first = self._marks[number]
        until = self._marks.last(lambda mark: sum(mark.reached), sum(first.reached) + GROUP_BYTES)
        until = max(until, number + 1)
        return first, until, self._marks.after(until - 1)

    def _group_before(self, number: int) -> int:
        floor = sum(self._marks.after(number).reached) - GROUP_BYTES
        return min(number, self._marks.last(lambda mark: sum(mark.reached), max(0, floor)) + (floor > 0))

    def _matches(self, first: Mark, last: Mark, most: int | None) -> list[_Match]:
        return [
            match
            for stream in self._streams
            for match in self._in_stream(stream, first.reached[stream], last.reached[stream], most)
        ]

    def _in_stream(self, stream: int, begin: int, end: int, most: int | None) -> Iterator[_Match]:
        """The lines that begin between two offsets and match; not more than `most`."""
        base = max(0, begin - 1)
        data = self._text(stream, base, end) if begin < end else b""
        skipped = 0 if begin == 0 else data.find(b"\n") + 1 or len(data)
        data = data[skipped:]
        plain = _plain(data)
        starts = None if plain is data else _line_starts(data)
        at, counted, line = 0, 0, 0
        found = 0
        while at < len(plain) and (most is None or found < most):
            match = self._pattern.search(plain, at)
            if match is None or match.start() >= len(plain) and plain.endswith(b"\n"):
                return
            start = plain.rfind(b"\n", 0, match.start()) + 1
            stop = plain.find(b"\n", match.end())
            at = stop + 1 if stop >= 0 else len(plain)
            offset = start
            if starts is not None:
                line, counted = line + plain.count(b"\n", counted, start), start
                offset = starts[line]
            found += 1
            text = plain[start : stop if stop >= 0 else len(plain)]
            yield _Match(stream, base + skipped + offset, text, match.start() - start)

    def _text(self, stream: int, base: int, end: int) -> bytes:
        """Up to an offset, and the rest of the line that is cut there."""
        folder = self._marks.folder
        data = outputlog.piece(folder, stream, base, end - base)
        parts, size, limit = [data], self._marks.end.reached[stream], end + LONGEST_LINE
        step = 4096
        while parts[-1] and not parts[-1].endswith(b"\n") and end < min(size, limit):
            more = outputlog.piece(folder, stream, end, min(step, size - end))
            cut = more.find(b"\n")
            parts.append(more if cut < 0 else more[: cut + 1])
            end, step = end + len(more), min(step * 4, 256 * 1024)
        return b"".join(parts)

    def _placed(self, first: Mark, last: Mark, matches: list[_Match]) -> list[tuple[int, int, _Match]]:
        """With its position and with how much of the other stream was there, in the order of the page."""
        if not matches:
            return []
        by_stream: tuple[deque[_Match], deque[_Match]] = (deque(), deque())
        for match in matches:
            by_stream[match.stream].append(match)
        placed = []
        position = sum(first.reached)
        for piece in self._marks.pieces(first, last):
            waiting = by_stream[piece.stream]
            while waiting and waiting[0].offset < piece.end:
                match = waiting.popleft()
                at = position + match.offset - piece.start if self._pages.only is None else match.offset
                placed.append((at, piece.other, match))
            position += piece.end - piece.start
        return placed

    def _hits(self, first: Mark, last: Mark, placed: list[tuple[int, int, _Match]]) -> list[Hit]:
        hits = []
        folder = self._marks.folder
        for position, other, match in placed:
            number = first.lines
            number += lines_in(folder, match.stream, first.reached[match.stream], match.offset + 1)
            number += lines_in(folder, 1 - match.stream, first.reached[1 - match.stream], other)
            hits.append(Hit(number, outputlog.STREAMS[match.stream], self._parts(match), position))
        return hits

    def _parts(self, match: _Match) -> list[tuple[str, bool]]:
        begin = max(0, match.column - SHOWN_BEFORE) if len(match.text) > SHOWN else 0
        text = match.text[begin : begin + SHOWN]
        parts = [("… ", False)] if begin else []
        at = 0
        for found in self._pattern.finditer(text):
            if found.end() > found.start() and len(parts) < 2 * MOST_MARKS:
                parts += [(_words(text[at : found.start()]), False), (_words(found.group()), True)]
                at = found.end()
        rest = _words(text[at:]) + (" …" if begin + SHOWN < len(match.text) else "")
        return [part for part in (*parts, (rest, False)) if part[0]]


def _plain(data: bytes) -> bytes:
    """Without what only a terminal obeys; the very same bytes where there is nothing of that."""
    if b"\x1b" not in data:
        return data
    return _SEQUENCE.sub(b"", data.translate(None, _CONTROLS.replace(b"\x07", b""))).replace(b"\x07", b"")


def _line_starts(data: bytes) -> list[int]:
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _words(text: bytes) -> str:
    return text.decode(errors="replace").replace("\r", " ")
