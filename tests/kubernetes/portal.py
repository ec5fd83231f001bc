"""The whole portal before a real cluster: its processes on the tests' own servers, at an address that pods reach."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import connections

from portal.up.embedded import EmbeddedServers
from tests.up.portal_process import BASE, PortalProcess

# A test says in its own settings what these are; here a portal's own database is meant, not pytest-django's.
DATABASE = "stellwerk"


class WholePortal(PortalProcess):
    """web, intake, live, front, worker, beat and watch, in the home and on the servers of this test session.

    The test process and the portal share home and keys, so the models of one are the other's, in `database()`.
    """

    def __init__(self, servers: EmbeddedServers, host: str, failpoints: Path) -> None:
        super().__init__(
            Path(settings.HOME),
            DATABASE_URL=servers.database_url,
            REDIS_URL=servers.redis_url,
            SECRET_KEY=settings.SECRET_KEY,
            DJANGO_SETTINGS_MODULE="tests.site_settings",  # passwords as the tests make them
            STELLWERK_FAILPOINTS=str(failpoints),
            STELLWERK_SWEEP_SECONDS="1",
            JOB_GRACE_SECONDS="5",
        )
        self.host = host
        self.failpoints = failpoints

    @contextmanager
    def database(self) -> Iterator[None]:
        """Models of this process speak to the portal's database while the block runs."""
        with _named(DATABASE):
            yield

    def arm(self, point: str, passes: int = 0) -> None:
        """The process that comes to `point` after so many passes dies there (clusters/failpoints.py)."""
        (self.failpoints / point).write_text(str(passes))

    def is_armed(self, point: str) -> bool:
        return (self.failpoints / point).exists()

    def tidy(self) -> None:
        """Ask for a round of tidying now; it comes every ten minutes by itself."""
        current_app.send_task("jobs.tidy", expires=60)

    def signal_all_of(self, name: str, number: signal.Signals) -> None:
        """To a part and its own children: stopped, nginx's master leaves its workers running."""
        os.killpg(self.pid(name), number)

    @contextmanager
    def second_worker(self) -> Iterator[int]:
        """Another worker beside the portal's own, with the same settings; its process id."""
        first = Path(f"/proc/{self.pid('worker')}")
        values = dict(
            entry.split("=", 1) for entry in (first / "environ").read_text().split("\0") if "=" in entry
        )
        argv = (first / "cmdline").read_text().rstrip("\0").split("\0")
        log = Path(settings.HOME) / "log" / "second-worker.log"
        with log.open("ab") as out:
            popen = subprocess.Popen(
                [sys.executable, *argv[1:], "--hostname", "second@%h"],
                cwd=BASE,
                env=values,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            yield popen.pid
        finally:
            popen.send_signal(signal.SIGCONT)
            popen.terminate()
            try:
                popen.wait(20)
            finally:
                popen.kill()


@contextmanager
def _named(name: str) -> Iterator[None]:
    connection = connections["default"]
    before = connection.settings_dict["NAME"]
    _leave(connection)
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        _leave(connection)
        connection.settings_dict["NAME"] = before


def _leave(connection) -> None:
    connection.close()
    connection.close_pool()
