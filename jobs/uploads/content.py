"""The content of one archive entry: as long as was announced, and a clear sentence when it is not."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import BinaryIO, Protocol, cast

from jobs.uploads.listing import damaged
from jobs.uploads.refusal import UploadRefused

CHUNK = 64 * 1024

# What the standard library raises on broken or hostile archives, beside its own classes.
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RecursionError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    IndexError,
)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def broken_is_refused(archive: str) -> Iterator[None]:
    """Everything that a broken archive raises inside becomes one UploadRefused."""
    try:
        yield
    except UploadRefused:
        raise
    except BROKEN as error:
        raise damaged(archive, _detail(error)) from error


class ExactContent(RawIOBase):
    """Reads exactly `size` bytes from `source`; fewer or more is a damaged archive."""

    def __init__(self, source: Readable, size: int, name: str, archive: str) -> None:
        self._source = source
        self._left = size
        self._name = name
        self._archive = archive

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        with broken_is_refused(self._archive):
            data = self._source.read(min(len(buffer), self._left, CHUNK)) if self._left else b""
        if self._left and not data:
            raise damaged(self._archive, f"the content of “{self._name}” ends too early")
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


def exact_content(source: Readable, size: int, name: str, archive: str) -> BinaryIO:
    """A file object over `size` bytes of `source`. UploadRefused comes out of its `read`."""
    return cast(BinaryIO, BufferedReader(ExactContent(source, size, name, archive), CHUNK))


def _detail(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "a name in it is not valid UTF-8"
    if isinstance(error, EOFError) or "unexpected end" in str(error):
        return "it ends too early"
    if isinstance(error, zipfile.BadZipFile) and "CRC" in str(error):
        return "a checksum does not match"
    if isinstance(error, (zlib.error, lzma.LZMAError, OSError)):
        return "its packed content cannot be read"
    return "its structure cannot be read"
