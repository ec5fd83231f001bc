"""A bundle's files as folders within folders, to be shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobs.models import BundleFile

# A folder with more files than this is shown closed.
OPEN_UP_TO = 12


@dataclass
class Leaf:
    """One file."""

    name: str
    path: str
    size: int
    is_entry: bool


@dataclass
class Folder:
    """A folder; `path` ends with a slash, the root's is empty. `count` and `size` are of everything in it."""

    name: str = ""
    path: str = ""
    folders: dict[str, Folder] = field(default_factory=dict)
    files: list[Leaf] = field(default_factory=list)
    count: int = 0
    size: int = 0
    has_entry: bool = False

    @property
    def subfolders(self) -> list[Folder]:
        """By name."""
        return [self.folders[name] for name in sorted(self.folders)]

    @property
    def is_open(self) -> bool:
        """Small folders and the way to the file that is started are shown open."""
        return self.has_entry or self.count <= OPEN_UP_TO


def tree(files: Iterable[BundleFile], entry: str) -> Folder:
    """The root folder over `files`, which are sorted by path."""
    root = Folder()
    for file in files:
        folder = root
        is_entry = file.path == entry
        *parents, name = file.path.split("/")
        _count(root, file.size, is_entry)
        for parent in parents:
            folder = folder.folders.setdefault(parent, Folder(parent, f"{folder.path}{parent}/"))
            _count(folder, file.size, is_entry)
        folder.files.append(Leaf(name, file.path, file.size, is_entry))
    return root


def _count(folder: Folder, size: int, is_entry: bool) -> None:
    folder.count += 1
    folder.size += size
    folder.has_entry = folder.has_entry or is_entry
