"""A copy of this portal's Python that all accounts can run, for when the only one lies in a closed home."""

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from hashlib import sha256
from pathlib import Path

COPIES = Path("/var/tmp")  # noqa: S108 (a copy is used only when it is root's own, see _is_ours)
# Packages stay behind (they may be large and are not the jobs'), and so does what no script needs.
LEFT_OUT = (
    "site-packages",
    "test",
    "tests",
    "idlelib",
    "config-*",
    "__pycache__",
    "*.a",
    "lib2to3",
    "ensurepip",
)
NOBODY = 65534


def relocated_python(copies: Path = COPIES) -> Path | None:
    """The copy's program, made on the first call; None when we are not root or the copy does not run.

    A Python finds its library from where its program lies, so that a copy of both in the same layout works.
    """
    if os.geteuid() != 0:
        return None
    prefix = Path(sys.base_prefix)
    version = "{}.{}".format(*sys.version_info)
    key = sha256(f"{prefix} {sys.version}".encode()).hexdigest()[:8]
    target = copies / f"stellwerk-python-{version}-{key}"
    if not _is_ours(target):
        _make(prefix, version, target)
    program = target / "bin" / "python3"
    return program if _is_ours(target) and _runs(program) else None


def _make(prefix: Path, version: str, target: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    (partial / "bin").mkdir()
    (partial / "lib").mkdir()
    shutil.copy2(Path(sys.executable).resolve(), partial / "bin" / f"python{version}")
    _write_start(partial / "bin" / "python3", target, version)
    shutil.copytree(
        Path(sysconfig.get_path("stdlib")),
        partial / "lib" / f"python{version}",
        ignore=shutil.ignore_patterns(*LEFT_OUT),
        symlinks=True,
    )
    for shared in (prefix / "lib").glob("libpython*.so*"):
        shutil.copy2(shared, partial / "lib" / shared.name, follow_symlinks=False)
    _open_for_reading(partial)
    try:
        partial.rename(target)
    except OSError:  # another start was faster, or the name is somebody else's: `_is_ours` tells
        shutil.rmtree(partial, ignore_errors=True)


def _write_start(start: Path, target: Path, version: str) -> None:
    """Programs linked to a shared libpython look for it where it was built, which others may not enter."""
    lines = ["#!/bin/sh", f'LD_LIBRARY_PATH={target}/lib exec {target}/bin/python{version} "$@"', ""]
    start.write_text("\n".join(lines))
    start.chmod(0o755)


def _is_ours(folder: Path) -> bool:
    """Anyone may make a folder in /var/tmp: only one that we made and nobody else can write is run from."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    is_closed = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and is_closed


def _open_for_reading(root: Path) -> None:
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for path in (Path(folder, name) for name in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _runs(program: Path) -> bool:
    """Whether an account that is nobody's gets an answer out of it."""
    command = [str(program), "-I", "-c", "import json, csv, ssl, zlib"]
    try:
        done = subprocess.run(
            command,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            timeout=10,
            check=False,
            capture_output=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
