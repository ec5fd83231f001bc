"""One started program: its log, its readiness, its death and its stop."""

import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal.up.account import THIS_USER, Account
from portal.up.identity import identity, kill_session
from portal.up.troubles import KeepsDying

LOG_BYTES = 20 * 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
DEATHS, DEATHS_WITHIN = 5, 30.0


def _nothing() -> None:
    """Nothing to repair."""


def _at_once(pid: int) -> bool:
    return True


@dataclass(frozen=True)
class Program:
    """What to run, and how to know that it is ready and how it wants to be stopped.

    `sign_of_life`: a file that it touches as long as it does its work. A program that was seen to do so and has not for
    `silent_seconds` hangs.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    folder: Path
    environment: Mapping[str, str]
    account: Account = THIS_USER
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5.0
    is_ready: Callable[[int], bool] = _at_once
    before_start: Callable[[], None] = _nothing
    sign_of_life: Path | None = None
    silent_seconds: float = 60.0


@dataclass
class Process:
    """A program that is kept running until it is stopped."""

    program: Program
    popen: subprocess.Popen[bytes] | None = None
    identity: str = ""
    started_at: float = 0.0
    start_again_at: float = 0.0
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS))
    # When the sign of life was seen to be new, by this process's clock: a laptop that slept is no silence.
    life: tuple[int, float] = (0, 0.0)
    was_silent: bool = False

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        return self.popen.pid if self.popen else 0

    @property
    def is_ready(self) -> bool:
        return self.popen is not None and self.popen.poll() is None and self.program.is_ready(self.pid)

    def start(self) -> None:
        """Start the program in a session of its own: Ctrl-C in the terminal is for the supervisor alone."""
        program = self.program
        program.before_start()
        keep_log_short(program.log)
        with program.log.open("ab") as log:
            self.popen = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=program.folder,
                env=dict(program.environment),
                start_new_session=True,
                **program.account.popen_arguments(),
            )
        self.identity = identity(self.popen.pid)
        self.started_at = time.monotonic()
        self.life = (self._touched_at(), 0.0)

    def heal(self) -> bool:
        """Notice a death, end what hangs, and start again when the pause is over; True when a new one was started."""
        now = time.monotonic()
        if self.popen is not None:
            is_alive = self.popen.poll() is None
            self.was_silent = is_alive and self._is_silent(now)
            if is_alive and not self.was_silent:
                return False
            kill(self)
            self._bury(now)
        if now < self.start_again_at:
            return False
        self.start()
        return True

    def give_up_when_it_keeps_dying(self) -> None:
        """Raise `KeepsDying` after too many deaths in a short time; asked only while the portal starts."""
        if len(self.deaths) == DEATHS and self.deaths[-1] - self.deaths[0] < DEATHS_WITHIN:
            raise KeepsDying(self.name, self.program.log, last_lines(self.program.log))

    def _is_silent(self, now: float) -> bool:
        """It has worked, and not shown it for too long. Before its first sign it starts, as long as that takes."""
        touched = self._touched_at()
        if touched != self.life[0]:
            self.life = (touched, now)
        return self.life[1] > 0 and now - self.life[1] > self.program.silent_seconds

    def _touched_at(self) -> int:
        if self.program.sign_of_life is None:
            return 0
        try:
            return self.program.sign_of_life.stat().st_mtime_ns
        except OSError:
            return 0

    def _bury(self, now: float) -> None:
        """Its own children may outlive it and hold its port or its files: end them with it."""
        kill_session(self.pid, self.identity)
        lived = now - self.started_at
        self.deaths.append(now)
        early = sum(1 for death in self.deaths if now - death < DEATHS_WITHIN)
        pause = FIRST_PAUSE if lived > DEATHS_WITHIN else FIRST_PAUSE * 2 ** (early - 1)
        self.start_again_at = now + min(pause, LONGEST_PAUSE)
        self.popen = None


def stop_all(processes: Iterable[Process]) -> None:
    """Ask all of them at once, wait as long as each may take, then kill what is left with its children."""
    running = [process for process in processes if process.popen is not None]
    for process in running:
        if process.popen and process.popen.poll() is None:
            process.popen.send_signal(process.program.stop_signal)
    asked_at = time.monotonic()
    for process in running:
        left = asked_at + process.program.stop_seconds - time.monotonic()
        try:
            if process.popen:
                process.popen.wait(max(left, 0.01))
        except subprocess.TimeoutExpired:
            kill(process)
        kill_session(process.pid, process.identity)
        process.popen = None


def kill(process: Process) -> None:
    if process.popen is not None:
        kill_session(process.pid, process.identity)
        process.popen.wait()


def keep_log_short(log: Path) -> None:
    """Keep one older part beside it. Copy and cut: the writer holds the file open for appending."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".1.log"))
        with log.open("ab") as file:
            file.truncate(0)


def last_lines(log: Path, count: int = 5) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - 8192, 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
