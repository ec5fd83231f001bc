"""From the script's pipes to its log files.

Pipes and not the files themselves: a script that opens /dev/stderr again would truncate a file, its user
could not open ours at all, and the limit of a file's size would fall upon its output.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

_BLOCK = 1 << 18
_F_SETPIPE_SZ = 1031


class Pump(threading.Thread):
    """Copies each stream into its file until all writers are gone; above `limit` bytes it counts and drops."""

    def __init__(self, targets: dict[str, Path], limit: int, run_as: int | None) -> None:
        super().__init__(name="pump", daemon=True)
        self.dropped = dict.fromkeys(targets, 0)
        self.notice: Callable[[], None] = lambda: None
        self._limit = limit
        self._pipes: dict[int, str] = {}
        self._files: dict[str, int] = {}
        self._sizes = dict.fromkeys(targets, 0)
        self.writers: dict[str, int] = {}
        for stream, path in targets.items():
            read, write = os.pipe()
            with contextlib.suppress(OSError, ImportError):
                import fcntl

                fcntl.fcntl(read, _F_SETPIPE_SZ, 1 << 20)
            if run_as is not None:
                os.fchown(write, run_as, run_as)  # or `echo … > /dev/stderr` would be refused
            self._pipes[read] = stream
            self.writers[stream] = write
            self._files[stream] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def close_writers(self) -> None:
        """After the script has its ends: ours must not keep the pipes open."""
        for descriptor in self.writers.values():
            os.close(descriptor)
        self.writers.clear()

    def say(self, stream: str, text: str) -> None:
        """A line of ours in the script's stream, as a shell would write it."""
        self._keep(stream, text.encode("utf-8", "replace"))

    def run(self) -> None:
        poll = select.poll()
        for descriptor in self._pipes:
            poll.register(descriptor, select.POLLIN)
        while self._pipes:
            for descriptor, _ in poll.poll():
                data = os.read(descriptor, _BLOCK)
                if data:
                    self._keep(self._pipes[descriptor], data)
                    self.notice()
                else:
                    poll.unregister(descriptor)
                    del self._pipes[descriptor]
                    os.close(descriptor)

    def _keep(self, stream: str, data: bytes) -> None:
        room = max(0, self._limit - self._sizes[stream])
        kept = data[:room]
        self.dropped[stream] += len(data) - len(kept)
        self._sizes[stream] += len(kept)
        while kept:
            try:
                kept = kept[os.write(self._files[stream], kept) :]
            except OSError:
                # A full disk: go on reading, or the script would hang in its next print.
                self.dropped[stream] += len(kept)
                self._sizes[stream] -= len(kept)
                self._limit = min(self._limit, self._sizes[stream])
                return
