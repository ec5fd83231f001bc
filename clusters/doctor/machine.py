"""This machine as a cluster: always there, measured where it stands."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from clusters.doctor.lines import Line, Title
from clusters.machine import read_machine

MACHINE, DISK = Title("machine", "This machine"), Title("disk", "Disk")
GIB = 1024**3


def machine_lines() -> Iterator[Line]:
    """What can go wrong here."""
    found = machine_capacity()["totals"]
    cores, memory = found["cpu_millis"] / 1000, found["memory_bytes"] / GIB
    yield MACHINE.passed(f"Jobs run here as processes: {cores:g} CPU, {memory:.1f} GiB of memory.")
    free = shutil.disk_usage(settings.HOME).free
    if free < settings.STORAGE_RESERVE_BYTES:
        yield DISK.failed(
            f"Only {free / GIB:.2f} GiB are free in {settings.HOME}: no job is started. Make room there."
        )
    else:
        yield DISK.passed(f"{free / GIB:.1f} GiB are free in {settings.HOME}.")


def machine_capacity(proc: Path = Path("/proc")) -> dict[str, Any]:
    """In the shape of clusters/kubernetes/capacity.py; what is free is measured, whoever uses the rest."""
    machine = read_machine(Path(settings.HOME))
    has: dict[str, Any] = {
        "cpu_millis": machine.cores * 1000,
        "memory_bytes": machine.memory_bytes,
        "disk_bytes": machine.disk_bytes,
        "gpus": {},
    }
    idle = max(0, has["cpu_millis"] - round(os.getloadavg()[0] * 1000))
    free = {**has, "cpu_millis": idle, "memory_bytes": min(_available(proc), machine.memory_bytes)}
    node = {"name": socket.gethostname(), "is_usable": True, **has, "labels": {}, "taints": [], "free": free}
    return {"nodes": [node], "totals": has, "free": free}


def _available(proc: Path) -> int:
    """Memory that a new process could have, as the kernel estimates it; 0 where it does not (macOS)."""
    try:
        words = (proc / "meminfo").read_text().split()
        return int(words[words.index("MemAvailable:") + 1]) * 1024
    except (OSError, ValueError):
        return 0
