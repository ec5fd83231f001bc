"""All results of a job as one .zip: made while it is sent, of a size that is known before, and resumable."""

import hashlib
import posixpath
import re
import sys
import unicodedata
from collections.abc import Generator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from functools import partial
from io import BytesIO

from django.db import close_old_connections
from django.utils import timezone

from jobs import store
from jobs.models import Artifact
from jobs.results import shown_path
from jobs.resuming import Opened
from jobs.uploads.tarstream import StreamedFile, zip_size, zip_stream

MISSING = "MISSING.txt"
ABOUT_MISSING = (
    "These results are not stored any more and not in this archive. Run the job again to get them."
)
# In an archive: no separators of other systems, no drive letters, no invisible or reversing characters.
UNSAFE = re.compile(r"[\\:]")


class ResultsZip:
    """The files, dated when the last one came by the portal's clock, as a content that never changes.

    What is not stored any more is left out and named in an entry of its own. Raises StoreAway.

    Whoever goes on in its middle waits until what is before was read again: its checksums stand at the end.
    """

    modified = None

    def __init__(self, artifacts: Sequence[Artifact]) -> None:
        lost = store.missing(artifact.key for artifact in artifacts)
        self._files = _files(artifacts, lost)
        last = max((artifact.stored_at for artifact in artifacts), default=timezone.now())
        self._written_at = timezone.localtime(last)
        self.size = zip_size((path, size) for path, size, _ in self._files)
        # A key stands for one content for ever; Python's version, as its zipfile decides about the bytes between.
        told = (
            [(artifact.path, artifact.key, artifact.key in lost) for artifact in artifacts],
            self._written_at.isoformat(),
            sys.version,
        )
        self.tag = f'"zip-{hashlib.sha256(repr(told).encode()).hexdigest()[:32]}"'

    def read(self, start: int, end: int) -> Opened:
        """Breaks off (SizeChanged, FileNotFoundError) when a file has vanished or changed its size."""
        blocks = self._read(start, end)
        return Opened(blocks, blocks)

    def _read(self, start: int, end: int) -> Generator[bytes]:
        # A slow reader must not keep one of the few connections to the database.
        close_old_connections()
        at = 0
        with closing(zip_stream(self._files, self._written_at)) as pieces:
            for piece in pieces:
                begin, at = at, at + len(piece)
                if at > start and (wanted := piece[max(0, start - begin) : max(0, end - begin)]):
                    yield wanted
                if at >= end and end < self.size:
                    return


def path_inside(path: str) -> str:
    """The path inside an archive: relative, no `..`, nothing that any system reads as something else."""
    visible_only = "".join("_" if unicodedata.category(char)[0] == "C" else char for char in path)
    parts = UNSAFE.sub("_", visible_only).split("/")
    return "/".join(part for part in parts if part not in {"", ".", ".."}) or "file"


def _files(artifacts: Sequence[Artifact], lost: AbstractSet[str]) -> list[StreamedFile]:
    taken: set[str] = set()
    files: list[StreamedFile] = [
        (_unique(path_inside(artifact.path), taken), artifact.size, partial(store.open_, artifact.key))
        for artifact in artifacts
        if artifact.key not in lost
    ]
    if lost:
        lines = [_line(artifact) for artifact in artifacts if artifact.key in lost]
        about = "\n".join([ABOUT_MISSING, "", *lines, ""]).encode()
        files.append((_unique(MISSING, taken), len(about), partial(BytesIO, about)))
    return files


def _line(artifact: Artifact) -> str:
    return f"{shown_path(artifact.path)}, {artifact.size} bytes, sha256 {artifact.sha256}"


def _unique(path: str, taken: set[str]) -> str:
    stem, suffix = posixpath.splitext(path)
    number = 1
    while path in taken:
        number += 1
        path = f"{stem} ({number}){suffix}"
    taken.add(path)
    return path
