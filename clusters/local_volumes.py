"""Where the directories of local attempts lie, and how they go."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clusters.driver import ClusterRefused

PUBLIC_HOME = Path("/var/lib/stellwerk")
_LEFTOVER_SECONDS = 3600
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?")


def is_plain_name(name: str) -> bool:
    """Whether a work's name is a plain directory name (Kubernetes' rule for names, longer)."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def choose_root(base: Path, needs_public_path: bool) -> Path:
    """The directory for attempts: `base`, or one derived from it where every user can pass. Made if missing.

    A script with a user of its own must reach its working directory, and `base` often lies below a private
    home. Raises ClusterRefused.
    """
    base = Path(os.path.realpath(base))
    root = base
    try:
        base.mkdir(mode=0o711, parents=True, exist_ok=True)
        if needs_public_path and not is_public(base.parent):
            root = PUBLIC_HOME / ("local-" + hashlib.sha256(os.fsencode(base)).hexdigest()[:16])
            _make_public(PUBLIC_HOME)
            _make_public(root)
        root.chmod(0o711 if needs_public_path else 0o700)
        if needs_public_path and not is_public(root):
            raise ClusterRefused(f"Jobs run as users of their own, and those cannot enter {root}.")
    except OSError as error:
        raise ClusterRefused(f"The directory of the local jobs cannot be made: {error}.") from error
    return root


def _make_public(directory: Path) -> None:
    """Passable whatever the umask is; one that exists keeps the mode that its admin gave it."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir()
        directory.chmod(0o711)


def sweep_leftovers(root: Path) -> None:
    """Delete what a crash left half-made or half-removed. Nothing that a living driver may be working on."""
    old = time.time() - _LEFTOVER_SECONDS
    for entry in (*root.glob(".new-*"), *root.glob(".trash-*"), *root.glob(".users/*")):
        with contextlib.suppress(OSError):
            if entry.stat().st_mtime > old:
                continue
            if entry.is_dir():
                remove_tree(entry)
            elif not (root / entry.read_text("utf-8")).exists():
                entry.unlink()


def is_public(directory: Path) -> bool:
    """Whether any user may pass through `directory` and all folders above it."""
    return all(here.stat().st_mode & stat.S_IXOTH for here in (directory, *directory.parents))


def remove_tree(tree: Path) -> None:
    """Delete all of it, also what a script left without permissions. Follows no link. Raises OSError."""

    def open_up(function: Callable[..., Any], path: str, _: Any) -> None:
        for locked in (os.path.dirname(path), path):  # noqa: PTH120
            if not os.path.islink(locked):  # noqa: PTH114
                os.chmod(locked, 0o700)  # noqa: PTH101
        function(path) if function is not os.open else None
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            shutil.rmtree(path)

    if tree.exists():
        shutil.rmtree(tree, onerror=open_up)
