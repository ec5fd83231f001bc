"""Which files a job keeps: globs for paths relative to its working directory, in linear time.

`*` and `?` stay within one name, `**` stands for any folders, `[a-z]` and `[!a-z]` for one character. A glob without a
slash is for the name at any depth; one with a slash begins at the working directory. One that fits a folder is for
everything in it, and one that ends with a slash for folders only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_ANY = "**"


class Glob:
    """One glob, as it was typed in `text`."""

    def __init__(self, text: str) -> None:
        self.text = text
        path = text.strip("/")
        self.is_for_folders = text.endswith("/")
        self._parts = path.split("/") if "/" in text.rstrip("/") else [_ANY, path]

    def fits(self, path: str, is_folder: bool = False) -> bool:
        """Whether this very path is meant, or a folder on the way to it."""
        names = path.split("/")
        for count in range(1, len(names) + 1):
            if count == len(names) and self.is_for_folders and not is_folder:
                return False
            if _wild(self._parts, names[:count], _is_any_folders, _fits_name):
                return True
        return False


class Rules:
    """A job's own: the claim's `result_rules`. Without any, everything is kept."""

    def __init__(self, told: Mapping[str, Any] | None = None) -> None:
        told = told or {}
        self._include = [Glob(str(text)) for text in told.get("include", [])]
        self._exclude = [Glob(str(text)) for text in told.get("exclude", [])]

    def refusal(self, path: str) -> str:
        """Why the file is left out, "" when it is kept."""
        if glob := _first(self._exclude, path, False):
            return f"left out by the rule “{glob.text}”"
        if self._include and not _first(self._include, path, False):
            return "none of the rules for what is kept fits it: " + ", ".join(
                glob.text for glob in self._include
            )
        return ""

    def folder_refusal(self, path: str) -> str:
        """Why nothing in the folder is kept, "" when something may be."""
        glob = _first(self._exclude, path, True)
        return f"left out, with all that is in it, by the rule “{glob.text}”" if glob else ""

    def named_folders(self) -> list[str]:
        """Where what is kept is known to be, each once and with its slash: "data/plots/" for `data/plots/*.png`."""
        return list(dict.fromkeys(filter(None, map(_plain_folder, self._include))))


def _plain_folder(glob: Glob) -> str:
    """ "data/plots/" of `data/plots/*.png`; "" where the glob is for any depth, or leads out."""
    parts = glob.text.split("/")[:-1]
    if any(set("*?[") & set(part) for part in parts):
        parts = parts[: next(at for at, part in enumerate(parts) if set("*?[") & set(part))]
    return "".join(part + "/" for part in parts) if all(part not in ("", ".", "..") for part in parts) else ""


def _first(globs: Sequence[Glob], path: str, is_folder: bool) -> Glob | None:
    return next((glob for glob in globs if glob.fits(path, is_folder)), None)


def _wild(
    pattern: Sequence[str],
    text: Sequence[str],
    is_wild: Callable[[str], bool],
    fits_one: Callable[[str, str], bool],
) -> bool:
    """Whether the whole text is meant, where a wild piece stands for any number of its pieces.

    Only the last wild piece is ever widened, so the time is the product of both lengths at most.
    """
    at, here = 0, 0
    wild_at, wild_here = -1, 0
    while here < len(text):
        if at < len(pattern) and is_wild(pattern[at]):
            wild_at, wild_here = at, here
            at += 1
        elif at < len(pattern) and fits_one(pattern[at], text[here]):
            at, here = at + 1, here + 1
        elif wild_at >= 0:
            wild_here += 1
            at, here = wild_at + 1, wild_here
        else:
            return False
    return all(is_wild(piece) for piece in pattern[at:])


def _is_any_folders(part: str) -> bool:
    return part == _ANY


def _is_star(piece: str) -> bool:
    return piece == "*"


def _fits_name(part: str, name: str) -> bool:
    return _wild(_pieces(part), name, _is_star, _fits_character)


def _pieces(part: str) -> list[str]:
    """`a[bc]*` is `a`, `[bc]`, `*`. A bracket that is never closed stands for itself."""
    pieces, at = [], 0
    while at < len(part):
        end = part.find("]", at + 3 if part[at + 1 : at + 2] == "!" else at + 2) if part[at] == "[" else -1
        stop = end + 1 if end > 0 else at + 1
        pieces.append(part[at:stop])
        at = stop
    return pieces


def _fits_character(piece: str, character: str) -> bool:
    if len(piece) < 3:
        return piece in ("?", character)
    inside = piece[1:-1]
    is_not = inside.startswith("!")
    return _is_among(inside[1:] if is_not else inside, character) != is_not


def _is_among(inside: str, character: str) -> bool:
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            if inside[at] <= character <= inside[at + 2]:
                return True
            at += 3
        else:
            if inside[at] == character:
                return True
            at += 1
    return False
