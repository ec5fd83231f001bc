"""A user id of its own for each attempt on this machine: what keeps scripts apart and makes killing exact."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from clusters.driver import ClusterRefused

DEFAULT_BASE = 100_000
_WIDEST = 1 << 29
_TRIES = 1000


@dataclass(frozen=True)
class UserRange:
    """User ids from `base` up; none needs an entry in /etc/passwd."""

    base: int
    size: int

    def take(self, root: Path, name: str) -> int:
        """Reserve an id for `name`. Derived from the name, so that two installations hardly ever meet."""
        folder = root / ".users"
        folder.mkdir(mode=0o700, exist_ok=True)
        start = zlib.crc32(f"{root}\0{name}".encode())
        for step in range(_TRIES):
            uid = self.base + (start + step) % self.size
            try:
                descriptor = os.open(folder / str(uid), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(name)
            return uid
        raise ClusterRefused("No user id is left for another job on this machine.")

    def release(self, root: Path, uid: int) -> None:
        (root / ".users" / str(uid)).unlink(missing_ok=True)


def from_environment(base: int | None) -> UserRange | None:
    """The range for this process: None unless it is root. LOCAL_JOB_UID_BASE overrides the default base.

    Inside a user namespace only some ids exist; then the upper half of those is used.
    """
    if os.geteuid() != 0:
        return None
    wanted = base if base is not None else int(os.environ.get("LOCAL_JOB_UID_BASE", DEFAULT_BASE))
    count = _mapped_ids()
    if count - wanted < 1000:
        wanted = count // 2
    if count - wanted < 1:
        return None
    return UserRange(wanted, min(_WIDEST, count - wanted - 1))


def _mapped_ids() -> int:
    """How many ids from 0 up this user namespace has."""
    try:
        rows = Path("/proc/self/uid_map").read_text("ascii").splitlines()
    except OSError:
        return 1 << 31
    end = 0
    for inside, _, count in sorted(tuple(map(int, row.split())) for row in rows):
        if inside > end:
            break
        end = inside + count
    return end
