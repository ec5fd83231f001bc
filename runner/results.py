"""Which files are results, and opening them so that nothing from outside can be taken for one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.rules import Rules

RESULTS = "results"
# Touched, it asks for the results so far (keeping.py); it is none itself.
KEEP_FILE = RESULTS + "/.keep-now"
_DEEPEST = 60
# In results/, as many in the folders that the rules name, and as many elsewhere.
_MOST_ENTRIES = 200_000
_MOST_SKIPPED = 1000
_UNLIMITED = 1 << 62
_IGNORED = frozenset({"__pycache__", ".ipynb_checkpoints"})
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait for its writer.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass
class Found:
    """Paths relative to the working directory with their sizes, and what was left out and why."""

    files: dict[str, int] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    dropped: int = 0
    size: int = 0

    def skip(self, path: str, why: str) -> None:
        if len(self.skipped) < _MOST_SKIPPED:
            self.skipped.append({"path": path.encode("utf-8", "backslashreplace").decode(), "why": why})
        else:
            self.dropped += 1


@dataclass(frozen=True)
class Inputs:
    """The job's own files: what the claim said of them and how they looked before the script started."""

    files: Mapping[str, Mapping[str, Any]]
    looks: Mapping[str, list[int]]

    def has_unchanged(self, path: str, facts: os.stat_result, root: int) -> bool:
        known = self.files.get(path)
        if known is None or facts.st_size != known["size"]:
            return False
        if self.looks.get(path) == [facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]:
            return True
        with contextlib.suppress(OSError), open_inside(root, path) as file:
            return bool(_hash(file.fileno()) == known["sha256"])
        return False


@dataclass(frozen=True)
class Wanted:
    """What of the working directory is asked for: the claim's `limits` and rules, and whose files may be results.

    `below` narrows the search to a folder ("results/").
    """

    limits: Mapping[str, int]
    run_as: int | None
    rules: Rules = field(default_factory=Rules)
    below: str = ""

    def refusal(self, path: str, size: int, found: Found) -> str:
        """Why the file is left out, "" when it is kept with those found before it."""
        most = self.limits.get("result_file_bytes", _UNLIMITED)
        if why := self.rules.refusal(path):
            return why
        if size > most:
            return f"it is larger than {most} bytes, the most that this job keeps of one file"
        if len(found.files) >= self.limits.get("result_files", _UNLIMITED):
            return f"a job may have at most {self.limits['result_files']} result files"
        if size > self.limits.get("result_bytes", _UNLIMITED) - found.size:
            return f"this job's results may have at most {self.limits['result_bytes']} bytes together"
        return ""


def find_results(work_dir: Path, inputs: Inputs, wanted: Wanted) -> Found:
    """All regular files under results/, then those that are new or changed elsewhere, by the rules."""
    found = Found()
    root = os.open(work_dir, _OPEN_DIRECTORY)
    try:
        for path, facts in _sorted(_walk(root, found, wanted)):
            if path == KEEP_FILE:
                continue
            if not _is_in_results(path) and inputs.has_unchanged(path, facts, root):
                continue
            if why := wanted.refusal(path, facts.st_size, found):
                found.skip(path, why)
            else:
                found.files[path] = facts.st_size
                found.size += facts.st_size
    finally:
        os.close(root)
    if found.dropped:
        found.skipped.append({"path": "…", "why": f"and {found.dropped} more"})
    return found


def open_inside(root: int, path: str) -> Any:
    """Open a regular file below the directory `root`, following no link on the way. Raises OSError."""
    folder, slash, name = path.rpartition("/")
    directory = _open_directory(root, folder + slash)
    try:
        descriptor = os.open(name, _OPEN_FILE, dir_fd=directory)
    finally:
        os.close(directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file")
    return os.fdopen(descriptor, "rb", buffering=0)


def _open_directory(root: int, folder: str) -> int:
    here = os.dup(root)
    for name in folder.split("/")[:-1]:
        try:
            below = os.open(name, _OPEN_DIRECTORY, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def refusal(facts: os.stat_result, run_as: int | None) -> str:
    """Why an entry is no result, "" when it may be one."""
    kinds = {
        stat.S_IFLNK: "it is a symbolic link",
        stat.S_IFIFO: "it is a named pipe",
        stat.S_IFSOCK: "it is a socket",
        stat.S_IFCHR: "it is a device",
        stat.S_IFBLK: "it is a device",
    }
    if not stat.S_ISREG(facts.st_mode):
        return kinds.get(stat.S_IFMT(facts.st_mode), "it is no regular file")
    owner = run_as if run_as is not None else os.getuid()
    if facts.st_uid != owner and (run_as is not None or facts.st_nlink > 1):
        return "it belongs to somebody else (a hard link to a foreign file)"
    return ""


def _walk(root: int, found: Found, wanted: Wanted) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files that may be results. However many are elsewhere, results/ and what the rules name is looked at."""
    groups = [[wanted.below]]
    if not wanted.below:
        named = [each for each in wanted.rules.named_folders() if not _is_in_results(each)]
        first = [
            [each for each in group if _may_start(root, each, wanted.rules)]
            for group in ([RESULTS + "/"], named)
        ]
        groups = [*first, [""]]
    starts = {each for group in groups for each in group}
    for group in groups:
        yield from _walk_from(group, starts, root, found, wanted)


def _walk_from(
    group: list[str], starts: set[str], root: int, found: Found, wanted: Wanted
) -> Iterator[tuple[str, os.stat_result]]:
    """Those below the folders of one group, but for the starts of others."""
    seen = 0
    folders = group[::-1]
    while folders:
        folder = folders.pop()
        for path, facts in _entries(root, folder, found):
            seen += 1
            if seen > _MOST_ENTRIES:
                found.skip(folder or ".", f"only the first {_MOST_ENTRIES} entries were looked at")
                return
            if facts is None or path + "/" in starts:
                continue
            if not stat.S_ISDIR(facts.st_mode):
                if not _is_skipped(path, facts, found, wanted.run_as):
                    yield path, facts
            elif why := wanted.rules.folder_refusal(path):
                found.skip(path + "/", why)
            else:
                folders.append(path + "/")


def _entries(root: int, folder: str, found: Found) -> Iterator[tuple[str, os.stat_result | None]]:
    """What is in the folder, by name; without facts what is left out."""
    try:
        directory = _open_directory(root, folder)
        try:
            for name in sorted(os.listdir(directory)):  # noqa: PTH208 (a descriptor)
                yield folder + name, _look(directory, folder + name, found)
        finally:
            os.close(directory)
    except OSError as error:
        found.skip(folder or ".", f"the folder cannot be read: {error.strerror}")


def _may_start(root: int, folder: str, rules: Rules) -> bool:
    """No link is followed on the way, and no folder that a rule leaves out."""
    try:
        os.close(_open_directory(root, folder))
    except OSError:
        return False
    return not rules.folder_refusal(folder[:-1])


def _look(directory: int, path: str, found: Found) -> os.stat_result | None:
    """The entry's facts, or None when it is left out."""
    name = path.rpartition("/")[2]
    try:
        path.encode("utf-8")
        facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except UnicodeEncodeError:
        found.skip(path, "its name is not valid UTF-8")
        return None
    except OSError as error:
        found.skip(path, f"it cannot be read: {error.strerror}")
        return None
    if stat.S_ISDIR(facts.st_mode):
        if name in _IGNORED and not _is_in_results(path):
            return None
        if path.count("/") >= _DEEPEST:
            found.skip(path, "its folders are nested too deeply")
            return None
    return facts


def _is_skipped(path: str, facts: os.stat_result, found: Found, run_as: int | None) -> bool:
    why = refusal(facts, run_as)
    if why:
        found.skip(path, why)
    return bool(why)


def _sorted(files: Iterator[tuple[str, os.stat_result]]) -> list[tuple[str, os.stat_result]]:
    """The declared results first: limits must not hit them for the sake of by-products."""
    return sorted(files, key=lambda item: (not _is_in_results(item[0]), item[0]))


def _is_in_results(path: str) -> bool:
    return path.startswith(RESULTS + "/")


def _hash(descriptor: int) -> str:
    digest = hashlib.sha256()
    while True:
        block = os.read(descriptor, 1 << 20)
        if not block:
            return digest.hexdigest()
        digest.update(block)
