"""Reading a .zip: its central directory is judged first, then each entry is streamed."""

import stat
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, cast

from jobs.uploads.content import broken_is_refused, exact_content
from jobs.uploads.limits import UploadLimits
from jobs.uploads.listing import (
    Budget,
    Entry,
    Listing,
    Member,
    checked_listing,
    damaged,
    not_a_file,
    too_many_entries,
)
from jobs.uploads.refusal import UploadRefused, visible

DIRECTORY_SIGNATURE = b"PK\x01\x02"
LOCAL_SIGNATURE = b"PK\x03\x04"
LOCAL_HEADER_BYTES = 30
DIRECTORY_BYTES_PER_ENTRY = 1024
UTF8_FLAG = 0x800
# Encrypted content, strong encryption, masked directory.
ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
READABLE_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class ZipArchive:
    def __init__(self, file: BinaryIO, name: str, limits: UploadLimits, packed_bytes: int) -> None:
        self._name = name
        directory = _DirectoryGuard(file, name, limits)
        with broken_is_refused(name):
            self._zip = zipfile.ZipFile(cast(BinaryIO, directory))
        directory.is_open = True
        infos = self._zip.infolist()
        budget = Budget(limits, name, packed_bytes)
        members = [_member(info, place, budget) for place, info in enumerate(infos)]
        self.listing: Listing = checked_listing(members, name, limits)
        with broken_is_refused(name):
            _check_overlaps(file, infos, self._zip.start_dir, name)

    def entries(self) -> Iterator[Entry]:
        infos = self._zip.infolist()
        for path, member in self.listing.files:
            yield Entry(path, member.size, partial(self._open, infos[member.place], path))

    def _open(self, info: zipfile.ZipInfo, path: str) -> BinaryIO:
        with broken_is_refused(self._name):
            source = self._zip.open(info)
            if not info.file_size:
                # Nobody would read it, and only reading compares the checksum.
                source.read(1)
        return exact_content(source, info.file_size, visible(path), self._name)


class _DirectoryGuard:
    """zipfile reads the whole central directory at once: refuse one too large or with too many entries
    before an object is made for each."""

    def __init__(self, file: BinaryIO, name: str, limits: UploadLimits) -> None:
        self._file = file
        self._name = name
        self._limits = limits
        self.is_open = False
        self.seek, self.tell = file.seek, file.tell

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.is_open:
            return self._file.read(size)
        # The search for the end record reads at most 64 KiB and a little.
        if size > max(128 * 1024, self._limits.max_archive_entries * DIRECTORY_BYTES_PER_ENTRY):
            raise too_many_entries(self._name, self._limits)
        data = self._file.read(size)
        if data.count(DIRECTORY_SIGNATURE) > self._limits.max_archive_entries:
            raise too_many_entries(self._name, self._limits)
        return data


def _member(info: zipfile.ZipInfo, place: int, budget: Budget) -> Member:
    raw_name = _raw_name(info)
    shown, archive = visible(raw_name), budget.archive
    mode = stat.S_IFMT(info.external_attr >> 16)
    is_folder = info.orig_filename.endswith(("/", "\\")) or mode == stat.S_IFDIR
    if mode in KINDS:
        raise not_a_file(shown, KINDS[mode], archive)
    if info.flag_bits & ENCRYPTED_FLAGS:
        raise UploadRefused(
            shown, f"“{shown}” in “{archive}” is protected by a password.", "Pack it again without one."
        )
    if info.compress_type not in READABLE_METHODS:
        raise UploadRefused(
            shown,
            f"“{shown}” in “{archive}” is packed by a method that cannot be read here "
            f"(method {info.compress_type}).",
            "Pack it as .tar.gz, or as .zip with the usual “deflate”.",
        )
    budget.add(shown, info.file_size, is_folder)
    return Member(raw_name, info.file_size, is_folder, place)


def _raw_name(info: zipfile.ZipInfo) -> str | bytes:
    """The name as stored, a NUL included. Without the UTF-8 flag many tools (macOS, old Info-ZIP) write
    UTF-8 all the same, the others code page 437."""
    name = info.orig_filename
    if info.flag_bits & UTF8_FLAG or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _check_overlaps(file: BinaryIO, infos: list[zipfile.ZipInfo], start_dir: int, name: str) -> None:
    """Two entries that share bytes are how a small .zip unpacks to petabytes."""
    end_of_last = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end_of_last:
            raise _overlap(info, name)
        file.seek(info.header_offset)
        header = file.read(LOCAL_HEADER_BYTES)
        if len(header) < LOCAL_HEADER_BYTES or not header.startswith(LOCAL_SIGNATURE):
            raise damaged(name, f"the content of “{visible(info.orig_filename)}” is not where it should be")
        lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        end_of_last = info.header_offset + LOCAL_HEADER_BYTES + lengths + info.compress_size
        if end_of_last > start_dir:
            raise _overlap(info, name)


def _overlap(info: zipfile.ZipInfo, name: str) -> UploadRefused:
    shown = visible(info.orig_filename)
    return UploadRefused(
        shown,
        f"“{shown}” in “{name}” shares its content with another entry; such an archive is not opened.",
        "Pack the files again with a usual tool.",
    )
