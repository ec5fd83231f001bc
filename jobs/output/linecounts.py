"""How many lines begin before a place of a stream: counted once per block, kept beside the log.

A log of 256 MiB is counted through once, by the first page that needs it; from then on a page reads one block.
"""

import os
from array import array
from pathlib import Path

BLOCK = 256 * 1024


class LineCounts:
    """Counts for one stream's log, which may grow meanwhile."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._kept = log.with_suffix(".lines")
        # newlines before the end of block 0, 1, …
        self._blocks = _load(self._kept)

    def begun(self, offset: int) -> int:
        """How many lines have their first byte before `offset`."""
        if offset <= 0 or not self._log.exists():
            return 0
        with self._log.open("rb") as log:
            self._count_blocks(log.fileno(), offset // BLOCK)
            block = min(offset // BLOCK, len(self._blocks))
            newlines = self._blocks[block - 1] if block else 0
            rest = os.pread(log.fileno(), offset - block * BLOCK, block * BLOCK)
        last = rest[-1:] or self._byte_before(offset)
        return newlines + rest.count(b"\n") + (last not in (b"\n", b""))

    def _byte_before(self, offset: int) -> bytes:
        with self._log.open("rb") as log:
            return os.pread(log.fileno(), 1, offset - 1)

    def _count_blocks(self, log: int, needed: int) -> None:
        had = len(self._blocks)
        while len(self._blocks) < needed:
            at = len(self._blocks)
            data = os.pread(log, BLOCK, at * BLOCK)
            if len(data) < BLOCK:
                break
            self._blocks.append((self._blocks[-1] if at else 0) + data.count(b"\n"))
        if len(self._blocks) > had:
            _keep(self._kept, self._blocks)


def _load(path: Path) -> "array[int]":
    counts = array("Q")
    if path.exists():
        raw = path.read_bytes()
        counts.frombytes(raw[: len(raw) - len(raw) % counts.itemsize])
    return counts


def _keep(path: Path, counts: "array[int]") -> None:
    """As a whole, under a name of our own first: others count the same at the same time, with the same result."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{id(counts)}")
    try:
        fresh.write_bytes(counts.tobytes())
        fresh.replace(path)
    except OSError:  # a full disk: the next page counts again
        fresh.unlink(missing_ok=True)
