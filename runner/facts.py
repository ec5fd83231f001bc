"""What the script had around it: its interpreter, packages and system, as facts.sh tells them after its end.

Never more than a word beside the outcome: what fails, is late or too long is left out.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.volume import Volume

MOST_BYTES = 256 * 1024
MOST_PACKAGES, LONGEST = 2000, 200
# Behind the script's end: longer than main.sh lets facts.sh run.
PATIENCE_SECONDS = 6.0
LOOK_SECONDS = 0.05
_WORDS = frozenset({"system", "kernel", "machine", "libc"})


def facts_of(told: bytes) -> dict[str, Any]:
    """The lines of facts.sh as JSON values; other lines are not ours. The first word on a thing counts."""
    facts: dict[str, Any] = {}
    interpreters: dict[str, str] = {}
    packages: dict[str, str] = {}
    left_out = 0
    for line in told[:MOST_BYTES].decode("utf-8", "replace").split("\n"):
        word, _, value = line[: 2 * LONGEST].partition(" ")
        value = value.strip()[:LONGEST]
        name, _, version = value.partition(" ")
        if word in _WORDS and value:
            facts.setdefault(word, value)
        elif word == "interpreter" and version and len(interpreters) < 8:
            interpreters.setdefault(name, version)
        elif word == "package" and version and len(packages) < MOST_PACKAGES:
            packages.setdefault(name, version)
        elif word == "package" and version:
            left_out += 1
    if interpreters:
        facts["interpreters"] = interpreters
    if packages:
        facts["packages"] = packages
    if left_out:
        facts["packages_left_out"] = left_out
    return facts


def read_facts(volume: Volume, is_gone: Callable[[], bool]) -> dict[str, Any]:
    """What main.sh left in the volume; waits for it a little, not where its container `is_gone`."""
    until = time.monotonic() + PATIENCE_SECONDS
    whole = volume.root / "facts"
    while not os.path.lexists(whole) and not is_gone() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return facts_of(_head(whole) or _head(volume.root / "facts.part"))


def _head(path: Path) -> bytes:
    """Of a plain file; b"" for whatever else the script may have put there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, MOST_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)
