"""Files on their way in: written once to a place beside the storage, hashed while they are written."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from jobs.uploads.refusal import UploadRefused, amount
from jobs.uploads.write_behind import WriteBehind

CHUNK = 256 * 1024
PREFIX = "incoming-"


@dataclass
class NewFile:
    """Content that has arrived whole. Whoever stores it moves it away; what is left is removed by `discard`."""

    path: str
    place: Path
    size: int
    sha256: str

    def discard(self) -> None:
        """Idempotent; also after the content was moved into the storage."""
        self.place.unlink(missing_ok=True)


class Receiver:
    """One file while it is written. Leave it open in nobody's hands: `finish` or `abandon`."""

    def __init__(self) -> None:
        self._place = new_place()
        self._file = WriteBehind(self._place)
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Raises OSError where the disk is full: here, at one of the next pieces, or at `finish`."""
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def finish(self, path: str) -> NewFile:
        """The whole content, to be stored under `path`. Raises OSError where the disk is full."""
        self._file.close()
        return NewFile(path, self._place, self.size, self._digest.hexdigest())

    def abandon(self) -> None:
        """Remove what was written so far."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._place.unlink(missing_ok=True)


def receive(content: BinaryIO, path: str) -> NewFile:
    """Write and hash the rest of `content`. Raises whatever its `read` raises; then nothing is left."""
    receiver = Receiver()
    try:
        while data := content.read(CHUNK):
            receiver.write(data)
        return receiver.finish(path)
    except BaseException:
        receiver.abandon()
        raise


@contextmanager
def discarding(files: list[NewFile]) -> Iterator[list[NewFile]]:
    """Whatever of `files` was not moved into the storage by the end is removed."""
    try:
        yield files
    finally:
        for file in files:
            file.discard()


def folder() -> Path:
    """Where arriving files lie: on the storage's own disk, so that storing one is a rename."""
    place = Path(settings.FILE_UPLOAD_TEMP_DIR or Path(settings.MEDIA_ROOT) / "incoming")
    place.mkdir(parents=True, exist_ok=True)
    return place


def new_place() -> Path:
    """A new empty file."""
    handle, name = tempfile.mkstemp(prefix=PREFIX, dir=folder())
    os.close(handle)
    return Path(name)


def check_space(wanted: int, name: str) -> None:
    """Raises UploadRefused when `wanted` more bytes would eat into the reserve that running jobs need."""
    if not has_room(wanted):
        raise no_space(name, wanted)


def has_room(wanted: int = 0) -> bool:
    """Whether so much more fits without the reserve, where files arrive and where they are stored."""
    free = min(shutil.disk_usage(place).free for place in (folder(), settings.MEDIA_ROOT))
    return bool(free - settings.STORAGE_RESERVE_BYTES > wanted)


def no_space(name: str, wanted: int) -> UploadRefused:
    """The portal's disk is full: an admin can act."""
    refused = UploadRefused(
        name,
        f"“{name}” was not stored: the portal's disk has no room for {amount(wanted)} more.",
        "Ask an admin to free space, then upload it again. Everything else on this page is kept.",
    )
    refused.is_for_space = True
    return refused
