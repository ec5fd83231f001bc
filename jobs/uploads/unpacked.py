"""What one upload brings: plain files as they are, archives entry by entry, each judged on its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jobs.uploads.archives import ARCHIVE_SUFFIXES, UNREADABLE_SUFFIXES, open_archive
from jobs.uploads.handler import ReceivedFile
from jobs.uploads.incoming import NewFile, check_space, no_space, receive
from jobs.uploads.limits import UploadLimits
from jobs.uploads.paths import clean_path
from jobs.uploads.refusal import UploadRefused, visible


@dataclass
class Source:
    """One thing that was dropped. All its files are kept, or none."""

    name: str
    files: list[NewFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: UploadRefused | None = None

    def refuse(self, refused: UploadRefused) -> None:
        """Keep nothing of it."""
        for file in self.files:
            file.discard()
        self.files, self.notes, self.refused = [], [], refused


@dataclass(frozen=True)
class Upload:
    """A file as the browser sent it. One from inside a folder is data, even when it is an archive."""

    path: str
    file: ReceivedFile
    is_inside_folder: bool = False

    @property
    def is_unpacked(self) -> bool:
        """Archives that were dropped by themselves are opened."""
        return not self.is_inside_folder and self.path.lower().endswith(
            ARCHIVE_SUFFIXES + UNREADABLE_SUFFIXES
        )


@contextmanager
def unpacked(uploads: Iterable[Upload], limits: UploadLimits) -> Iterator[list[Source]]:
    """The sources of `uploads`. Files that nobody moved into the storage are gone when this ends."""
    sources: list[Source] = []
    try:
        for upload in uploads:
            source = Source(visible(upload.path.rpartition("/")[2]))
            sources.append(source)
            try:
                _fill(source, upload, limits)
            except UploadRefused as refused:
                source.refuse(_with_archive(refused, source.name) if upload.is_unpacked else refused)
            except OSError:  # the disk is full
                source.refuse(no_space(source.name, upload.file.size or 0))
        yield sources
    finally:
        for source in sources:
            for file in source.files:
                file.discard()


def _with_archive(refused: UploadRefused, name: str) -> UploadRefused:
    """Where only a file inside is named, of several archives nobody knows which one."""
    if f"“{name}”" in refused.sentence:
        return refused
    return UploadRefused(refused.name, f"In “{name}”: {refused.sentence}", refused.advice)


def _fill(source: Source, upload: Upload, limits: UploadLimits) -> None:
    if upload.file.refused:
        raise upload.file.refused
    content = upload.file.content
    if content is None:
        raise ValueError("an upload without content was not refused")
    if not upload.is_unpacked:
        content.path = clean_path(upload.path, limits)
        source.files.append(content)
        return
    with content.place.open("rb") as packed:
        archive = open_archive(packed, upload.path, limits)
        check_space(archive.total_bytes, source.name)
        for entry in archive:
            with entry.open() as file:
                source.files.append(receive(file, entry.path))
        source.notes = archive.notes
