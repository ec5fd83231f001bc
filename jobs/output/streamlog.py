"""One stream as a download: its stored bytes, and in place of those that were left out a line.

A log only grows, so its first bytes are a content of their own: the ETag counts them, and the holes in them. Whoever
was cut goes on with just that content, however much was written since.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from jobs.output.holes import Hole, extent
from jobs.output.patched import Insert, Patched, line_for
from jobs.ranges import settled
from jobs.resuming import Opened

_TAG = re.compile(r'"log-((?:\d{1,18}-)+)[0-9a-f]{32}"', re.ASCII)


class Asked(NamedTuple):
    """Whose log it is, and the tag of what somebody has a part of. No two attempts have the same `secret`."""

    folder: Path
    secret: str
    tag: str = ""


class StreamLog:
    """ "stdout" or "stderr" as it is now, or as it was when that tag was given out. Raises FileNotFoundError."""

    def __init__(self, asked: Asked, stream: str) -> None:
        self._names = [asked.secret, stream]
        self._log = asked.folder / f"{stream}.log"
        self.modified = modified_at([self._log, asked.folder / f"{stream}.facts"])
        # In this order: a hole is noted before the bytes behind it.
        stored = self._log.stat().st_size
        self.holes = [hole for hole in extent(asked.folder, stream).holes if hole.at <= stored]
        self._patched, self.tag = self._at(stored, len(self.holes))
        if before := earlier(asked.tag, [stored, len(self.holes)]):
            patched, tag = self._at(*before)
            if tag == asked.tag:
                self._patched, self.tag, self.modified = patched, tag, None

    @property
    def size(self) -> int:
        return self._patched.size

    def read(self, start: int, end: int) -> Opened:
        log = self._log.open("rb")
        return Opened(self._patched.read(log, start, end), log)

    def _at(self, stored: int, many: int) -> tuple[Patched, str]:
        """The content with so many bytes and so many of the holes, and its tag."""
        inserts = [self._in_place_of(hole) for hole in self.holes[:many]]
        return Patched(stored, inserts), tag_of([stored, many], self._names, inserts)

    def _in_place_of(self, hole: Hole) -> Insert:
        with self._log.open("rb") as log:
            log.seek(max(0, hole.at - 1))
            begin = b"\n" if hole.at and log.read(1) != b"\n" else b""
        return Insert(hole.at, begin + line_for(hole))


def earlier(tag: str, now: Sequence[int]) -> list[int]:
    """What a tag counts, where that is less than now and may have been; else nothing."""
    found = _TAG.fullmatch(tag)
    numbers = [int(number) for number in found[1].split("-")[:-1]] if found else []
    is_earlier = len(numbers) == len(now) and numbers != list(now)
    return numbers if is_earlier and all(map(int.__le__, numbers, now)) else []


def is_tag(text: str) -> bool:
    """Whether it may be the tag of a log."""
    return _TAG.fullmatch(text) is not None


def tag_of(counted: list[int], names: list[str], inserts: Iterable[Insert]) -> str:
    """The ETag of a content that is told by these; also by the words that are put in."""
    told = repr((counted, names, [tuple(insert) for insert in inserts]))
    return f'"log-{"-".join(map(str, counted))}-{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def modified_at(paths: Iterable[Path]) -> int | None:
    """The last change of those that are there, where it may be told. To be looked up before their content."""
    now = time.time()
    return settled(max((path.stat().st_mtime for path in paths if path.exists()), default=now), now)
