"""In which order a script wrote to its streams: where the one's bytes end before the other's come.

Two files do not tell it, so whoever fills them notes it in a third: a record for each change from stream to stream,
none for a script that uses one. It is a nicety: where it cannot be noted or read, a stream is shipped after the other.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from operator import add, sub
from pathlib import Path
from typing import NamedTuple

# The stream's number, and the offset in its log up to which it was written before another's turn came.
RECORD = struct.Struct("<BQ")
MOST_BYTES = 1 << 20
# Noted are at most so many changes a second over time, but a burst of some in a row as they are; the less room is
# left for notes, the fewer.
_PAUSE_SECONDS = 0.005
_BURST_SECONDS = 0.5
# So many runs are shipped in a row at most, fewer to a portal that answers slowly: each of them is a request.
MOST_RUNS, FEWEST_RUNS = 20, 4
_MOST_KEPT = 4000
_NEWLINE = 0x0A
# In a pod a script may put something else in the file's place: wait for no other end of a pipe.
_CAREFULLY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Run(NamedTuple):
    """The stream's bytes up to `end` come before those of the runs that follow."""

    stream: str
    end: int


class OrderWriter:
    """Notes the order of bytes that are about to be written to the logs."""

    def __init__(self, path: Path, sizes: Mapping[str, int], head: int) -> None:
        """`sizes`: of the logs by now, whose order is not known any more where it was not noted.

        `head`: so much of a stream is shipped while its script runs; behind that no order is kept.
        """
        self._numbers = {stream: number for number, stream in enumerate(sizes)}
        self._head = head
        self._room = MOST_BYTES // RECORD.size
        self._free_at = 0.0
        self._latest = ""
        # The streams that have bytes since what was noted last, by their first ones.
        self._open: dict[str, None] = {stream: None for stream, size in sizes.items() if size}
        self._file: int | None = None
        with contextlib.suppress(OSError):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CAREFULLY, 0o600)
            self._room -= os.fstat(self._file).st_size // RECORD.size

    def turn_to(self, stream: str, sizes: Mapping[str, int]) -> None:
        """Call it before bytes of `stream` are written; `sizes` are those of the logs by now."""
        if stream == self._latest:
            return
        now = time.monotonic()
        if self._open and now + _BURST_SECONDS >= self._free_at:
            shrunk = MOST_BYTES // RECORD.size / max(1, self._room)
            self._free_at = max(self._free_at, now) + _PAUSE_SECONDS * shrunk * len(self._open)
            self._note(sizes)
        self._latest = stream
        self._open[stream] = None

    def end(self, sizes: Mapping[str, int]) -> None:
        """Nothing will be written any more."""
        if len(self._open) > 1:
            self._note(sizes)
        self._close()

    def _note(self, sizes: Mapping[str, int]) -> None:
        records = b"".join(RECORD.pack(self._numbers[stream], sizes[stream]) for stream in self._open)
        self._room -= len(self._open)
        self._open.clear()
        if self._file is None:
            return
        is_noted = False
        if self._room >= 0 and max(sizes.values()) <= self._head:
            with contextlib.suppress(OSError):
                is_noted = os.write(self._file, records) == len(records)
        if not is_noted:
            # Behind a gap or half a record nothing could be told any more.
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def split_by_lines(data: bytes, writes: Sequence[int]) -> list[int]:
    """Where pieces end that were written one after the other, of so many writes each; some may be empty.

    How large a write was is not told. Most are a line, or half of one where its end is written for itself: within
    that the lines of `data` are shared out. Where that cannot be they are shared out by writes.
    """
    lines = [at + 1 for at, byte in enumerate(data) if byte == _NEWLINE and at + 1 < len(data)] + [len(data)]
    least = [-(-many // 2) for many in writes]
    if sum(least) <= len(lines) <= sum(writes):
        more = _shares(len(lines) - sum(least), [*map(sub, writes, least)])
        shares = [*map(add, least, more)]
    else:
        shares = _shares(len(lines), writes)
    ends, line = [], 0
    for share in shares:
        line += share
        ends.append(lines[line - 1] if line else 0)
    return ends


def _shares(whole: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to `weights` that are `whole` together."""
    total, done, given = max(1, sum(weights)), 0, 0
    shares = []
    for weight in weights:
        done += weight
        shares.append(done * whole // total - given)
        given += shares[-1]
    return shares


class OrderReader:
    """What was noted so far. A file that is missing, or that is no such file, tells nothing."""

    def __init__(self, path: Path, streams: Sequence[str]) -> None:
        self._path = path
        self._streams = streams
        self._file: int | None = None
        self._at = 0
        self._is_broken = False
        self._runs: list[Run] = []

    def runs(self, confirmed: Mapping[str, int], most: int) -> list[Run]:
        """Those that end behind what is confirmed of their streams, at most so many.

        What ends before is forgotten.
        """
        while records := self._read():
            self._runs = evenly(self._runs + records, _MOST_KEPT)
        self._runs = evenly((run for run in self._runs if run.end > confirmed[run.stream]), _MOST_KEPT)
        return evenly(self._runs, most)

    def _read(self) -> list[Run]:
        """The next records; none: there are no more by now."""
        if self._is_broken:
            return []
        data = b""
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDONLY | _CAREFULLY)
            most = min(_MOST_KEPT * RECORD.size, MOST_BYTES - self._at)
            data = os.pread(self._file, most // RECORD.size * RECORD.size, self._at)
        except FileNotFoundError:
            return []
        except OSError:
            self._is_broken = True
        whole = len(data) - len(data) % RECORD.size
        self._at += whole
        found = list(RECORD.iter_unpack(data[:whole]))
        self._is_broken = self._is_broken or any(number >= len(self._streams) for number, _ in found)
        return [] if self._is_broken else [Run(self._streams[number], end) for number, end in found]


def evenly(runs: Iterable[Run], most: int) -> list[Run]:
    """At most so many (two or more), in which each stream ends where it did: neighbours become one."""
    joined = _joined(runs)
    if len(joined) <= most:
        return joined
    # Of each group at most two are left, one for each stream.
    many = 2 * -(-len(joined) // (most - most % 2))
    groups = (joined[start : start + many] for start in range(0, len(joined), many))
    return _joined(Run(stream, end) for group in groups for stream, end in dict(group).items())


def _joined(runs: Iterable[Run]) -> list[Run]:
    """Each one ends behind those before it of its stream, and another stream's follows."""
    joined: list[Run] = []
    ends: dict[str, int] = {}
    for run in runs:
        if run.end <= ends.get(run.stream, 0):
            continue
        ends[run.stream] = run.end
        if joined and joined[-1].stream == run.stream:
            joined.pop()
        joined.append(run)
    return joined
