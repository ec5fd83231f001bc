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

from runner.kept import DISK, LIMIT, Lost, Trimmer
from runner.order import OrderWriter

_BLOCK = 1 << 18
_F_SETPIPE_SZ = 1031


class Pump(threading.Thread):
    """Copies each stream into its file until all writers are gone.

    Of a stream above `limit` bytes the middle is given back to the disk. What the disk has no room for is counted
    and dropped, up to the stream's end. The file `order` says in which order the bytes came.
    """

    def __init__(self, targets: dict[str, Path], limit: int, run_as: int | None, order: Path) -> None:
        super().__init__(name="pump", daemon=True)
        self.notice: Callable[[], None] = lambda: None
        self._limit = limit
        self._pipes: dict[int, str] = {}
        self._files: dict[str, int] = {}
        self._sizes = dict.fromkeys(targets, 0)
        self._lost = {stream: Lost() for stream in targets}
        self._trimmers = {stream: Trimmer(limit) for stream in targets}
        self._order = OrderWriter(order, list(targets), limit // 2)
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

    @property
    def lost(self) -> dict[str, Lost]:
        """What the script wrote last and the log file of the stream does not have."""
        return dict(self._lost)

    def close_writers(self) -> None:
        """After the script has its ends: ours must not keep the pipes open."""
        for descriptor in self.writers.values():
            os.close(descriptor)
        self.writers.clear()

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
        self._order.end(self._sizes)

    def _keep(self, stream: str, data: bytes) -> None:
        if self._lost[stream].size:
            self._lose(stream, len(data), self._lost[stream].why)
            return
        # Before the log has them: who sees them there finds all that came earlier in the order.
        self._order.turn_to(stream, self._sizes)
        log, trimmer = self._files[stream], self._trimmers[stream]
        while data:
            kept = data if trimmer.works else data[: max(0, self._limit - self._sizes[stream])]
            if not kept:
                # Only here: a disk that takes nothing back. The end is not kept, but it stays bounded.
                self._lose(stream, len(data), LIMIT)
                return
            try:
                written = os.write(log, kept)
            except OSError:
                # A full disk: go on reading, or the script would hang in its next print.
                self._lose(stream, len(data), DISK)
                return
            data = data[written:]
            self._sizes[stream] += written
            trimmer.trim(log, self._sizes[stream])

    def _lose(self, stream: str, size: int, why: str) -> None:
        self._lost[stream] = Lost(self._lost[stream].size + size, why)
