"""The portal's own processes: what each is started with and when it is ready."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.up import commands
from portal.up.commands import BASE
from portal.up.front import Address
from portal.up.processes import Program
from portal.up.state import Home


def environment(home: Home, address: Address, database_url: str, redis_url: str) -> dict[str, str]:
    """The caller's environment and what the settings need to know of this run."""
    added = {
        "STELLWERK_HOME": str(home.path),
        "STELLWERK_BIND": address.netloc,
        "STELLWERK_ACCEL": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PYTHONUNBUFFERED": "1",
    }
    # Threads of one process share few heaps: a third less memory, at no price that could be measured.
    defaults = {"PORTAL_URL_FOR_JOBS": address.url, "MALLOC_ARENA_MAX": "2"}
    return defaults | dict(os.environ) | added


def signs_of_life(run: Path) -> Path:
    """The folder in which worker, beat and watch show that they work (jobs/heartbeats.py)."""
    folder = run / "alive"
    folder.mkdir(exist_ok=True)
    return folder


def web(home: Home, run: Path, values: Mapping[str, str]) -> Program:
    """Pages, uploads, downloads."""
    return _program(
        "web", commands.web(run), home, values, is_ready=_Page(run / "web.sock"), stop_seconds=7.0
    )


def intake(home: Home, run: Path, values: Mapping[str, str]) -> Program:
    """What the runners of jobs call."""
    ready = _Page(run / "intake.sock")
    return _program("intake", commands.intake(run), home, values, is_ready=ready, stop_seconds=7.0)


def live(home: Home, run: Path, values: Mapping[str, str]) -> Program:
    """Server-sent events."""
    return _program("live", commands.live(run), home, values, is_ready=_Socket(run / "live.sock"))


def worker(home: Home, run: Path, values: Mapping[str, str]) -> Program:
    """Drives the clusters."""
    ready = _Line(home.log("worker"), b" ready.")
    return _program(
        "worker",
        commands.worker(),
        home,
        values,
        is_ready=ready,
        stop_seconds=10.0,
        sign_of_life=run / "alive" / "worker",
    )


def beat(home: Home, run: Path, values: Mapping[str, str]) -> Program:
    """The sweep. Its entries are static: the schedule file is made anew at each start."""
    schedule = run / "beat-schedule"
    return _program(
        "beat",
        commands.beat(schedule),
        home,
        values,
        before_start=lambda: remove_schedule(schedule),
        sign_of_life=run / "alive" / "beat",
    )


def watch(home: Home, run: Path, values: Mapping[str, str]) -> Program:
    """Observes the clusters."""
    life = run / "alive" / "watch"
    return _program("watch", commands.watch(), home, values, sign_of_life=life, silent_seconds=30.0)


def remove_schedule(schedule: Path) -> None:
    """What beat left of an earlier run."""
    for path in schedule.parent.glob(f"{schedule.name}*"):
        path.unlink()


@dataclass(frozen=True)
class _Socket:
    """Ready when something accepts connections on a Unix socket."""

    path: Path

    def __call__(self, pid: int) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.path))
            except OSError:
                return False
        return True


@dataclass(frozen=True)
class _Page:
    """Ready when the first address is answered without a server error: gunicorn listens long before."""

    path: Path

    def __call__(self, pid: int) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(0.5)
            try:
                connection.connect(str(self.path))
                connection.sendall(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                answer = connection.recv(16)
            except OSError:
                return False
        return answer.startswith(b"HTTP/1.") and answer[9:10] in (b"2", b"3", b"4")


class _Line:
    """Ready when the log has these words behind the place where it ended when this was made."""

    def __init__(self, log: Path, words: bytes) -> None:
        self.log, self.words = log, words
        self.place = log.stat().st_size if log.exists() else 0

    def __call__(self, pid: int) -> bool:
        if not self.log.exists():
            return False
        with self.log.open("rb") as file:
            file.seek(self.place if self.log.stat().st_size >= self.place else 0)
            return self.words in file.read()


def _program(name: str, argv: tuple[str, ...], home: Home, values: Mapping[str, str], **more: Any) -> Program:
    own = {**values, "STELLWERK_DB_POOL": values.get("STELLWERK_DB_POOL", str(commands.POOLS[name]))}
    return Program(name=name, argv=argv, log=home.log(name), folder=BASE, environment=own, **more)
