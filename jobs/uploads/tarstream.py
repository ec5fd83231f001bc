"""Files as one stream, in constant memory: a .tar for the runner, a .zip for the user."""

import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import datetime
from io import RawIOBase
from typing import BinaryIO, cast

CHUNK = 256 * 1024
BLOCK = 512
# The oldest time that a .zip can hold; it knows no time zones.
OLDEST_ZIP_TIME = datetime(1980, 1, 1)
# Browsers do not tell whether a file was executable, and a script may start another one beside it.
FILE_MODE = 0o755

StreamedFile = tuple[str, int, Callable[[], BinaryIO]]


class SizeChanged(Exception):
    """A file has not the size that was announced: the stream is broken off, never padded."""


def tar_stream(files: Iterable[StreamedFile]) -> Iterator[bytes]:
    """An uncompressed POSIX (pax) tar of regular files, given as (path, size, open). Raises SizeChanged."""
    for path, size, open_file in files:
        info = tarfile.TarInfo(path)
        info.size = size
        info.mode = FILE_MODE
        yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        yield from _content(path, size, open_file)
        if size % BLOCK:
            yield bytes(BLOCK - size % BLOCK)
    yield bytes(2 * BLOCK)


def zip_stream(files: Iterable[StreamedFile], written_at: datetime = OLDEST_ZIP_TIME) -> Generator[bytes]:
    """A .zip of stored files, given as (path, size, open), of any size. Raises SizeChanged.

    All are dated `written_at`, by the clock on its wall: the same files of the same time give the same bytes.
    """
    at = written_at.timetuple()[:6]
    sink = _Sink()
    with zipfile.ZipFile(cast(BinaryIO, sink), "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path, size, open_file in files:
            info = zipfile.ZipInfo(path, at)
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            is_large = size >= zipfile.ZIP64_LIMIT
            with archive.open(info, "w", force_zip64=is_large) as member:
                for chunk in _content(path, size, open_file):
                    member.write(chunk)
                    yield from sink.taken()
            yield from sink.taken()
    yield from sink.taken()


def zip_size(files: Iterable[tuple[str, int]]) -> int:
    """How many bytes `zip_stream` makes of files with these paths and sizes.

    By the ZIP specification (APPNOTE 6.3.10, section 4.3) as Python's zipfile writes to what cannot seek: sizes in a
    data descriptor behind each file, ZIP64 fields only where they are needed.
    """
    at = directory = count = 0
    for path, size in files:
        name, is_large = len(path.encode()), size >= zipfile.ZIP64_LIMIT
        wide = 2 * (size > zipfile.ZIP64_LIMIT) + (at > zipfile.ZIP64_LIMIT)
        directory += 46 + name + (4 + 8 * wide if wide else 0)
        at += 30 + name + (20 if is_large else 0) + size + (24 if is_large else 16)
        count += 1
    is_zip64 = count > zipfile.ZIP_FILECOUNT_LIMIT or max(at, directory) > zipfile.ZIP64_LIMIT
    return at + directory + 22 + (56 + 20 if is_zip64 else 0)


def _content(path: str, size: int, open_file: Callable[[], BinaryIO]) -> Iterator[bytes]:
    left = size
    with open_file() as file:
        while left:
            chunk = file.read(min(CHUNK, left))
            if not chunk:
                raise SizeChanged(f"{path!r} is shorter than {size} bytes")
            left -= len(chunk)
            yield chunk
        if file.read(1):
            raise SizeChanged(f"{path!r} is longer than {size} bytes")


class _Sink(RawIOBase):
    """A file that cannot seek and hands on what was written since the last look."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._chunks.append(bytes(data))
        return len(data)

    def taken(self) -> list[bytes]:
        chunks, self._chunks = self._chunks, []
        return chunks
