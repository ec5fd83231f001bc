"""What an archive holds, judged as a whole before any content leaves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from jobs.uploads.limits import UploadLimits
from jobs.uploads.paths import check_collisions, clean_path
from jobs.uploads.refusal import UploadRefused, amount

# Under this much unpacked content no ratio is a bomb.
RATIO_FLOOR = 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One file of an archive. `open()` gives its content once, before the next entry is asked for;
    reading raises UploadRefused when the content is not what the archive said."""

    path: str
    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class Member:
    """One entry as the archive lists it; `place` finds its content again."""

    raw_name: str | bytes
    size: int
    is_folder: bool
    place: int


class Budget:
    """What an archive's listing may ask for; raises UploadRefused at the first thing that is too much."""

    def __init__(self, limits: UploadLimits, archive: str, packed_bytes: int) -> None:
        self.limits = limits
        self.archive = archive
        self.packed_bytes = packed_bytes
        self.entries = 0
        self.files = 0
        self.total_bytes = 0

    def add(self, name: str, size: int, is_folder: bool) -> None:
        limits = self.limits
        self.entries += 1
        if self.entries > limits.max_archive_entries:
            raise too_many_entries(self.archive, limits)
        if is_folder:
            return
        self.files += 1
        self.total_bytes += size
        if self.files > limits.max_files:
            raise UploadRefused(
                self.archive,
                f"“{self.archive}” holds more than {limits.max_files} files.",
                "Leave out what the script does not need.",
            )
        if size > limits.max_file_bytes:
            raise UploadRefused(
                name,
                f"“{name}” in “{self.archive}” is larger than {amount(limits.max_file_bytes)}.",
                "Make it smaller, or let the script read it from where the data lives.",
            )
        if self.total_bytes > limits.max_total_bytes:
            raise UploadRefused(
                self.archive,
                f"“{self.archive}” unpacks to more than {amount(limits.max_total_bytes)}.",
                "Leave out what the script does not need.",
            )
        self.check_ratio(self.total_bytes)

    def check_ratio(self, unpacked_bytes: int) -> None:
        allowed = max(RATIO_FLOOR, self.limits.max_archive_ratio * self.packed_bytes)
        if unpacked_bytes > allowed:
            raise UploadRefused(
                self.archive,
                f"“{self.archive}” unpacks to more than {self.limits.max_archive_ratio} times its size.",
                "If that is really your data, upload the files without packing them.",
            )


@dataclass(frozen=True)
class Listing:
    """The files to keep, in the archive's order, as (path, member), and what was done to the names."""

    files: tuple[tuple[str, Member], ...]
    skipped: tuple[str, ...]
    stripped: str


def checked_listing(members: Sequence[Member], archive: str, limits: UploadLimits) -> Listing:
    """All names judged: clean, without collisions, junk left out, one folder around everything taken off."""
    kept: list[tuple[str, Member]] = []
    folders: list[str] = []
    skipped: list[str] = []
    for member in members:
        path = _path_of(member, limits)
        if path is None:
            continue
        if _is_junk(path):
            skipped.append(path)
        elif member.is_folder:
            folders.append(path)
        else:
            kept.append((path, member))
    kept, doubles = _without_apple_doubles(kept)
    skipped.extend(doubles)
    if not kept:
        raise UploadRefused(
            archive, f"“{archive}” contains no files.", "Pack the script and its files again."
        )
    check_collisions([path for path, _ in kept], folders)
    stripped = _common_folder([path for path, _ in kept])
    if stripped:
        kept = [(path[len(stripped) + 1 :], member) for path, member in kept]
        # What is left of a name has to stand on its own, without the folder before it.
        kept = [(clean_path(path, limits), member) for path, member in kept]
        check_collisions(path for path, _ in kept)
    return Listing(tuple(kept), tuple(skipped), stripped)


def too_many_entries(archive: str, limits: UploadLimits) -> UploadRefused:
    return UploadRefused(
        archive,
        f"“{archive}” holds more than {limits.max_archive_entries} entries.",
        "Leave out what the script does not need, such as package folders.",
    )


def damaged(archive: str, detail: str) -> UploadRefused:
    return UploadRefused(
        archive, f"“{archive}” is damaged: {detail}.", "Pack it again and upload it once more."
    )


def not_a_file(name: str, kind: str, archive: str) -> UploadRefused:
    return UploadRefused(
        name,
        f"“{name}” in “{archive}” is {kind}; only regular files are kept.",
        "Replace it by the file itself, or leave it out.",
    )


def _path_of(member: Member, limits: UploadLimits) -> str | None:
    """None for the archive's own root, which `tar -C folder .` writes as `./`."""
    raw = member.raw_name
    text: str | bytes
    if isinstance(raw, bytes):
        raw = raw[2:] if raw.startswith(b"./") else raw
        text = raw[:-1] if member.is_folder and raw.endswith(b"/") else raw
    else:
        raw = raw.replace("\\", "/")
        raw = raw.removeprefix("./")
        text = raw.removesuffix("/") if member.is_folder else raw
    if member.is_folder and text in {"", ".", b"", b"."}:
        return None
    return clean_path(text, limits)


def _is_junk(path: str) -> bool:
    components = path.split("/")
    return components[-1] == ".DS_Store" or "__MACOSX" in components


def _without_apple_doubles(
    files: list[tuple[str, Member]],
) -> tuple[list[tuple[str, Member]], list[str]]:
    """macOS writes a `._name` beside each `name`; one without its partner is a file like any other."""
    names = {path for path, _ in files}
    kept, doubles = [], []
    for path, member in files:
        folder, slash, name = path.rpartition("/")
        if name.startswith("._") and f"{folder}{slash}{name[2:]}" in names:
            doubles.append(path)
        else:
            kept.append((path, member))
    return kept, doubles


def _common_folder(paths: Sequence[str]) -> str:
    tops = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return tops.pop() if len(tops) == 1 else ""
