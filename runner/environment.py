"""What the script finds around it: a clean environment and the commands that its user can reach."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.processes import MARK
from runner.results import KEEP_FILE
from runner.volume import Volume

PASSED = (
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CUDA_VISIBLE_DEVICES",
)
STANDARD_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")


def script_environment(
    volume: Volume, claim: Mapping[str, Any], pod_uid: str, run_as: int | None, around: Mapping[str, str]
) -> dict[str, str]:
    """The script's whole environment: standard variables, over them the job's own, over them ours."""
    user = "job" if run_as is not None else _user_name()
    environment = {name: around[name] for name in PASSED if name in around}
    environment.setdefault("LANG", "C.UTF-8")
    environment.update(
        PATH=reachable_path(around.get("PATH", ""), run_as),
        HOME=str(volume.home),
        TMPDIR=str(volume.tmp),
        USER=user,
        LOGNAME=user,
        SHELL="/bin/sh",
        PYTHONUNBUFFERED="1",
    )
    environment.update({str(name): str(value) for name, value in claim.get("environment", {}).items()})
    environment.update(
        {
            "STELLWERK_JOB_ID": str(claim.get("job", "")),
            "STELLWERK_ATTEMPT": str(claim.get("attempt", "")),
            "STELLWERK_RESULTS": str(volume.work_dir / "results"),
            "STELLWERK_KEEP": str(volume.work_dir / KEEP_FILE),
            MARK: pod_uid,
        }
    )
    return environment


def reachable_path(path: str, uid: int | None) -> str:
    """PATH without the directories that the script's user cannot enter, the system's own at the end."""
    entries = [entry for entry in path.split(os.pathsep) if entry.startswith("/")]
    entries += [entry for entry in STANDARD_PATH if entry not in entries]
    return os.pathsep.join(entry for entry in entries if uid is None or is_open_to_all(Path(entry)))


def is_open_to_all(directory: Path) -> bool:
    """Whether any user may enter `directory`: every folder on the way to it is a public one."""
    try:
        real = directory.resolve(strict=True)
        return all(here.stat().st_mode & stat.S_IXOTH for here in (real, *real.parents))
    except (OSError, RuntimeError):
        return False


def line_buffered(command: Sequence[str], path: str) -> list[str]:
    """The command with `stdbuf -oL` before it where that exists, so that a printed line is seen at once.

    Not before Python (PYTHONUNBUFFERED does it), nor before a command that does not exist: that error is ours.
    """
    stdbuf = shutil.which("stdbuf", path=path)
    is_python = bool(command) and Path(command[0]).name.startswith("python")
    if stdbuf is None or is_python or not command or shutil.which(command[0], path=path) is None:
        return list(command)
    return [stdbuf, "-oL", *command]


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
