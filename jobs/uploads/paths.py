"""Which paths a bundle may hold. A clean path is relative, NFC, visible and stays inside its folder."""

import re
import unicodedata
from collections.abc import Iterable

from jobs.uploads.limits import UploadLimits
from jobs.uploads.refusal import UploadRefused, visible

MAX_COMPONENT_BYTES = 255
RESERVED_NAMES = frozenset({".stellwerk"})
# Characters that change the direction of what is shown: a name could pretend to be another one.
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
DRIVE_LETTER = re.compile(r"[A-Za-z]:")


def clean_path(raw: str | bytes, limits: UploadLimits | None = None) -> str:
    """The path under which the file is kept: relative, `/` between components, NFC. Raises UploadRefused.

    Backslashes are taken as the separators of a Windows folder. A clean path is its own clean path.
    """
    limits = limits or UploadLimits()
    text = unicodedata.normalize("NFC", _decoded(raw)).replace("\\", "/")
    shown = visible(text)
    if not text:
        raise UploadRefused(shown, "A file without a name cannot be kept.", "Give the file a name.")
    _check_characters(text, shown)
    _check_inside(text, shown)
    components = text.split("/")
    for component in components:
        _check_component(component, shown)
    _check_length(text, len(components), shown, limits)
    return text


def check_collisions(paths: Iterable[str], folders: Iterable[str] = ()) -> None:
    """Raises UploadRefused when two of the clean paths cannot stand beside each other: the same name twice,
    names that differ only by case, or a file where another path needs a folder."""
    files: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        if folded in files:
            raise _collision(files[folded], path)
        files[folded] = path
    for path in [*files.values(), *(f"{folder}/" for folder in folders)]:
        _check_parents(path, files)


class PathSet:
    """Clean paths that can stand beside each other. Adding one takes the same time however many there are."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._files: dict[str, str] = {}
        self._needing: dict[str, str] = {}
        for path in paths:
            self.add(path)

    def __contains__(self, path: str) -> bool:
        return self._files.get(_folded(path)) == path

    def __len__(self) -> int:
        return len(self._files)

    def add(self, path: str) -> None:
        """Raises UploadRefused as `check_collisions` does; then nothing was added."""
        folded = _folded(path)
        if folded in self._files:
            raise _collision(self._files[folded], path)
        if folded in self._needing:
            raise _file_for_folder(path, self._needing[folded])
        _check_parents(path, self._files)
        self._files[folded] = path
        for folder in _folders_of(folded):
            self._needing.setdefault(folder, path)


def _folders_of(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _decoded(raw: str | bytes) -> str:
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        text.encode("utf-8")
    except UnicodeError:
        shown = visible(raw)
        raise UploadRefused(
            shown,
            f"The name “{shown}” is not valid UTF-8.",
            "Rename the file with plain letters, or save its name as UTF-8.",
        ) from None
    return text


def _check_characters(text: str, shown: str) -> None:
    for char in text:
        if char in BIDI_CONTROLS:
            kind = "a character that changes the writing direction"
        elif unicodedata.category(char) in {"Cc", "Zl", "Zp"}:
            kind = "a line break" if char in "\n\r\x0b\x0c\x85\u2028\u2029" else "a control character"
        else:
            continue
        raise UploadRefused(
            shown, f"The name “{shown}” contains {kind} ({visible(char)}).", "Rename the file without it."
        )


def _check_inside(text: str, shown: str) -> None:
    if text.startswith("/") or DRIVE_LETTER.match(text):
        raise UploadRefused(
            shown,
            f"“{shown}” is an absolute path; files are kept under their path inside the folder.",
            "Use a path that is relative to the folder.",
        )


def _check_component(component: str, shown: str) -> None:
    if component == "..":
        raise UploadRefused(
            shown,
            f"“{shown}” leads out of the folder with “..”.",
            "Put the file inside the folder you upload.",
        )
    if component in {"", "."}:
        raise UploadRefused(
            shown,
            f"“{shown}” has an empty part or a lone dot between its slashes.",
            "Give each folder and file a name.",
        )
    if _folded(component) in RESERVED_NAMES:
        raise UploadRefused(
            shown, f"“{shown}” uses the name “{component}”, which the portal keeps for itself.", "Rename it."
        )
    size = len(component.encode())
    if size > MAX_COMPONENT_BYTES:
        raise UploadRefused(
            shown,
            f"A name in “{shown}” is {size} bytes long; {MAX_COMPONENT_BYTES} is the most that disks keep.",
            "Choose a shorter name.",
        )


def _check_length(text: str, depth: int, shown: str, limits: UploadLimits) -> None:
    if len(text) > limits.max_path_length:
        raise UploadRefused(
            shown,
            f"The path “{shown}” is {len(text)} characters long; at most {limits.max_path_length} are kept.",
            "Use shorter names or fewer folders.",
        )
    if depth > limits.max_depth:
        raise UploadRefused(
            shown,
            f"“{shown}” lies {depth} folders deep; at most {limits.max_depth} are kept.",
            "Use fewer folders inside each other.",
        )


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.casefold())


def _collision(first: str, second: str) -> UploadRefused:
    one, two = visible(first), visible(second)
    if first == second:
        return UploadRefused(one, f"“{one}” is there twice.", "Keep one of the two.")
    return UploadRefused(
        two,
        f"“{one}” and “{two}” are two names that differ only by case.",
        "Rename one of them: some disks cannot keep both.",
    )


def _check_parents(path: str, files: dict[str, str]) -> None:
    for folder in _folders_of(_folded(path)):
        if folder in files:
            raise _file_for_folder(files[folder], path)


def _file_for_folder(file: str, path: str) -> UploadRefused:
    shown = visible(file)
    return UploadRefused(
        shown,
        f"“{shown}” is a file, and “{visible(path)}” needs a folder of that name.",
        "Rename the file or the folder.",
    )
