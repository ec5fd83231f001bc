"""The account that PostgreSQL, Valkey and nginx's worker run as: never root.

As a normal user everything runs as that user. As root they run as `nobody`, who may
enter only what is given to him here.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Account:
    """A user and group to switch to; `None` for the user who runs the supervisor."""

    uid: int | None = None
    gid: int | None = None
    name: str = ""

    @property
    def is_other(self) -> bool:
        return self.uid is not None

    def popen_arguments(self) -> dict[str, Any]:
        """What `subprocess.Popen` needs to run as this account, with no group beside its own."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def make_folder(self, path: Path, mode: int = 0o700) -> Path:
        """A folder of this account's own; what exists is given to it again, with all it holds."""
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        if self.is_other and path.stat().st_uid != self.uid:
            for found in (path, *path.rglob("*")):
                os.chown(found, self.uid or 0, self.gid or 0, follow_symlinks=False)
        path.chmod(mode)
        return path

    def share_folder(self, path: Path) -> Path:
        """A folder that we write and this account may read: what is made in it inherits the group."""
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
        if self.is_other and path.stat().st_gid != self.gid:
            for found in (path, *path.rglob("*")):
                os.chown(found, -1, self.gid or 0, follow_symlinks=False)
        path.chmod(0o2750 if self.is_other else 0o750)
        return path


THIS_USER = Account()


def server_account() -> Account:
    """Who PostgreSQL and Valkey run as: `nobody` for root (PostgreSQL refuses root), else this user."""
    if os.geteuid() != 0:
        return THIS_USER
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid, "nobody")


def others_can_enter(path: Path) -> bool:
    """Whether accounts other than the owner can reach what lies at `path` (resolved; it need not exist)."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents if folder.exists())
