"""The command line of each of the portal's processes: the same under `make up` and in a container."""

import sys
from pathlib import Path

BASE = Path(__file__).resolve().parents[2]
WEB_THREADS, INTAKE_THREADS, LIVE_CONNECTIONS, WORKER_THREADS = 24, 24, 4, 8
# Threads beside those, for what takes as long as a connection is slow (jobs/transfers.py has the number, too).
TRANSFERS = 40
# Database connections that each may hold, one for each of its threads; one of the intake's writes sizes (growth.py).
# A transfer holds none while it waits.
POOLS = {
    "web": WEB_THREADS,
    "intake": INTAKE_THREADS + 1,
    "live": LIVE_CONNECTIONS,
    "worker": WORKER_THREADS + 2,
    "beat": 1,
    "watch": 4,
}


def web(run: Path, drain_seconds: int = 5, scratch: Path | None = None) -> tuple[str, ...]:
    """Pages, uploads, downloads.

    At SIGTERM running requests have `drain_seconds`. `scratch` is where a file may be touched every second.
    """
    return _gunicorn("portal.wsgi", run / "web.sock", WEB_THREADS + TRANSFERS, drain_seconds, scratch or run)


def intake(run: Path, drain_seconds: int = 5, scratch: Path | None = None) -> tuple[str, ...]:
    """What runners call: apart from web, so that pages do not wait for output that arrives, nor that for pages."""
    threads = INTAKE_THREADS + TRANSFERS
    return _gunicorn("portal.wsgi_intake", run / "intake.sock", threads, drain_seconds, scratch or run)


def _gunicorn(
    module: str, listens_at: Path, threads: int, drain_seconds: int, scratch: Path
) -> tuple[str, ...]:
    """The timeout is of a worker that hangs, not of a request."""
    return (
        *(sys.executable, "-m", "gunicorn", f"{module}:application", "--bind", f"unix:{listens_at}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", str(threads)),
        *("--keep-alive", "75", "--timeout", "60", "--graceful-timeout", str(drain_seconds)),
        *("--forwarded-allow-ips", "*", "--limit-request-line", "8190", "--no-control-socket"),
        *("--worker-tmp-dir", str(scratch)),
    )


def live(run: Path) -> tuple[str, ...]:
    """Server-sent events."""
    return (
        *(sys.executable, "-m", "uvicorn", "portal.asgi:application", "--uds", f"{run}/live.sock"),
        *(
            "--http",
            "jobs.live.protocol:BoundedProtocol",
            "--lifespan",
            "off",
            "--timeout-graceful-shutdown",
            "2",
        ),
        *("--no-access-log", "--log-level", "warning", "--proxy-headers", "--forwarded-allow-ips", "*"),
    )


def worker() -> tuple[str, ...]:
    """Drives the clusters: threads, because its work is waiting."""
    return (
        *(sys.executable, "-m", "celery", "-A", "portal", "worker"),
        *("-P", "threads", "-c", str(WORKER_THREADS)),
        *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
    )


def beat(schedule: Path) -> tuple[str, ...]:
    """The sweep. Its entries are static: remove the file `schedule` before each start."""
    return (
        *(sys.executable, "-m", "celery", "-A", "portal.beat", "beat"),
        *("-s", str(schedule), "--loglevel", "WARNING"),
    )


def watch() -> tuple[str, ...]:
    """Observes the clusters."""
    return (sys.executable, str(BASE / "manage.py"), "watch")
