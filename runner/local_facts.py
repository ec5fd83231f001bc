"""facts.sh on this machine (in a pod main.sh runs it)."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.facts import LOOK_SECONDS, MOST_BYTES, PATIENCE_SECONDS, facts_of
from runner.launch import Launch, Limits, SetupFailed, StartFailed, start
from runner.processes import ScriptProcesses

_SCRIPT = Path(__file__).with_name("facts.sh")


class LocalFacts:
    """facts.sh on this machine, as the script's user and with its limits, while its results are sent."""

    def __init__(self, launch: Launch, command: Sequence[str], processes: ScriptProcesses) -> None:
        """Begin. Call it while this process has one thread only (see launch.start)."""
        self._processes = processes
        self._until = time.monotonic() + PATIENCE_SECONDS
        self._pipe, writer = os.pipe()
        os.set_blocking(self._pipe, False)
        words = ["/bin/sh", "-c", _SCRIPT.read_text("utf-8"), "facts.sh", *command]
        limits = Limits(int(PATIENCE_SECONDS), MOST_BYTES, launch.limits.processes)
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        with contextlib.suppress(StartFailed, SetupFailed, OSError):
            start(replace(launch, command=words, limits=limits), writer, null)
        os.close(writer)
        os.close(null)
        # Also where nobody comes to ask, because the portal is away.
        self._end = threading.Timer(PATIENCE_SECONDS, self.end)
        self._end.daemon = True
        self._end.start()

    def __call__(self) -> Mapping[str, Any]:
        """What it told, once it is over or its time is. To be asked once."""
        told = b""
        while len(told) < MOST_BYTES and time.monotonic() < self._until:
            try:
                block = os.read(self._pipe, MOST_BYTES)
            except BlockingIOError:
                time.sleep(LOOK_SECONDS)
                continue
            if not block:
                break
            told += block
        os.close(self._pipe)
        return facts_of(told)

    def end(self) -> None:
        """Nothing of it runs any more then."""
        self._end.cancel()
        self._processes.kill(1.0)
