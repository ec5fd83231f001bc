"""One stream with words of ours put in between its bytes."""

from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from jobs.output.holes import Hole
from jobs.resuming import blocks_of


class Insert(NamedTuple):
    """Words that stand before the byte `at` of the stream; those at its end stand behind it."""

    at: int
    words: bytes


def line_for(hole: Hole) -> bytes:
    """What stands in a download in place of bytes that were left out."""
    return f"[stellwerk: {hole.words}]\n".encode()


class Patched:
    """The first `stored` bytes of a log, with inserts in the order of their places."""

    def __init__(self, stored: int, inserts: list[Insert]) -> None:
        self.stored, self._inserts = stored, inserts
        self.size = stored + sum(len(insert.words) for insert in inserts)

    def where(self, offset: int) -> int:
        """Where a byte of the stream, with what stands before it, is here; the stream's end is behind everything."""
        if offset >= self.stored:
            return self.size
        return offset + sum(len(insert.words) for insert in self._inserts if insert.at < offset)

    def read(self, log: BinaryIO, start: int, end: int) -> Iterator[bytes]:
        """The bytes from one place here up to another, in blocks; `log` is open, and nobody else's."""
        at = 0
        ends = [Insert(0, b""), *self._inserts, Insert(self.stored, b"")]
        for before, insert in pairwise(ends):
            length = insert.at - before.at
            first, last = max(start - at, 0), min(end - at, length)
            if first < last:
                log.seek(before.at + first)
                yield from blocks_of(log, last - first)
            at += length
            first, last = max(start - at, 0), min(end - at, len(insert.words))
            if first < last:
                yield insert.words[first:last]
            at += len(insert.words)
            if at >= end:
                return
