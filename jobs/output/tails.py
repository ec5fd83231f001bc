"""What a script wrote last to a stream of which nothing more is stored while it runs: beside the log, no part of it.

Per stream `stdout.tail`: the place of its first byte among all that the script wrote (8 bytes), then its bytes. Only
the newest is kept; it goes when the log has its bytes. See docs/decisions/0014.
"""

import os
import struct
from pathlib import Path
from typing import NamedTuple

from jobs.output.holes import extent

MOST_BYTES = 64 * 1024
_PLACE = struct.Struct("<Q")


class Tail(NamedTuple):
    """`at` counts the bytes that the script wrote before it, kept or not."""

    at: int
    data: bytes

    @property
    def end(self) -> int:
        """How much the script had written by then."""
        return self.at + len(self.data)


def tail_of(folder: Path, stream: str) -> Tail | None:
    """The newest that is known beyond the log; most streams have none, which costs one look."""
    path = f"{folder}/{stream}.tail"
    if not os.path.exists(path):  # noqa: PTH110 (as in holes.py)
        return None
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        return None
    return Tail(_PLACE.unpack_from(raw)[0], raw[_PLACE.size :]) if len(raw) > _PLACE.size else None


def keep(folder: Path, stream: str, tail: Tail, stored: int) -> None:
    """In place of the one before. Passed over: what is older, what the log has, what comes when the rest was given up.

    `stored` bytes are in the log. Call it with the folder locked.
    """
    known, before = extent(folder, stream), tail_of(folder, stream)
    is_new = tail.end > stored + known.left_out and (before is None or tail.end > before.end)
    if not is_new or known.lost:
        return
    path = _path(folder, stream)
    # As a whole or not at all: others read meanwhile.
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(_PLACE.pack(tail.at) + tail.data)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def forget_stored(folder: Path, stream: str, stored: int) -> None:
    """The log has so many bytes now. Call it with the folder locked."""
    tail = tail_of(folder, stream)
    if tail and tail.end <= stored + extent(folder, stream).left_out:
        forget(folder, stream)


def forget(folder: Path, stream: str) -> None:
    """Missing is done."""
    _path(folder, stream).unlink(missing_ok=True)


def _path(folder: Path, stream: str) -> Path:
    return folder / f"{stream}.tail"
