"""Which bytes are kept of a stream that is larger than its limit: the first half of the limit and the last half.

A log file has every byte at its own offset. What lies between the two halves is given back to the disk while the
script still writes, so that the file becomes a sparse one and a talkative script does not fill the pod's disk.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

# How far from the exact place a line's border is looked for.
BORDER = 1 << 16
# So much of what a script wrote last is shown while it writes on.
NEWEST_BYTES = 1 << 16
_BLOCK = 4096
_STEP = 1 << 20
_PUNCH_AND_KEEP_SIZE = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE

LIMIT, DISK = "limit", "disk"
# Of what a stream lost at its end: how many bytes, and whether it was for the limit.
_LOST = struct.Struct("<Q?")


class Hole(NamedTuple):
    """`size` bytes of the script that are not kept; `at` counts the kept bytes before them."""

    at: int
    size: int
    why: str


class Lost(NamedTuple):
    """Bytes that the script wrote last and that never came into the log file."""

    size: int = 0
    why: str = DISK


class Losses:
    """What each stream has Lost, also to a pump that begins anew: in a file, where one is named.

    It has its full size from the start, so that it can be written to on a full disk.
    """

    def __init__(self, streams: Sequence[str], path: Path | None) -> None:
        self.of = {stream: Lost() for stream in streams}
        self._file: int | None = None
        if path is not None:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            for number, stream in enumerate(streams):
                data = os.pread(self._file, _LOST.size, number * _LOST.size)
                size, why = _LOST.unpack(data.ljust(_LOST.size, b"\0"))
                self.of[stream] = Lost(size, LIMIT if why else DISK)

    @staticmethod
    def make(path: Path, streams: Sequence[str]) -> None:
        """The file, without any loss."""
        path.write_bytes(bytes(_LOST.size * len(streams)))

    def add(self, stream: str, size: int, why: str) -> None:
        lost = self.of[stream] = Lost(self.of[stream].size + size, why)
        if self._file is not None:
            data = _LOST.pack(lost.size, why == LIMIT)
            os.pwrite(self._file, data, list(self.of).index(stream) * _LOST.size)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def end_of_head(log: int, limit: int) -> int:
    """Where the kept beginning ends: behind the last line, else the last character, of the first half."""
    half = limit // 2
    window = min(BORDER, half // 2)
    data = os.pread(log, window, half - window)
    line = data.rfind(b"\n") + 1
    return half - window + (line or end_of_character(data))


def start_of_tail(log: int, size: int, limit: int) -> int:
    """Where the kept end begins: with a whole line, or else a whole character, of the last half."""
    half = limit - limit // 2
    begin = size - half
    data = os.pread(log, min(BORDER, half // 2) + 1, begin - 1)
    found = data.find(b"\n")
    if found >= 0 and begin + found < size:
        return begin + found
    torn = 0
    while torn < min(3, half - 1) and 0x80 <= data[1 + torn : 2 + torn].ljust(1)[0] < 0xC0:
        torn += 1
    return begin + torn


def newest(log: int, head: int, limit: int) -> tuple[int, bytes]:
    """Of a log that is still written the last bytes, and where they begin: a whole line, or else a whole character.

    At most NEWEST_BYTES, never more than the half that is kept of its end, none of its first `head`. Empty where the
    log grew so fast meanwhile that the disk may have them back already.
    """
    after = limit - limit // 2
    size, most = os.fstat(log).st_size, min(NEWEST_BYTES, after)
    begin = head if size - head <= most else max(head, start_of_tail(log, size, 2 * most))
    data = os.pread(log, max(0, size - begin), begin)
    is_kept = os.fstat(log).st_size - begin <= after + BORDER
    return begin, data if is_kept else b""


def end_of_character(data: bytes) -> int:
    """The length of `data` without a UTF-8 character torn at its end (bytes that are no UTF-8 stay)."""
    for back in range(1, min(4, len(data) - 1) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if back < needed else len(data)
        if byte < 0x80:
            break
    return len(data)


class Trimmer:
    """Gives the disk back what one stream's log has between its two halves. Where it cannot, `works` is false."""

    def __init__(self, limit: int) -> None:
        self.works = _punch is not None
        self._half = -(-(limit // 2) // _BLOCK) * _BLOCK
        self._after = limit - limit // 2 + BORDER
        self._done = self._half

    def trim(self, log: int, size: int) -> None:
        """Call it again and again while the log grows; `log` is open for writing."""
        end = (size - self._after) // _BLOCK * _BLOCK
        if not self.works or end - self._done < _STEP:
            return
        self.works = _punch is not None and _punch(log, self._done, end - self._done)
        if self.works:
            self._done = end


def _find_punch() -> Callable[[int, int, int], bool] | None:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        call = getattr(libc, "fallocate64", None) or libc.fallocate
    except (OSError, AttributeError):  # no Linux
        return None

    def punch(log: int, offset: int, length: int) -> bool:
        sizes = ctypes.c_int64(offset), ctypes.c_int64(length)
        return bool(call(log, ctypes.c_int(_PUNCH_AND_KEEP_SIZE), *sizes) == 0)

    return punch


_punch = _find_punch()
