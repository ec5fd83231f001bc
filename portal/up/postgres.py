"""The embedded PostgreSQL: made once, tuned for a laptop, reached through a Unix socket only."""

import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from portal.up import binaries
from portal.up.account import Account
from portal.up.identity import identity, send_signal
from portal.up.processes import Program, last_lines
from portal.up.troubles import OtherPostgresVersion, StepFailed

USER = DATABASE = "stellwerk"
# Small enough for a laptop beside a browser; commits are durable.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "work_mem": "8MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "io_method": "sync",
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def database_url(sockets: Path) -> str:
    return f"postgresql://{USER}:@/{DATABASE}?host={sockets}"


def prepare(data: Path, account: Account, log: Path, *, is_durable: bool = True) -> bool:
    """Make the database cluster when there is none; True when it was made.

    Raises OtherPostgresVersion for data of another major version. An interrupted
    preparation leaves only `<data>.new`, which the next one replaces.
    """
    if (data / "PG_VERSION").exists():
        _check_version(data)
        account.make_folder(data)
        return False
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    account.make_folder(new)
    programs = binaries.postgres_folder(account)
    initdb = (
        *(str(programs / "initdb"), "-D", str(new), "-U", USER, "-A", "trust", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *(() if is_durable else ("--no-sync",)),
    )
    _run(initdb, account, log)
    single = (str(programs / "postgres"), "--single", "-D", str(new), "postgres")
    _run(single, account, log, f"CREATE DATABASE {DATABASE};\n")
    if data.exists():
        data.rmdir()
    new.rename(data)
    return True


def program(
    data: Path, sockets: Path, log: Path, account: Account, overrides: Mapping[str, str] | None = None
) -> Program:
    """The server on `data`, listening in the folder `sockets` only."""
    settings = SETTINGS | {"unix_socket_directories": str(sockets)} | dict(overrides or {})
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        argv=(str(binaries.postgres_folder(account) / "postgres"), "-D", str(data), *options),
        log=log,
        folder=data,
        environment=_environment(),
        account=account,
        stop_signal=signal.SIGINT,  # "fast": end the sessions, write everything, stop
        stop_seconds=20.0,
        is_ready=lambda pid: _is_ready(data, pid),
        before_start=lambda: stop_leftover(data),
    )


def stop_leftover(data: Path) -> None:
    """Stop a server that a killed supervisor left on this data; one process at a time may write there."""
    pid = _postmaster(data)
    known = identity(pid) if pid else ""
    if not known or not _works_in(pid, data):
        return
    for number, seconds in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0)):
        send_signal(pid, known, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if identity(pid) != known:
                return
            time.sleep(0.02)


def _check_version(data: Path) -> None:
    expected = binaries.postgres_version().split(".")[0]
    found = (data / "PG_VERSION").read_text().strip()
    if found != expected:
        raise OtherPostgresVersion(data, found, expected)


def _postmaster(data: Path) -> int:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0


def _works_in(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        return False


def _is_ready(data: Path, pid: int) -> bool:
    """The file's first line is the server's pid, its eighth line its state (PostgreSQL's miscadmin.h)."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _run(command: tuple[str, ...], account: Account, log: Path, stdin: str = "") -> None:
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            input=stdin.encode(),
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            check=False,
            **account.popen_arguments(),
        )
    if done.returncode != 0:
        raise StepFailed("Making the database", " ".join(last_lines(log, 1)), log)


def _environment() -> dict[str, str]:
    """Nothing of the caller's: PGDATA, PGHOST or LD_LIBRARY_PATH of another PostgreSQL would leak in."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
