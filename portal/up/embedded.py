"""The embedded PostgreSQL and Valkey alone: for tests, benches and tools."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal.up import postgres, valkey
from portal.up.account import Account, server_account
from portal.up.processes import Process, Program, last_lines, stop_all
from portal.up.state import make_run_folder, reachable_folder
from portal.up.troubles import KeepsDying

READY_WITHIN = 30.0


@dataclass(frozen=True)
class EmbeddedServers:
    """Where the two servers listen, and the processes themselves."""

    database_url: str
    redis_url: str
    postgres: Process
    valkey: Process


@contextmanager
def embedded_servers(home: Path | None = None, *, is_durable: bool = False) -> Iterator[EmbeddedServers]:
    """Run both servers while the block runs, on data in `home` (kept), or on data that ends with the block.

    Without `is_durable` nothing is synced to disk: right for tests, wrong for anything to be kept.
    """
    account = server_account()
    folder = reachable_folder(home, account) if home else Path(tempfile.mkdtemp(prefix="stellwerk-"))
    folder.chmod(0o711)
    sockets = make_run_folder(account) / "db"
    programs = _programs(folder, sockets, account, is_durable)
    processes = [Process(program) for program in programs]
    try:
        for process in processes:
            process.start()
        for process in processes:
            wait_until_ready(process)
        yield EmbeddedServers(postgres.database_url(sockets), valkey.redis_url(sockets), *processes)
    finally:
        stop_all(processes)
        shutil.rmtree(sockets.parent, ignore_errors=True)
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(process: Process) -> None:
    """Start again what dies meanwhile; raise KeepsDying when it does not get ready."""
    deadline = time.monotonic() + READY_WITHIN
    while not process.is_ready:
        process.heal()
        process.give_up_when_it_keeps_dying()
        if time.monotonic() > deadline:
            raise KeepsDying(process.name, process.program.log, last_lines(process.program.log))
        time.sleep(0.02)


def _programs(folder: Path, sockets: Path, account: Account, is_durable: bool) -> tuple[Program, Program]:
    data = folder / "postgres"
    postgres.prepare(data, account, folder / "postgres.log", is_durable=is_durable)
    overrides = {} if is_durable else postgres.NOT_DURABLE
    keys = account.make_folder(folder / "valkey")
    return (
        postgres.program(data, sockets, folder / "postgres.log", account, overrides),
        valkey.program(keys, sockets, folder / "valkey.log", account, is_durable=is_durable),
    )


def main(command: list[str]) -> int:
    """`python -m portal.up.embedded <command>…`: run it beside new, empty servers; its exit code."""
    with embedded_servers() as running:
        added = {"DATABASE_URL": running.database_url, "REDIS_URL": running.redis_url}
        added["PGHOST"] = running.database_url.partition("host=")[2]
        return subprocess.run(command, env=os.environ | added, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
