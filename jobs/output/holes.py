"""What a stored stream does not have: how much the script wrote in all, and where bytes of it were left out.

Per stream `stdout.facts`, JSON, written only where the log alone does not tell: `written` (the most that the runner
told) and `holes` ([at, size, why], `at` counting stored bytes). See docs/decisions/0003.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

from teams.wording import readable_bytes

# LOST is the portal's own word: what a runner had not sent when it was gone.
LIMIT, DISK, LOST = "limit", "disk", "lost"
WHYS = (LIMIT, DISK)
# So many a runner may tell of.
MOST_HOLES = 2


class Hole(NamedTuple):
    """`size` bytes that the script wrote and nobody kept; `at` counts the stored bytes before them."""

    at: int
    size: int
    why: str

    @property
    def words(self) -> str:
        """What a page says in their place."""
        if self.why == DISK:
            return f"{self.size:,} bytes were lost here: the disk where the script ran was full."
        if self.why == LOST:
            return (
                f"{self.size:,} bytes are missing here: the connection to the script was lost before they were sent. "
                "What follows is the last that arrived of it."
            )
        return (
            f"{self.size:,} bytes were left out here: the output is larger than what is kept of one job. "
            f"Its first {readable_bytes(self.at)} and its end are kept."
        )


class Extent(NamedTuple):
    """What is known of a stream beyond its stored bytes."""

    written: int = 0
    holes: tuple[Hole, ...] = ()

    @property
    def left_out(self) -> int:
        """Bytes in all of the holes."""
        return sum(hole.size for hole in self.holes)

    @property
    def lost(self) -> Hole | None:
        """Where the rest was given up: nothing more goes behind it."""
        return next((hole for hole in self.holes if hole.why == LOST), None)

    def missing_after(self, stored: int) -> int:
        """Bytes that the script is known to have written after the stored ones and the holes."""
        return max(0, self.written - stored - self.left_out)


class Contradiction(Exception):
    """A hole where the stored stream has bytes, or another hole. `holes` are the known ones."""

    def __init__(self, size: int, holes: tuple[Hole, ...]) -> None:
        super().__init__(size)
        self.size = size
        self.holes = holes


def extent(folder: Path, stream: str) -> Extent:
    """What is known of the stream; nothing is known of most, which costs one look."""
    path = f"{folder}/{stream}.facts"
    if not os.path.exists(path):  # noqa: PTH110 (a third of what opening it in vain costs, at each piece of output)
        return Extent()
    try:
        facts = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        return Extent()
    return Extent(facts["written"], tuple(Hole(*hole) for hole in facts["holes"]))


def note_written(folder: Path, stream: str, written: int, stored: int) -> None:
    """The script has written so much. Call it with the folder locked."""
    known = extent(folder, stream)
    if written > known.written and known._replace(written=written).missing_after(stored):
        _keep(folder, stream, known._replace(written=written))


def open_hole(folder: Path, stream: str, hole: Hole, stored: int) -> None:
    """Behind `hole.at` stored bytes some are missing; a repeat changes nothing. Call it with the folder locked.

    Raises Contradiction. There have to be `hole.at` stored bytes at least.
    """
    known = extent(folder, stream)
    if hole in known.holes:
        return
    is_free = stored == hole.at and all(other.at < hole.at for other in known.holes)
    if not is_free or len(known.holes) >= MOST_HOLES:
        raise Contradiction(stored, known.holes)
    _keep(folder, stream, known._replace(holes=(*known.holes, hole)))


def open_lost(folder: Path, stream: str, size: int, stored: int) -> None:
    """Behind all stored bytes so many more are missing, for nobody will send them. Call it with the folder locked."""
    known = extent(folder, stream)
    before = tuple(hole for hole in known.holes if hole.at < stored)
    size += known.left_out - sum(hole.size for hole in before)
    _keep(folder, stream, known._replace(holes=(*before, Hole(stored, size, LOST))))


def _path(folder: Path, stream: str) -> Path:
    return folder / f"{stream}.facts"


def _keep(folder: Path, stream: str, facts: Extent) -> None:
    """As a whole or not at all: others read meanwhile."""
    path = _path(folder, stream)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fresh.write_text(json.dumps({"written": facts.written, "holes": facts.holes}))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
