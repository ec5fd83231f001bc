"""The whole portal as real processes (`manage.py up`) on a free port and a home of its own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from portal.up.account import THIS_USER

BASE = Path(__file__).resolve().parents[2]
NAMES = ("postgres", "valkey", "web", "intake", "live", "worker", "beat", "watch", "front")
# Seconds that a start may take on a machine that is busy with other things.
PATIENCE = 180.0
# A test's own databases and settings are not the portal's.
_NOT_INHERITED = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "STELLWERK_HOME", "SECRET_KEY"}


class PortalProcess:
    """Start it, use `url`, kill parts of it by name, stop it. Also a context manager; `remove` ends its data.

    `environment` is added to the caller's (failpoints, limits). `account`, `python` and `host` may be set before
    the start: who runs it, with which Python, and at which address it listens. The first admin's one-time password is
    `admin_password` after the start, until it was changed.
    """

    def __init__(self, home: Path | None = None, *, base: Path = BASE, **environment: str) -> None:
        self.home = home or Path(tempfile.mkdtemp(prefix="stellwerk-test-")) / "home"
        self.owns_home = home is None
        self.base, self.environment = base, environment
        self.account, self.python = THIS_USER, sys.executable
        self.host, self.port = "127.0.0.1", free_port()
        self.admin_password: str | None = None
        self.popen: subprocess.Popen[bytes] | None = None
        self._out = tempfile.TemporaryFile("w+b")  # noqa: SIM115 (open as long as the portal runs)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def output(self) -> str:
        self._out.seek(0)
        return self._out.read().decode()

    @property
    def record(self) -> dict[str, Any]:
        """What runs now, by name (`up.json`); empty when it does not run."""
        try:
            return json.loads((self.home / "up.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}

    @property
    def database_url(self) -> str:
        return self.record["database_url"]

    @property
    def redis_url(self) -> str:
        return self.record["redis_url"]

    def launch(self) -> None:
        """Begin to start; see `wait_until_ready` and `wait_for_end`."""
        self._out.close()
        self._out = tempfile.TemporaryFile("w+b")  # noqa: SIM115 (open as long as the portal runs)
        values = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        values |= {"STELLWERK_HOME": str(self.home), "STELLWERK_BIND": f"{self.host}:{self.port}"}
        self.popen = subprocess.Popen(
            [self.python, "manage.py", "up"],
            cwd=self.base,
            env=values | {"PYTHONIOENCODING": "utf-8"} | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self.account.popen_arguments(),
        )

    def start(self, seconds: float = PATIENCE) -> "PortalProcess":
        """Start and wait until the front answers; raises AssertionError with the output when it does not."""
        self.launch()
        self.wait_until_ready(seconds)
        return self

    def wait_until_ready(self, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not self.record.get("is_ready") or self.record["supervisor"]["pid"] != self.supervisor_pid:
            assert self.popen is not None
            assert self.popen.poll() is None, f"manage.py up ended:\n{self.output}"
            assert time.monotonic() < deadline, f"not ready after {seconds} s:\n{self.output}"
            time.sleep(0.05)
        # The greeting's last line comes right after the record.
        while "jobs that run go on" not in self.output:
            assert time.monotonic() < deadline, f"no greeting after {seconds} s:\n{self.output}"
            time.sleep(0.05)
        if found := re.search(r"one-time password (\S+)", self.output):
            self.admin_password = found[1]

    def wait_for_end(self, seconds: float = 60) -> int:
        """The exit code of `manage.py up`."""
        assert self.popen is not None
        return self.popen.wait(seconds)

    @property
    def supervisor_pid(self) -> int:
        assert self.popen is not None
        return self.popen.pid

    def pid(self, name: str) -> int:
        """The process id of a part: one of NAMES, or `supervisor`."""
        return self.supervisor_pid if name == "supervisor" else self.record["processes"][name]["pid"]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal (kill -9) to a part; its process id."""
        pid = self.pid(name)
        os.kill(pid, number)
        if name == "supervisor" and self.popen:
            self.popen.wait()
        return pid

    def wait_for_new(self, name: str, old_pid: int, seconds: float = 60) -> float:
        """Seconds until the supervisor has started the part anew."""
        began = time.monotonic()
        while self.record.get("processes", {}).get(name, {}).get("pid", old_pid) == old_pid:
            assert time.monotonic() - began < seconds, f"{name} was not started again:\n{self.output}"
            time.sleep(0.02)
        return time.monotonic() - began

    def status(self, path: str = "/", seconds: float = 5) -> int:
        """The HTTP status of a GET without redirects; 0 when nobody answers."""
        request = urllib.request.Request(self.url + path)
        try:
            with _OPENER.open(request, timeout=seconds) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_for_answer(self, path: str = "/", seconds: float = 60) -> float:
        """Seconds until a GET answers without a server error."""
        began = time.monotonic()
        while not 0 < self.status(path) < 500:
            assert time.monotonic() - began < seconds, f"{path} answers {self.status(path)}:\n{self.output}"
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self) -> int | None:
        """Ctrl-C; the exit code (None when it did not run)."""
        if self.popen is None:
            return None
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
        try:
            return self.popen.wait(60)
        finally:
            if self.popen.poll() is None:
                self.popen.kill()

    def remove(self) -> None:
        """Delete the home and where it was moved to, when it is this object's own."""
        if self.owns_home:
            shutil.rmtree(self.home.resolve(), ignore_errors=True)
            shutil.rmtree(self.home.parent, ignore_errors=True)

    def __enter__(self) -> "PortalProcess":
        return self.start()

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self.remove()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
