"""What must be done once before the portal's processes start: tables, first contents, static files."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from portal.up.processes import keep_log_short, last_lines
from portal.up.programs import BASE
from portal.up.state import Home, check_free_space
from portal.up.troubles import StepFailed


class Stopped(Exception):  # noqa: N818 (not an error: someone asked for it)
    """Ctrl-C while a step ran."""


class Step:
    """One run of `manage.py`, started at once, so that others can go on beside it."""

    def __init__(self, title: str, arguments: tuple[str, ...], home: Home, values: Mapping[str, str]) -> None:
        self.title, self.home = title, home
        self.log = home.log(arguments[0])
        keep_log_short(self.log)
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                (sys.executable, str(BASE / "manage.py"), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=BASE,
                env=dict(values),
                start_new_session=True,
            )

    def finish(self, is_stopped: Callable[[], bool]) -> str:
        """Wait for its end; what it printed. Raises StepFailed, DiskFull, or Stopped when asked to."""
        while self.popen.poll() is None:
            if is_stopped():
                self.popen.kill()
                self.popen.wait()
                raise Stopped
            time.sleep(0.02)
        printed = self.popen.stdout.read().decode(errors="replace") if self.popen.stdout else ""
        if self.popen.returncode != 0:
            check_free_space(self.home.path)
            raise StepFailed(self.title, " ".join(last_lines(self.log, 1)), self.log)
        return printed


def first_password(printed: str) -> tuple[str, str | None]:
    """The admin's name and one-time password (None when changed), from the last line `seed` prints."""
    lines = printed.strip().splitlines()
    found = json.loads(lines[-1]) if lines else {}
    return str(found.get("admin", "admin")), found.get("password")


def static_fingerprint() -> str:
    """Changes when any static file of ours or any installed package changes."""
    digest = hashlib.sha256()
    for path in sorted((BASE / "static").rglob("*")):
        found = path.stat()
        digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    for name in ("constraints.txt", "portal/settings.py"):
        digest.update((BASE / name).read_bytes())
    return digest.hexdigest()


def static_is_fresh(home: Home) -> bool:
    stamp = _stamp(home)
    return stamp.exists() and stamp.read_text() == static_fingerprint()


def remember_static(home: Home, fingerprint: str) -> None:
    _stamp(home).write_text(fingerprint)


def _stamp(home: Home) -> Path:
    return home.path / "static.stamp"
