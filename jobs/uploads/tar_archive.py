"""Reading a .tar, packed or not: once through all headers to judge the listing, once more for the content."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, cast

from jobs.uploads.content import CHUNK, broken_is_refused, exact_content
from jobs.uploads.limits import UploadLimits
from jobs.uploads.listing import Budget, Entry, Listing, Member, checked_listing, damaged, not_a_file
from jobs.uploads.refusal import UploadRefused, visible

BLOCK = 512
# One entry's headers with long names and attributes; tarfile would read any announced length into memory.
HEADER_BYTES = 256 * 1024
GLOBAL_HEADER_CHARACTERS = 64 * 1024
# All that surrounds the content: headers, padding, the zeros at the end.
OVERHEAD_BYTES = 64 * 1024 * 1024
# Enough for `xz -9`.
XZ_MEMORY_BYTES = 70 * 1024 * 1024

COMPRESSIONS: tuple[tuple[bytes, Callable[[BinaryIO], BinaryIO]], ...] = (
    (b"\x1f\x8b", lambda file: cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))),
    (b"BZh", lambda file: cast(BinaryIO, bz2.BZ2File(file))),
    (b"\xfd7zXZ\x00", lambda file: cast(BinaryIO, _XzReader(file))),
)

KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
}
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


class TarArchive:
    def __init__(self, file: BinaryIO, name: str, limits: UploadLimits, packed_bytes: int) -> None:
        self._file = file
        self._name = name
        self._limits = limits
        self._packed_bytes = packed_bytes
        budget = Budget(limits, name, packed_bytes)
        members = [_member(info, budget) for info, _ in self._walk()]
        self.listing: Listing = checked_listing(members, name, limits)

    def entries(self) -> Iterator[Entry]:
        wanted = {member.place: (path, member) for path, member in self.listing.files}
        for info, reader in self._walk():
            if info.offset_data in wanted:
                path, member = wanted[info.offset_data]
                yield Entry(path, member.size, partial(self._open, reader, member, path))

    def _open(self, reader: "_ForwardReader", member: Member, path: str) -> BinaryIO:
        with broken_is_refused(self._name):
            reader.seek(member.place)
        return exact_content(_Content(reader), member.size, visible(path), self._name)

    def _walk(self) -> Iterator[tuple[tarfile.TarInfo, "_ForwardReader"]]:
        reader = _ForwardReader(self._file, self._name, self._limits, self._packed_bytes)
        with broken_is_refused(self._name):
            tar = tarfile.TarFile(fileobj=cast(BinaryIO, reader), encoding="utf-8", errors="surrogateescape")
        while True:
            reader.start_header()
            with broken_is_refused(self._name):
                info = tar.next()
            if info is None:
                break
            # tarfile remembers every member it has seen, and what global headers say.
            tar.members = []  # type: ignore[attr-defined]
            global_headers = sum(len(key) + len(str(value)) for key, value in tar.pax_headers.items())
            if global_headers > GLOBAL_HEADER_CHARACTERS:
                raise _header_too_large(self._name)
            yield info, reader
        with broken_is_refused(self._name):
            reader.check_end()


class _ForwardReader:
    """The unpacked stream as the file object that tarfile wants: it only moves forward, reads headers within
    bounds, and keeps the ratio while it reads."""

    def __init__(self, file: BinaryIO, name: str, limits: UploadLimits, packed_bytes: int) -> None:
        file.seek(0)
        magic = file.read(6)
        file.seek(0)
        self._name = name
        self._budget = Budget(limits, name, packed_bytes)
        self._most = limits.max_total_bytes + OVERHEAD_BYTES
        self._position = 0
        self._header_left = HEADER_BYTES
        self._last_block = b""
        unpack = next((opener for start, opener in COMPRESSIONS if magic.startswith(start)), None)
        self._is_packed = unpack is not None
        self._source = unpack(file) if unpack else file

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> None:
        if position < self._position:
            raise damaged(self._name, "an entry points back to an earlier one")
        if not self._is_packed:
            self._source.seek(position)
            self._position = position
        while self._position < position:
            if not self.take(min(CHUNK, position - self._position)):
                raise EOFError

    def start_header(self) -> None:
        self._header_left = HEADER_BYTES

    def read(self, size: int) -> bytes:
        """What tarfile reads: always part of a header."""
        if size > self._header_left:
            raise _header_too_large(self._name)
        data = b""
        while len(data) < size and (more := self.take(size - len(data))):
            data += more
        self._header_left -= len(data)
        self._last_block = data
        return data

    def take(self, size: int) -> bytes:
        data = self._source.read(size)
        self._position += len(data)
        if self._is_packed:
            self._budget.check_ratio(self._position)
        if self._position > self._most:
            raise damaged(self._name, "it holds far more than its files")
        return data

    def check_end(self) -> None:
        """tarfile takes any unreadable header for the end: only the end mark of zeros is one. What follows it
        is read too, so that the packed stream's checksum is compared."""
        if not self._last_block:
            raise EOFError
        if self._last_block.strip(b"\0"):
            raise damaged(self._name, "the header of an entry cannot be read")
        while data := self.take(CHUNK):
            if data.strip(b"\0"):
                raise damaged(self._name, "there is more content behind its end")


class _Content:
    """Reads one entry's content, where the bounds of headers do not hold."""

    def __init__(self, reader: _ForwardReader) -> None:
        self._reader = reader
        self._position = reader.tell()

    def read(self, size: int, /) -> bytes:
        if self._position != self._reader.tell():
            raise AssertionError("an entry of a tar is read before the next one is asked for")
        data = self._reader.take(size)
        self._position += len(data)
        return data


class _XzReader:
    """lzma.LZMAFile without its trust: a header can ask for gigabytes of memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unpacker = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
        self._is_between_streams = False

    def read(self, size: int) -> bytes:
        while True:
            packed = self._packed()
            if not packed and self._unpacker.needs_input:
                if self._is_between_streams:
                    return b""
                raise EOFError
            self._is_between_streams = False
            data = self._unpacker.decompress(packed, size)
            if self._unpacker.eof:
                self._next_stream()
            if data:
                return data

    def _packed(self) -> bytes:
        return self._file.read(CHUNK) if self._unpacker.needs_input else b""

    def _next_stream(self) -> None:
        """Streams may follow each other, with zeros between them."""
        rest = self._unpacker.unused_data
        while not (rest := rest.lstrip(b"\0")) and (more := self._file.read(CHUNK)):
            rest = more
        self._unpacker = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
        self._is_between_streams = not rest
        self._file.seek(-len(rest), 1)


def _member(info: tarfile.TarInfo, budget: Budget) -> Member:
    raw_name = info.name.encode("utf-8", "surrogateescape")
    shown = visible(raw_name)
    if info.issparse():
        raise not_a_file(shown, "a sparse file", budget.archive)
    if not info.isdir() and info.type not in REGULAR:
        raise not_a_file(shown, KINDS.get(info.type, "of a special kind"), budget.archive)
    if info.size < 0:
        raise damaged(budget.archive, f"“{shown}” has a size below zero")
    budget.add(shown, info.size, info.isdir())
    return Member(raw_name, info.size, info.isdir(), info.offset_data)


def _header_too_large(name: str) -> UploadRefused:
    return UploadRefused(
        name,
        f"“{name}” has an entry whose header is larger than {HEADER_BYTES // 1024} KiB.",
        "Pack the files again with a usual tool.",
    )
