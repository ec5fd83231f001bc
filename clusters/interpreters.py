"""The interpreters of this machine that jobs can really be run with.

When the portal is root, jobs run as accounts of their own: an interpreter in a folder that only root may
enter (a Python under root's home) is of no use to them and is not offered.
"""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clusters.relocated_python import relocated_python

USUAL_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin")
ANSWERS_WITHIN = 10.0
OLDEST_PYTHON = (3, 8)
MOST_PYTHONS = 4
# What an interpreter calls itself: a virtual environment and a shim answer with the Python they stand for.
ASK_PYTHON = (
    "import sys; print(*sys.version_info[:2], getattr(sys, '_base_executable', None) or sys.executable)"
)


@dataclass(frozen=True)
class Interpreter:
    """What becomes an environment: a stable name, and the argument list that runs files of each ending."""

    reference: str
    label: str
    description: str
    commands: Mapping[str, list[str]]


def find_interpreters(path: str | None = None) -> list[Interpreter]:
    """Python first, then R, Julia and Bash, as far as they are on `path` (PATH) or in the usual folders."""
    folders = [*(os.environ.get("PATH", "") if path is None else path).split(os.pathsep)]
    if path is None:
        folders += USUAL_FOLDERS
    found = [Path(folder) for folder in dict.fromkeys(folders) if folder and _is_folder(Path(folder))]
    return [*_pythons(found), *_r(found), *_julia(found), *_bash(found)]


def _is_folder(path: Path) -> bool:
    """PATH may name what this user may not even ask about (`Path.is_dir` would raise)."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def is_runnable(program: Path, *, by_others: bool | None = None) -> bool:
    """Whether jobs can run `program`: by everybody when the portal is root, by this user otherwise."""
    if by_others is None:
        by_others = os.geteuid() == 0
    try:
        mode = program.stat().st_mode
        if not stat.S_ISREG(mode) or not os.access(program, os.X_OK):
            return False
        return not by_others or (bool(mode & stat.S_IXOTH) and _can_be_reached(program))
    except OSError:
        return False


def _can_be_reached(program: Path) -> bool:
    """Both the name and what it points to lie in folders that everybody may enter."""
    folders = {*program.absolute().parents, *program.resolve().parents}
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _pythons(folders: list[Path]) -> Iterator[Interpreter]:
    """One for each version: this portal's own Python (never its virtual environment), then `python3`."""
    versions: dict[tuple[int, int], Path] = {}
    for program in _python_candidates(folders):
        if (answer := _ask_python(program)) and answer[0] >= OLDEST_PYTHON:
            versions.setdefault(*answer)
        if len(versions) == MOST_PYTHONS:
            break
    if not versions and (copy := relocated_python()):
        versions[sys.version_info[:2]] = copy
    for (major, minor), program in versions.items():
        version = f"{major}.{minor}"
        yield Interpreter(
            f"local/python-{version}",
            f"Python {version}",
            "This machine's Python with the packages installed for it",
            {".py": [str(program), "-u"]},
        )


def _python_candidates(folders: list[Path]) -> Iterator[Path]:
    yield Path(getattr(sys, "_base_executable", None) or sys.executable)
    yield from (folder / "python3" for folder in folders)
    named = [
        path
        for folder in folders
        for path in folder.glob("python3.*")
        if re.fullmatch(r"python3\.\d+", path.name)
    ]
    yield from sorted(named, key=lambda path: -int(path.name.split(".")[1]))


def _ask_python(program: Path) -> tuple[tuple[int, int], Path] | None:
    if not is_runnable(program):
        return None
    words = _answer([str(program), "-I", "-c", ASK_PYTHON]).split(maxsplit=2)
    if len(words) != 3:
        return None
    base = Path(words[2])
    # `python3` becomes another version with the next upgrade of the system; `python3.11` does not.
    exact = base.with_name(f"python{words[0]}.{words[1]}")
    chosen = next((path for path in (exact, base) if is_runnable(path)), None)
    return ((int(words[0]), int(words[1])), chosen) if chosen else None


def _r(folders: list[Path]) -> Iterator[Interpreter]:
    for program, version in _versions(folders, "Rscript"):
        yield Interpreter(
            f"local/r-{version}",
            f"R {version}",
            "This machine's R with the packages installed for it",
            {".R": [str(program)], ".r": [str(program)]},
        )


def _julia(folders: list[Path]) -> Iterator[Interpreter]:
    for program, version in _versions(folders, "julia"):
        commands = {".jl": [str(program)]}
        yield Interpreter(f"local/julia-{version}", f"Julia {version}", "This machine's Julia", commands)


def _bash(folders: list[Path]) -> Iterator[Interpreter]:
    for program in (folder / "bash" for folder in folders):
        if is_runnable(program):
            commands = {".sh": [str(program)], ".bash": [str(program)]}
            yield Interpreter("local/bash", "Bash", "Shell scripts with this machine's commands", commands)
            return


def _versions(folders: list[Path], name: str) -> Iterator[tuple[Path, str]]:
    """The programs of that name, one for each version ("4.2") they say they are."""
    versions: dict[str, Path] = {}
    for program in (folder / name for folder in folders):
        if is_runnable(program) and (
            match := re.search(r"(\d+\.\d+)\.\d", _answer([str(program), "--version"]))
        ):
            versions.setdefault(match[1], program)
    for version, program in versions.items():
        yield program, version


def _answer(command: list[str]) -> str:
    """What the program prints (R says its version on stderr up to 4.2); empty when it does not work."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=ANSWERS_WITHIN,
            check=True,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace").strip()
