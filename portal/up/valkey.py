"""The embedded Valkey: hints and the queue only. It is written to disk, but may be emptied at any moment."""

import socket
from pathlib import Path

from portal.up import binaries
from portal.up.account import Account
from portal.up.processes import Program, last_lines


def redis_url(sockets: Path) -> str:
    """The form that redis-py reads; Celery's is made of it by the settings."""
    return f"unix://{_socket(sockets)}?db=0"


def program(data: Path, sockets: Path, log: Path, account: Account, *, is_durable: bool = True) -> Program:
    """The server on `data`, listening in the folder `sockets` only."""
    argv = (
        *(str(binaries.valkey_server(account)), "--port", "0", "--unixsocket", str(_socket(sockets))),
        *("--dir", str(data), "--appendonly", "yes" if is_durable else "no", "--appendfsync", "everysec"),
        *("--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no"),
    )
    return Program(
        name="valkey",
        argv=argv,
        log=log,
        folder=data,
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        account=account,
        is_ready=lambda pid: _answers(_socket(sockets)),
        before_start=lambda: _put_broken_file_aside(data, log),
    )


def _socket(sockets: Path) -> Path:
    return sockets / "valkey.sock"


def _answers(path: Path) -> bool:
    """`PONG` only when the append-only file is read completely."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _put_broken_file_aside(data: Path, log: Path) -> None:
    """A full disk or a power cut can break the append-only file, and Valkey then refuses to start.

    What it holds is only hints, and the sweep finds every job without them: begin with an empty one.
    """
    broken = (
        "Bad file format reading the append only file",
        "Unexpected end of file reading the append only file",
    )
    if not any(words in line for line in last_lines(log, 3) for words in broken):
        return
    folder = data / "appendonlydir"
    if folder.exists():
        number = sum(1 for _ in data.glob("appendonlydir.broken-*"))
        folder.rename(data / f"appendonlydir.broken-{number}")
