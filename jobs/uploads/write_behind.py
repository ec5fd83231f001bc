"""Writing a file while the next piece is received and hashed: together they take as long as the longer of both."""

import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

WAITING_BYTES = 4 * 1024 * 1024
# Below this a thread costs more than it saves.
ALONE_BYTES = 1024 * 1024


class WriteBehind:
    """One file being written in order, from its beginning or from `offset` on (what lies behind that goes).

    From ALONE_BYTES on a thread of its own writes. At most WAITING_BYTES are held in memory. An OSError of a write
    (a full disk) is raised by the `write` or `close` that comes after it; what lies behind it in the file is worth
    nothing then.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._file = path.open("r+b" if offset else "wb", buffering=0)
        if offset:
            self._file.truncate(offset)
            self._file.seek(offset)
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[tuple[int, Future[None]]] = deque()
        self._waiting_bytes = 0
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        """`data` must not change until WAITING_BYTES have come after it, or `close` has returned."""
        self._size += len(data)
        if self._size < ALONE_BYTES:
            self._write(data)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._waiting.append((len(data), self._thread.submit(self._write, data)))
        self._waiting_bytes += len(data)
        while self._waiting_bytes > WAITING_BYTES or (self._waiting and self._waiting[0][1].done()):
            self._take_one()

    def close(self) -> None:
        """All is written. Idempotent; closes the file also where it raises."""
        with contextlib.closing(self._file):
            try:
                while self._waiting:
                    self._take_one()
            finally:
                if self._thread is not None:
                    self._thread.shutdown(cancel_futures=True)
                self._waiting.clear()

    def _take_one(self) -> None:
        size, written = self._waiting.popleft()
        self._waiting_bytes -= size
        written.result()

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
