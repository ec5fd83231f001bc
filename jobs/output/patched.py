"""A stream as a download where bytes were left out of it: its stored bytes, and in place of the others a line."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from jobs.output.holes import extent

BLOCK = 256 * 1024
PLAIN_TEXT = "text/plain; charset=utf-8"


class Piece(NamedTuple):
    """Stored bytes from `start` to `end`, or `words` instead."""

    start: int
    end: int
    words: bytes = b""

    @property
    def size(self) -> int:
        """How long it is in the download."""
        return len(self.words) or self.end - self.start


class Patched:
    """One stream's log with a line at each hole; of a fixed size from here on."""

    def __init__(self, folder: Path, stream: str) -> None:
        self._log = folder / f"{stream}.log"
        self._pieces: list[Piece] = []
        at, stored = 0, self._log.stat().st_size
        for hole in extent(folder, stream).holes:
            begin = b"\n" if hole.at and self._byte(hole.at - 1) != b"\n" else b""
            self._pieces.append(Piece(at, hole.at))
            self._pieces.append(Piece(hole.at, hole.at, begin + f"[stellwerk: {hole.words}]\n".encode()))
            at = hole.at
        self._pieces.append(Piece(at, stored))
        self.size = sum(piece.size for piece in self._pieces)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of the download from one place up to another, in blocks."""
        at = 0
        with self._log.open("rb") as log:
            for piece in self._pieces:
                first, last = max(start - at, 0), min(end - at, piece.size)
                at += piece.size
                if piece.words:
                    yield piece.words[first : max(first, last)]
                    continue
                log.seek(piece.start + min(first, piece.size))
                while first < last and (block := log.read(min(BLOCK, last - first))):
                    first += len(block)
                    yield block

    def _byte(self, offset: int) -> bytes:
        with self._log.open("rb") as log:
            log.seek(offset)
            return log.read(1)


def ranged(wanted: str, patched: Patched) -> HttpResponseBase:
    """The answer with all of it, or, for the header `Range: bytes=…` with one range, with that."""
    span = _span(wanted, patched.size)
    if span is not None and span[0] >= span[1]:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{patched.size}"})
    start, end = span or (0, patched.size)
    blocks = patched.read(start, end)
    response = StreamingHttpResponse(blocks, status=206 if span else 200, content_type=PLAIN_TEXT)
    response["Content-Length"] = str(end - start)
    response["Accept-Ranges"] = "bytes"
    if span:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{patched.size}"
    return response


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """From "bytes=10-19", "bytes=10-", "bytes=-10"; None for all else, which means everything."""
    unit, _, spec = wanted.partition("=")
    first, dash, last = spec.strip().partition("-")
    numbers = [text for text in (first, last) if text]
    if unit.strip() != "bytes" or not dash or not numbers:
        return None
    if not all(text.isascii() and text.isdecimal() and len(text) < 19 for text in numbers):
        return None
    if not first:
        return max(0, size - int(last)), size
    end = min(size, int(last) + 1) if last else size
    return (int(first), end) if not last or int(first) <= int(last) else None
