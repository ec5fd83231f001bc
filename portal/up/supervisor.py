"""The supervisor: starts everything in order, keeps it running, stops it in the opposite order."""

import errno
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from portal.up import binaries, external, front, postgres, programs, valkey
from portal.up.account import server_account
from portal.up.console import Console
from portal.up.front import Address
from portal.up.identity import identity
from portal.up.leftovers import describe, stop_leftovers
from portal.up.processes import Process, Program, keep_log_short, kill, last_lines, stop_all
from portal.up.state import (
    NEEDED_MIB,
    check_free_space,
    lock,
    make_run_folder,
    open_home,
    remove_run_folder,
    write_record,
)
from portal.up.steps import (
    Step,
    Stopped,
    first_password,
    remember_static,
    static_fingerprint,
    static_is_fresh,
)
from portal.up.troubles import DiskFull, HomeNotWritable, KeepsDying, Trouble

ROUND_SECONDS = 0.1
LOG_CHECK_SECONDS = 600.0
# Generous: what dies is noticed at once, this ends only what hangs (a busy laptop is slow, not broken).
READY_WITHIN = 150.0
STOP_ORDER = (("front",), ("web", "intake", "live"), ("beat", "worker", "watch"), ("postgres",), ("valkey",))


def main() -> int:
    """`manage.py up`: run until Ctrl-C or SIGTERM; 0 when all was stopped, 1 with one sentence otherwise."""
    console = Console()
    asked = Path(os.environ.get("STELLWERK_HOME") or programs.BASE / ".stellwerk").absolute()
    os.umask(0o027)
    try:
        Supervisor(asked, Address.parse(os.environ.get("STELLWERK_BIND") or "127.0.0.1:8000"), console).run()
    except Trouble as trouble:
        console.trouble(str(trouble))
        return 1
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            console.trouble(str(DiskFull(asked, NEEDED_MIB)))
        elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            console.trouble(str(HomeNotWritable(asked, error.strerror or "")))
        else:
            raise
        return 1
    return 0


class Supervisor:
    """All processes of one portal on one home."""

    def __init__(self, asked: Path, address: Address, console: Console) -> None:
        self.asked, self.address, self.console = asked, address, console
        self.account = server_account()
        self.processes: dict[str, Process] = {}
        self.values: dict[str, str] = {}
        self.is_stopping = self.is_ready = False
        self.run_folder = Path()

    def run(self) -> None:
        """Start, watch, stop. Raises a Trouble when it cannot start."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        self.console.line(f"{self.console.bold('Stellwerk')} starts in {self.asked}")
        self.home = open_home(self.asked, self.account)
        with lock(self.home, self.asked):
            if left := stop_leftovers(self.home):
                self.console.again_line(f"Stopped what the last run had left: {', '.join(left)}")
            front.check_free(self.address)
            self.run_folder = make_run_folder(self.account)
            try:
                self._start()
                self._watch()
            except Stopped:
                pass
            finally:
                self._stop()

    def _start(self) -> None:
        database, redis = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
        sockets = self.run_folder / "db"
        self.values = programs.environment(
            self.home,
            self.address,
            database or postgres.database_url(sockets),
            redis or valkey.redis_url(sockets),
        ) | {"STELLWERK_HEARTBEATS": str(programs.signs_of_life(self.run_folder))}
        if database is None:
            self.values["PGHOST"] = str(sockets)  # for tools; a host in the address goes before it
        static = self._begin_static()
        self._start_valkey(sockets) if redis is None else self._wait_for("REDIS_URL")
        self._start_postgres(sockets) if database is None else self._wait_for("DATABASE_URL")
        with self.console.step("Tables"):
            self._step("Migrating the database", "migrate", "--no-input").finish(self._stopped)
        if static is not None:
            with self.console.step("Static files"):
                fingerprint = static_fingerprint()
                static.finish(self._stopped)
                remember_static(self.home, fingerprint)
        run, values = self.run_folder, self.values
        seed = self._step("Seeding", "seed")
        self._launch(
            *(make(self.home, run, values) for make in (programs.web, programs.intake, programs.live))
        )
        with self.console.step("First contents"):
            admin, password = first_password(seed.finish(self._stopped))
        self._launch(programs.worker(self.home, run, values), programs.beat(self.home, run, values))
        self._launch(programs.watch(self.home, run, values))
        for name in ("web", "intake", "live", "worker", "beat", "watch"):
            self._await(name, name.capitalize())
        self._launch(front.program(self.home, run, self.address, self.account))
        self._await("front", "Front")
        self.is_ready = True
        self._record()
        self._greet(admin, password)

    def _start_valkey(self, sockets: Path) -> None:
        self.account.make_folder(self.home.valkey)
        self._launch(valkey.program(self.home.valkey, sockets, self.home.log("valkey"), self.account))
        self._await("valkey", f"Valkey {binaries.valkey_version()}")

    def _start_postgres(self, sockets: Path) -> None:
        log = self.home.log("postgres")
        postgres.stop_leftover(self.home.postgres)
        with self.console.step(f"PostgreSQL {binaries.postgres_version()}"):
            try:
                postgres.prepare(self.home.postgres, self.account, log)
            except Trouble:
                if self.is_stopping:
                    raise Stopped from None
                check_free_space(self.home.path)
                raise
            self._launch(postgres.program(self.home.postgres, sockets, log, self.account))
            self._until_ready("postgres")

    def _wait_for(self, variable: str) -> None:
        with self.console.step(f"{variable} answers"):
            external.wait(variable, self._stopped)

    def _begin_static(self) -> Step | None:
        if static_is_fresh(self.home):
            return None
        return self._step("Collecting static files", "collectstatic", "--no-input", "--verbosity", "0")

    def _step(self, title: str, *arguments: str) -> Step:
        return Step(title, arguments, self.home, self.values)

    def _launch(self, *started: Program) -> None:
        for program in started:
            process = self.processes[program.name] = Process(program)
            process.start()
            self._record()

    def _await(self, name: str, title: str) -> None:
        with self.console.step(title):
            self._until_ready(name)

    def _until_ready(self, name: str) -> None:
        process = self.processes[name]
        deadline = time.monotonic() + READY_WITHIN
        while not process.is_ready:
            self._round(is_starting=True)
            if time.monotonic() > deadline:
                raise KeepsDying(name, process.program.log, last_lines(process.program.log))
            time.sleep(0.02)

    def _watch(self) -> None:
        next_look = 0.0
        while not self.is_stopping:
            self._round(is_starting=False)
            if time.monotonic() > next_look:
                next_look = time.monotonic() + LOG_CHECK_SECONDS
                for log in self.home.logs.glob("*.log"):
                    with suppress(OSError):
                        keep_log_short(log)
            time.sleep(ROUND_SECONDS)

    def _round(self, is_starting: bool) -> None:
        """Start again whatever died. One that keeps dying ends the start; later it is tried forever."""
        if self.is_stopping:
            raise Stopped
        for process in self.processes.values():
            try:
                if process.heal():
                    self._record()
                    if not is_starting:
                        what = "did nothing any more" if process.was_silent else "had ended"
                        self.console.again_line(f"{process.name} {what} and was started again")
            except OSError as error:
                if is_starting:
                    raise
                process.start_again_at = time.monotonic() + 5.0
                self.console.trouble(
                    f"{process.name} could not be started again: {error.strerror}; trying on"
                )
            if is_starting:
                self._give_up_on(process)

    def _give_up_on(self, process: Process) -> None:
        try:
            process.give_up_when_it_keeps_dying()
        except KeepsDying:
            check_free_space(self.home.path)
            raise

    def _record(self) -> None:
        processes = {name: describe(process) for name, process in self.processes.items() if process.pid}
        write_record(
            self.home,
            {
                "supervisor": {"pid": os.getpid(), "identity": identity(os.getpid())},
                "url": self.address.url,
                "is_ready": self.is_ready,
                "run": str(self.run_folder),
                "database_url": self.values.get("DATABASE_URL", ""),
                "redis_url": self.values.get("REDIS_URL", ""),
                "processes": processes,
            },
        )

    def _greet(self, admin: str, password: str | None) -> None:
        line, bold = self.console.line, self.console.bold
        line()
        line(f"  Open     {bold(self.address.url + '/')}")
        if password is not None:
            line(f"  Sign in  {bold(admin)} with the one-time password {bold(password)}")
        else:
            line(f"  Sign in  {admin}, with the password you chose")
        line(f"  State    {self.asked}   logs: {self.asked / 'log'}")
        line()
        line("  Ctrl-C stops everything; jobs that run go on.")

    def _stop(self) -> None:
        self.is_stopping = True
        if self.is_ready:
            self.console.line()
        with self.console.step("Stopped"):
            for names in STOP_ORDER:
                stop_all([self.processes[name] for name in names if name in self.processes])
        remove_run_folder(self.run_folder)
        self.home.record.unlink(missing_ok=True)

    def _stopped(self) -> bool:
        return self.is_stopping

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first one asks, a second one kills (PostgreSQL recovers by its log at the next start)."""
        if self.is_stopping and number != signal.SIGHUP:
            for process in self.processes.values():
                kill(process)
        self.is_stopping = True


if __name__ == "__main__":
    sys.exit(main())
