"""An uploaded capsule, which anybody may have written: its archive and its words are judged, then each file's hash."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from jobs.provenance.capsule import FILE, FOLDER, FORMAT, VERSION
from jobs.uploads.archives import Archive, open_archive
from jobs.uploads.handler import ReceivedFile
from jobs.uploads.incoming import NewFile, check_space, receive
from jobs.uploads.limits import UploadLimits
from jobs.uploads.listing import Entry
from jobs.uploads.paths import clean_path
from jobs.uploads.refusal import UploadRefused, visible

MOST_WORDS_BYTES = 4 * 1024 * 1024
BRING_FILES = "Upload the files under New job if you still have them."
ADVICE = "Download the capsule again from the job’s page, and upload it unchanged."


@dataclass(frozen=True)
class Opened:
    """What it says, and its files with their own paths."""

    capsule: dict[str, Any]
    files: list[NewFile]

    def text(self, *names: str) -> str:
        """A text within it, "" for anything else; without what the database cannot hold."""
        found = self._at(names)
        return plain(found) if isinstance(found, str) else ""

    def texts(self, *names: str) -> list[str]:
        """A list's texts."""
        found = self._at(names)
        return [plain(each) for each in found if isinstance(each, str)] if isinstance(found, list) else []

    def _at(self, names: Iterable[str]) -> Any:
        found: Any = self.capsule
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found


def plain(text: str) -> str:
    """Without NUL and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def open_capsule(upload: ReceivedFile, limits: UploadLimits, kept: list[NewFile]) -> Opened:
    """The capsule in `upload`. Raises UploadRefused. `kept` gets its files, to be discarded."""
    if upload.refused:
        raise upload.refused
    name = visible(upload.name or "")
    # One file more, and one folder around all of them.
    bounds = replace(
        limits,
        max_files=limits.max_files + 1,
        max_total_bytes=limits.max_total_bytes + MOST_WORDS_BYTES,
        max_path_length=limits.max_path_length + len(FOLDER),
        max_depth=limits.max_depth + 1,
    )
    words = b""
    with Path(upload.temporary_file_path()).open("rb") as packed:
        archive = _opened(packed, upload, bounds)
        check_space(archive.total_bytes, name)
        for entry in archive:
            if entry.path == FILE:
                words = _words(entry, name)
            else:
                _keep(entry, name, limits, kept)
    capsule = _judged(words, name)
    _check_hashes(capsule, kept, name)
    return Opened(capsule, kept)


def _opened(packed: BinaryIO, upload: ReceivedFile, bounds: UploadLimits) -> Archive:
    try:
        return open_archive(packed, upload.name or "", bounds)
    except UploadRefused as refused:
        # A folder that is dropped instead would be no capsule.
        raise UploadRefused(refused.name, refused.sentence, ADVICE) from refused


def _words(entry: Entry, name: str) -> bytes:
    if entry.size > MOST_WORDS_BYTES:
        _refuse(name, f"Its {FILE} is larger than any that the portal writes.")
    with entry.open() as file:
        return file.read()


def _keep(entry: Entry, name: str, limits: UploadLimits, kept: list[NewFile]) -> None:
    path = entry.path.removeprefix(FOLDER)
    if path == entry.path or clean_path(path, limits) != path:
        _refuse(name, f"It holds “{visible(entry.path)}”, which no capsule has.")
    with entry.open() as file:
        kept.append(receive(file, path))


def _judged(words: bytes, name: str) -> dict[str, Any]:
    if not words:
        _refuse(name, f"It is no capsule: it has no {FILE}.")
    try:
        capsule = json.loads(words)
    except (ValueError, RecursionError):
        capsule = None
    if not isinstance(capsule, dict) or capsule.get("format") != FORMAT:
        _refuse(name, f"It is no capsule: its {FILE} cannot be read as one.")
    if capsule.get("version") != VERSION:
        _refuse(name, "It was written by another version of the portal, which this one does not know.")
    return capsule


def _check_hashes(capsule: dict[str, Any], kept: list[NewFile], name: str) -> None:
    if capsule.get("files_gone"):
        _refuse(name, "A rule had deleted its files before: it has their hashes alone.", BRING_FILES)
    told = capsule.get("files")
    files = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    wanted = {str(each.get("path")): each.get("sha256") for each in files}
    found = {file.path: file.sha256 for file in kept}
    for path in sorted(wanted.keys() | found.keys()):
        if path not in found:
            _refuse(name, f"“{visible(path)}” is named in it and is not there.")
        if path not in wanted:
            _refuse(name, f"“{visible(path)}” is in it and is not named.")
        if wanted[path] != found[path]:
            _refuse(name, f"“{visible(path)}” is not the file that ran: its hash is another one.")


def _refuse(name: str, sentence: str, advice: str = ADVICE) -> NoReturn:
    raise UploadRefused(name, f"“{name}” was not opened. {sentence}", advice)
