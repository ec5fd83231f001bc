"""Opening an uploaded archive entry by entry. Nothing here writes to a disk or trusts a header."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from jobs.uploads.limits import UploadLimits
from jobs.uploads.listing import Entry, Listing
from jobs.uploads.refusal import UploadRefused, visible
from jobs.uploads.tar_archive import COMPRESSIONS, TarArchive
from jobs.uploads.zip_archive import ZipArchive

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
UNREADABLE_SUFFIXES = (".7z", ".rar", ".tar.zst", ".tar.lz4", ".tar.z")
HEAD_BYTES = 512


class Archive:
    """Iterating gives each Entry once, in the archive's order.

    Its listing was judged as a whole before this object existed. Content is judged while it is read: whoever
    stores entries keeps them aside until the iteration has ended without UploadRefused.
    """

    def __init__(self, name: str, listing: Listing, read: Callable[[], Iterator[Entry]]) -> None:
        self.name = name
        self.paths = tuple(path for path, _ in listing.files)
        self.total_bytes = sum(member.size for _, member in listing.files)
        self.skipped = listing.skipped
        self.stripped_folder = listing.stripped
        self._read = read

    def __iter__(self) -> Iterator[Entry]:
        return self._read()

    @property
    def notes(self) -> list[str]:
        """What was left out or renamed, as sentences for the user."""
        notes = []
        if self.stripped_folder:
            notes.append(f"The folder “{visible(self.stripped_folder)}” around all files was taken off.")
        if self.skipped:
            count = len(self.skipped)
            thing = "1 file" if count == 1 else f"{count} files"
            notes.append(f"{thing} that only macOS needs, such as .DS_Store, left out.")
        return notes


def is_archive(name: str) -> bool:
    """Whether a file of this name is unpacked; every other file is kept as it is."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def open_archive(file: BinaryIO, name: str, limits: UploadLimits) -> Archive:
    """The archive in the seekable `file`, uploaded as `name`. Raises UploadRefused.

    The listing (names, kinds, sizes, ratio) is checked here. Content is streamed in constant memory.
    """
    shown = visible(name.rpartition("/")[2])
    packed_bytes = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not packed_bytes:
        raise UploadRefused(shown, f"“{shown}” is empty (0 bytes).", "Pack it again and upload it once more.")
    if name.lower().endswith(UNREADABLE_SUFFIXES):
        raise _unknown(shown)
    archive: ZipArchive | TarArchive
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or name.lower().endswith(".zip"):
        archive = ZipArchive(file, shown, limits, packed_bytes)
    elif _is_tar(head, name):
        archive = TarArchive(file, shown, limits, packed_bytes)
    else:
        raise _unknown(shown)
    return Archive(shown, archive.listing, archive.entries)


def _is_tar(head: bytes, name: str) -> bool:
    if any(head.startswith(magic) for magic, _ in COMPRESSIONS):
        return True
    return head[257:262] == b"ustar" or name.lower().endswith(".tar")


def _unknown(shown: str) -> UploadRefused:
    return UploadRefused(
        shown,
        f"“{shown}” is not an archive that can be opened here.",
        "Pack the folder as .zip or .tar.gz, or drop the folder itself.",
    )
