"""Which file of a bundle is started, and whether it looks like something that can be started."""

import codecs
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from jobs.uploads.refusal import Problem, visible

# What people call the file that starts everything, best first.
USUAL_NAMES = ("main", "run", "train", "analysis", "analyse", "analyze", "script", "start", "app")
NEVER = ("readme", "license", "licence", "changelog", "setup", "conftest", "__init__")
BINARY_MAGIC = {
    b"\x7fELF": "a compiled program",
    b"PK\x03\x04": "a .zip archive or an Office file",
    b"PAR1": "a Parquet table",
    b"\x1f\x8b": "gzip-packed data",
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"MZ": "a Windows program",
    b"\x89HDF": "an HDF5 file",
}
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NOTEBOOK_ADVICE = "Make a script of it, “jupyter nbconvert --to script” with its name, and upload that."
SHELL_SUFFIXES = frozenset({".sh", ".bash"})
CODING_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def guess_entry_file(paths: Sequence[str], commands: Mapping[str, Sequence[str]]) -> str | None:
    """The path to start, or None where there is no script. `commands` maps a suffix (`.py`) to its command.

    A usual name, then a name like its folder, then the only script of its folder; shallowest first. The order
    of `paths` does not matter.
    """
    scripts = sorted(path for path in paths if _is_script(path, commands))
    if not scripts:
        return None
    siblings = [str(PurePosixPath(path).parent) for path in scripts]
    suffixes = list(commands)

    def rank(path: str) -> tuple[int, int, int, str]:
        pure = PurePosixPath(path)
        stem = pure.stem.lower()
        if stem in USUAL_NAMES:
            kind = USUAL_NAMES.index(stem)
        elif stem == pure.parent.name.lower():
            kind = len(USUAL_NAMES)
        elif siblings.count(str(pure.parent)) == 1:
            kind = len(USUAL_NAMES) + 1
        else:
            kind = len(USUAL_NAMES) + 2
        return len(pure.parts), kind, _place(suffixes, pure.suffix), path

    return min(scripts, key=rank)


def looks_like_script(head: bytes, path: str = "") -> Problem | None:
    """What is wrong with the first bytes of a script; `head` may end inside a character."""
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf") and b"\0" not in head:
        return Problem("The script is empty.", "Upload the file again, with its content.")
    kind = next((kind for magic, kind in BINARY_MAGIC.items() if head.startswith(magic)), None)
    if kind:
        return Problem(f"This is {kind}, not a script.", "Choose the script that should run.")
    if head.startswith(UTF16_MARKS):
        return Problem(
            "The script is saved as UTF-16.", "Save it as UTF-8 in your editor and upload it again."
        )
    if b"\0" in head:
        return Problem(
            "This file holds binary data, not a script.",
            "Choose the script that should run; if it is one, save it as UTF-8.",
        )
    return _encoding_problem(head) or _shell_warning(head, path)


def entry_problem(
    path: str, paths: Sequence[str], head: bytes, commands: Mapping[str, Sequence[str]] | None = None
) -> Problem | None:
    """What stops, or may stop, `path` from being started: missing, no command for it, not a script."""
    shown = visible(path)
    if not path:
        return Problem("No file to start is chosen.", "Choose the script that should run.")
    if path not in paths:
        close = difflib.get_close_matches(path, paths, n=1, cutoff=0.6)
        advice = f"Did you mean “{visible(close[0])}”?" if close else "Choose one of the uploaded files."
        return Problem(f"There is no file “{shown}” among the uploaded files.", advice)
    suffix = PurePosixPath(path).suffix
    if commands is not None and known_suffix(suffix, commands) is None:
        if suffix.lower() == ".ipynb":
            return Problem(f"“{shown}” is a notebook, and scripts are started here.", NOTEBOOK_ADVICE)
        known = ", ".join(sorted(commands)) or "no scripts"
        return Problem(
            f"The environment does not know how to start “{shown}”.",
            f"It starts {known}: choose such a file or another environment.",
        )
    return looks_like_script(head, path)


def command_for(path: str, commands: Mapping[str, Sequence[str]], arguments: Sequence[str]) -> list[str]:
    """The argument list that runs `path`. ValueError: `commands` know no such file."""
    suffix = known_suffix(PurePosixPath(path).suffix, commands)
    if suffix is None:
        raise ValueError(f"no command for {path!r}")
    # A script called "-c.py" is a file, not an option of its interpreter.
    script = f"./{path}" if path.startswith("-") else path
    return [*commands[suffix], script, *arguments]


def known_suffix(suffix: str, commands: Mapping[str, Sequence[str]]) -> str | None:
    """The suffix as `commands` spell it; compared without case: `train.r` is an R script too."""
    return next((known for known in commands if suffix and known.lower() == suffix.lower()), None)


def _is_script(path: str, commands: Mapping[str, Sequence[str]]) -> bool:
    pure = PurePosixPath(path)
    hidden = any(part.startswith(".") for part in pure.parts)
    return (
        not hidden
        and pure.stem.lower() not in NEVER
        and not pure.stem.lower().startswith("test_")
        and known_suffix(pure.suffix, commands) is not None
    )


def _place(suffixes: Sequence[str], suffix: str) -> int:
    return [known.lower() for known in suffixes].index(suffix.lower())


def _encoding_problem(head: bytes) -> Problem | None:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        if _declares_encoding(head):
            return None
        return Problem(
            f"The script is not saved as UTF-8 (line {line}); it looks like Latin-1 or Windows-1252.",
            "Save it as UTF-8 in your editor and upload it again.",
        )
    return None


def _declares_encoding(head: bytes) -> bool:
    """Python reads another encoding when one of the first two lines names it (PEP 263)."""
    for line in head.splitlines()[:2]:
        match = CODING_COOKIE.match(line)
        if match:
            try:
                codecs.lookup(match.group(1).decode("ascii", "replace"))
            except LookupError:
                return False
            return True
    return False


def _shell_warning(head: bytes, path: str) -> Problem | None:
    if PurePosixPath(path).suffix.lower() not in SHELL_SUFFIXES:
        return None
    if b"\r\n" in head:
        return Problem(
            "The script has Windows line endings, which a shell takes for part of its commands.",
            "Save it with Unix line endings (LF).",
            is_warning=True,
        )
    if head.startswith(codecs.BOM_UTF8):
        return Problem(
            "The script starts with a byte order mark, which a shell takes for part of its first command.",
            "Save it as UTF-8 without BOM.",
            is_warning=True,
        )
    return None
