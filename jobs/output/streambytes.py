"""Bytes of one stream, read in large pieces however small those are that are asked for."""

from pathlib import Path

from jobs.output import outputlog

READ_BYTES = 64 * 1024


class StreamBytes:
    """A window on one stream that moves along with who reads."""

    def __init__(self, folder: Path, stream: int) -> None:
        self._folder, self._stream = folder, stream
        self._start, self._data = 0, b""

    def get(self, begin: int, end: int) -> bytes:
        """From `begin` up to `end`; fewer where no more are stored."""
        if begin < self._start or end > self._start + len(self._data):
            length = max(end - begin, READ_BYTES)
            self._start, self._data = begin, outputlog.piece(self._folder, self._stream, begin, length)
        return self._data[begin - self._start : end - self._start]

    def end_of_line(self, offset: int, limit: int) -> int:
        """Where the newline of the line at `offset` is, or `limit` where there is none before it."""
        at, step = offset, 4096
        while at < limit:
            data = self.get(at, min(limit, at + step))
            found = data.find(b"\n")
            if found >= 0:
                return at + found
            if not data:
                return at
            at, step = at + len(data), min(step * 4, READ_BYTES)
        return limit
