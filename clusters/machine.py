"""What this machine has for jobs: cores, memory, disk, interpreters, and the sizes that fit."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

GIB = 1024**3
# Where container engines write the limits of this process's group: version 2, then version 1.
MEMORY_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
CPU_LIMIT = "sys/fs/cgroup/cpu.max"
CPU_LIMIT_V1 = ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "sys/fs/cgroup/cpu/cpu.cfs_period_us")


@dataclass(frozen=True)
class Machine:
    """Whole cores, and bytes: what jobs may share, limits of a container already taken into account."""

    cores: int
    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class Size:
    """One profile that fits the machine."""

    name: str
    cpu_millis: int
    memory_bytes: int
    disk_bytes: int


def read_machine(folder: Path, root: Path = Path("/")) -> Machine:
    """Measure the machine; the disk is the one that `folder` lies on. `root` is where /proc and /sys are."""
    return Machine(_cores(root), _memory(root), shutil.disk_usage(_existing(folder)).free)


def sizes_for(machine: Machine) -> list[Size]:
    """One to three profiles, smallest first: each larger than the one before, none larger than the machine.

    An eighth of the memory, at least half a GiB, is left to the system and the portal.
    """
    usable = max(machine.memory_bytes - max(machine.memory_bytes // 8, GIB // 2), GIB // 2)
    wanted = [
        ("Small", 1, min(2 * GIB, usable), 10 * GIB),
        ("Medium", min((machine.cores + 1) // 2, 4), min(usable // 2, 16 * GIB), 50 * GIB),
        ("Large", machine.cores, usable, 200 * GIB),
    ]
    sizes: list[Size] = []
    for name, cores, memory, disk in wanted:
        size = Size(name, cores * 1000, _round_down(memory), max(min(disk, machine.disk_bytes // 2), GIB))
        if not sizes or _is_larger(size, sizes[-1]):
            sizes.append(size)
    return sizes


def _is_larger(size: Size, other: Size) -> bool:
    grown = (size.cpu_millis - other.cpu_millis, size.memory_bytes - other.memory_bytes)
    return min(grown) >= 0 and max(grown) > 0


def _round_down(memory_bytes: int) -> int:
    """To whole GiB, below four to halves: figures that people can read."""
    step = GIB if memory_bytes >= 4 * GIB else GIB // 2
    return max(memory_bytes // step, 1) * step


def _cores(root: Path) -> int:
    has_affinity = hasattr(os, "sched_getaffinity")  # Linux has, macOS has not
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    allowed = _cpu_limit(root)
    return max(1, min(cores, int(allowed))) if allowed else cores


def _cpu_limit(root: Path) -> float | None:
    """Cores that the container may use; None without a limit."""
    words = _words([root / CPU_LIMIT]) or _words(root / name for name in CPU_LIMIT_V1)
    if len(words) != 2 or not words[0].isdigit() or not words[1].isdigit():
        return None
    return int(words[0]) / int(words[1])


def _memory(root: Path) -> int:
    limits = [int(word) for name in MEMORY_LIMITS for word in _words([root / name]) if word.isdigit()]
    return min([_physical_memory(root), *(limit for limit in limits if limit > 0)])


def _physical_memory(root: Path) -> int:
    words = _words([root / "proc/meminfo"])
    if "MemTotal:" in words:
        return int(words[words.index("MemTotal:") + 1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _words(files: Iterable[Path]) -> list[str]:
    try:
        return " ".join(file.read_text() for file in files).split()
    except OSError:
        return []


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
