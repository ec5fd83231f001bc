"""Landmarks in a job's output: how far each stream was, and how many lines it had, at places along the way.

`order.marks` holds one for about every 64 KiB, noted as the output is stored, so that any place of
a log of any size is found by bisecting and by reading one stretch of it. Each mark follows from the one before
and from the log alone: whoever finds some missing (after a crash, in an old log) writes the same ones again.
"""

import logging
import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from jobs.output import outputlog

log = logging.getLogger(__name__)
MARKS = "order.marks"
STRETCH_BYTES = 64 * 1024
STRETCH_RECORDS = 512
READ_BYTES = 1024 * 1024


class Mark(NamedTuple):
    """The bytes of each stream, and the lines that had begun, where the index had `index_at` bytes."""

    index_at: int = 0
    stdout: int = 0
    stderr: int = 0
    stdout_lines: int = 0
    stderr_lines: int = 0

    @property
    def reached(self) -> tuple[int, int]:
        """The bytes of each stream."""
        return self.stdout, self.stderr

    @property
    def lines(self) -> int:
        """The lines of both streams."""
        return self.stdout_lines + self.stderr_lines

    def lines_of(self, stream: int) -> int:
        """The lines of one of them."""
        return self.stderr_lines if stream else self.stdout_lines


FIELDS = len(Mark._fields)
MARK_BYTES = FIELDS * array("Q").itemsize


class Piece(NamedTuple):
    """Bytes of one stream that came in one piece: from `start` to `end`, when the other stream had `other` bytes."""

    stream: int
    start: int
    end: int
    other: int


class Landmarks:
    """The marks of one attempt, complete when they were read; the first stands at the beginning."""

    def __init__(self, attempt_id: int) -> None:
        self.folder = outputlog.folder_of(attempt_id)
        self._values = array("Q", Mark())
        path = self.folder / MARKS
        if path.exists():
            raw = path.read_bytes()
            self._values.frombytes(raw[: len(raw) - len(raw) % MARK_BYTES])
        had = len(self)
        for mark in _missing(self.folder, self[had - 1]):
            self._values.extend(mark)
        _keep(path, self._values[had * FIELDS :], had - 1)
        self.end = _end(self.folder, self[len(self) - 1])

    def __len__(self) -> int:
        return len(self._values) // FIELDS

    def __getitem__(self, number: int) -> Mark:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return Mark(*self._values[number * FIELDS : (number + 1) * FIELDS])

    def after(self, number: int) -> Mark:
        """Where the stretch that begins with a mark ends: at the next mark, or at the log's end."""
        return self[number + 1] if number + 1 < len(self) else self.end

    def last(self, measure: Callable[[Mark], int], most: int) -> int:
        """The number of the last mark of which `measure` (which never falls along the log) is not above `most`."""
        return max(0, bisect_right(range(len(self)), most, key=lambda number: measure(self[number])) - 1)

    def upto(self, index_at: int) -> Mark:
        """As `end`, where the index had so many bytes."""
        return _end(self.folder, self[self.last(lambda mark: mark.index_at, index_at)], index_at)

    def at_place(self, place: outputlog.Place) -> Mark:
        """The last mark that is not behind a reader's place."""
        return self[self.last(lambda mark: int(mark.stdout > place.stdout or mark.stderr > place.stderr), 0)]

    def pieces(self, begin: Mark, end: Mark) -> Iterator[Piece]:
        """In order of arrival, what came between two marks; what came from one stream at a time is one piece."""
        reached = list(begin.reached)
        runs = groupby(outputlog.records(self.folder, begin.index_at, end.index_at), key=itemgetter(0))
        for stream, run in runs:
            stop = max(ended for _, ended in run)
            if stop > reached[stream]:
                yield Piece(stream, reached[stream], stop, reached[1 - stream])
                reached[stream] = stop


def note(attempt_id: int) -> None:
    """Note the marks that stored output has earned. Never fails: who reads finds what is missing."""
    folder = outputlog.folder_of(attempt_id)
    try:
        with (folder / MARKS).open("ab+") as file:
            many = file.tell() // MARK_BYTES
            last = os.pread(file.fileno(), MARK_BYTES, (many - 1) * MARK_BYTES) if many else b""
        before = Mark(*array("Q", last)) if last else Mark()
        if not _may_have_earned(attempt_id, before):
            return
        earned = array("Q", chain.from_iterable(_missing(folder, before)))
        _keep(folder / MARKS, earned, many)
    except OSError as error:
        log.info("no landmarks for attempt %s: %s", attempt_id, error.strerror)


def _may_have_earned(attempt_id: int, before: Mark) -> bool:
    """By the sizes alone: nearly every piece of output comes between two marks."""
    index = outputlog.folder_of(attempt_id) / "order.idx"
    records = (index.stat().st_size - before.index_at) // outputlog.RECORD.size
    stored = outputlog.sizes(attempt_id)
    fresh = stored.stdout + stored.stderr - sum(before.reached)
    return records >= STRETCH_RECORDS or fresh >= STRETCH_BYTES


def lines_in(folder: Path, stream: int, begin: int, end: int) -> int:
    """How many lines of a stream have their first byte from `begin` on and before `end`: reads these bytes."""
    count = int(begin == 0 < end)
    at = max(0, begin - 1)
    while at < end - 1:
        data = outputlog.piece(folder, stream, at, min(READ_BYTES, end - 1 - at))
        if not data:
            break
        count += data.count(b"\n")
        at += len(data)
    return count


def _missing(folder: Path, before: Mark) -> Iterator[Mark]:
    """The marks behind one of them: after so many records, or so many bytes, whichever is first."""
    reached, records, index_at = list(before.reached), 0, before.index_at
    for stream, end in outputlog.records(folder, index_at):
        reached[stream] = max(reached[stream], end)
        records += 1
        index_at += outputlog.RECORD.size
        if records == STRETCH_RECORDS or sum(reached) - sum(before.reached) >= STRETCH_BYTES:
            before, records = _mark(folder, before, index_at, reached), 0
            yield before


def _end(folder: Path, last: Mark, until: int = 2**63) -> Mark:
    """What the index covers now: what arrives from here on is for the next one who looks."""
    reached, index_at = list(last.reached), last.index_at
    for stream, end in outputlog.records(folder, index_at, until):
        reached[stream] = max(reached[stream], end)
        index_at += outputlog.RECORD.size
    return _mark(folder, last, index_at, reached)


def _mark(folder: Path, before: Mark, index_at: int, reached: list[int]) -> Mark:
    lines = [lines_in(folder, stream, before.reached[stream], reached[stream]) for stream in (0, 1)]
    out, err = before.stdout_lines + lines[0], before.stderr_lines + lines[1]
    return Mark(index_at, reached[0], reached[1], out, err)


def _keep(path: Path, fresh: "array[int]", had: int) -> None:
    """Behind the `had` that are kept. Where another one does the same it writes the same; the file never shrinks."""
    if not fresh:
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError:  # deleted meanwhile
        return
    try:
        os.pwrite(descriptor, fresh.tobytes(), had * MARK_BYTES)
    except OSError:  # no space: the next one counts again
        return
    finally:
        os.close(descriptor)
