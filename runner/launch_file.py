"""launch.sh: what main.sh runs in the user's image, as a few lines that any POSIX shell reads."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from runner.results import KEEP_FILE
from runner.supervise import LINGER_SECONDS
from runner.volume import Volume

# A shell can hold no other variables; a POSIX environment could, and nobody misses them.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# bash takes no other values for these, and ends where it is told one.
_OF_THE_SHELL = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})


def launch_text(volume: Volume, claim: Mapping[str, Any]) -> str:
    """The file's text: how long is waited, and the command; the job's variables over the standard ones, ours over them.

    The variables are set by a function: main.sh has some of its own.
    """
    variables = {
        "HOME": str(volume.home),
        "TMPDIR": str(volume.tmp),
        "PYTHONUNBUFFERED": "1",
        **{str(name): str(value) for name, value in claim.get("environment", {}).items()},
        "STELLWERK_JOB_ID": str(claim.get("job", "")),
        "STELLWERK_ATTEMPT": str(claim.get("attempt", "")),
        "STELLWERK_RESULTS": str(volume.work_dir / "results"),
        "STELLWERK_KEEP": str(volume.work_dir / KEEP_FILE),
    }
    lines = [f"time_limit={int(claim['time_limit_seconds'])}", f"grace={int(claim['grace_seconds'])}"]
    lines.append(f"linger={int(LINGER_SECONDS)}")
    names = [name for name in variables if _NAME.fullmatch(name) and name not in _OF_THE_SHELL]
    lines += ["job_variables() {", *(f"export {name}={shlex.quote(variables[name])}" for name in names), "}"]
    lines.append("set -- " + " ".join(shlex.quote(str(word)) for word in claim["command"]))
    return "\n".join(lines) + "\n"
