"""Watching the script until nothing of it runs: its limits, its end and the one cause of that end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.processes import ScriptProcesses, memory_of

# For what the script left behind, here and in a pod (main.sh).
LINGER_SECONDS = 5.0
_SCAN_SECONDS = 1.0
_SHELL_SIGNAL_BASE = 128


@dataclass
class Bounds:
    time_limit_seconds: float
    grace_seconds: float
    memory_bytes: int


@dataclass
class Outcome:
    """How the script ended. `reason` names the first thing that ended it, "" when it ended by itself."""

    exit_code: int | None
    signal: int | None
    reason: str
    started_at: float
    ended_at: float


@dataclass
class _Watch:
    started: float
    cause: str = ""
    kill_at: float | None = None
    main_ended: float | None = None
    pids: list[int] = field(default_factory=list)
    scanned: float = 0.0


class Wakeup:
    """Wakes the supervising loop on a child's end or a stop signal; use it in the main thread."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for descriptor in (self._read, self._write):
            os.set_blocking(descriptor, False)
        self.is_stop_asked = False

    def install(self) -> None:
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def wait(self, seconds: float) -> None:
        if select.select([self._read], [], [], max(0.0, seconds))[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 4096)

    def _ask_stop(self, *_: object) -> None:
        self.is_stop_asked = True


def supervise(
    pid: int, processes: ScriptProcesses, bounds: Bounds, wants_stop: Callable[[], bool], wakeup: Wakeup
) -> Outcome:
    """Return when the process `pid` and everything it left behind have ended.

    What it left behind has LINGER_SECONDS; a stop or the time limit then ends it, but is no cause of the script's end.
    """
    started_at = time.time()
    watch = _Watch(started=time.monotonic(), pids=[pid])
    while True:
        processes.reap()
        now = time.monotonic()
        if watch.main_ended is None and pid in processes.statuses:
            watch.main_ended = now
            ended_at = time.time()
            watch.scanned = 0.0
        memory = _measure(watch, processes, bounds, now)
        if watch.main_ended is not None and not watch.pids:
            break
        if watch.main_ended is None:
            _find_cause(watch, processes, bounds, (memory, wants_stop()), now)
        elif watch.kill_at is None and (wants_stop() or _is_late(watch, bounds, now)):
            watch.kill_at = now + bounds.grace_seconds
            processes.terminate()
        if _is_over(watch, now):
            processes.kill()
            if pid in processes.statuses:
                ended_at = time.time() if watch.main_ended is None else ended_at
                break
        wakeup.wait(_pause(watch, memory, bounds, now))
    return _outcome(processes.statuses[pid], watch.cause, started_at, ended_at)


def _measure(watch: _Watch, processes: ScriptProcesses, bounds: Bounds, now: float) -> int:
    """Bytes now in use. The list of processes is renewed once a second, and always after the script's end."""
    if now - watch.scanned >= _SCAN_SECONDS or watch.main_ended is not None:
        watch.pids, watch.scanned = processes.find(), now
    return memory_of(watch.pids, bounds.memory_bytes)


def _find_cause(
    watch: _Watch, processes: ScriptProcesses, bounds: Bounds, seen: tuple[int, bool], now: float
) -> None:
    """Note the first cause to end the script, and begin with it."""
    memory, is_stop_wanted = seen
    if watch.cause:
        return
    if memory > bounds.memory_bytes:
        watch.cause, watch.kill_at = "out_of_memory", now
        return
    if is_stop_wanted:
        watch.cause = "stopped"
    elif _is_late(watch, bounds, now):
        watch.cause = "time_limit"
    if watch.cause:
        watch.kill_at = now + bounds.grace_seconds
        processes.terminate()


def _is_late(watch: _Watch, bounds: Bounds, now: float) -> bool:
    return now - watch.started >= bounds.time_limit_seconds


def _is_over(watch: _Watch, now: float) -> bool:
    if watch.kill_at is not None and now >= watch.kill_at:
        return True
    return watch.main_ended is not None and now - watch.main_ended >= LINGER_SECONDS


def _pause(watch: _Watch, memory: int, bounds: Bounds, now: float) -> float:
    """Look often where memory is nearly used up or an end is near, seldom where nothing can happen."""
    if watch.main_ended is not None:
        return 0.05
    pause = 0.1 if memory * 2 > bounds.memory_bytes else 0.25
    if now - watch.started < 1.0:
        pause = min(pause, 0.1)
    if watch.kill_at is not None:
        pause = min(pause, watch.kill_at - now)
    else:
        pause = min(pause, watch.started + bounds.time_limit_seconds - now)
    return max(pause, 0.005)


def _outcome(status: int, cause: str, started_at: float, ended_at: float) -> Outcome:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    # A shell that ran the script reports the script's signal as 128 + number.
    told = number if number is not None else (code or 0) - _SHELL_SIGNAL_BASE
    by_limit = {int(signal.SIGXCPU): "cpu_limit", int(signal.SIGXFSZ): "file_limit"}
    return Outcome(code, number, cause or by_limit.get(told, ""), started_at, ended_at)
