"""A history of a million jobs: how long the usage report takes to count it, and what its export costs."""

import time
from collections.abc import Iterator

import psycopg

from tests.bench import memory
from tests.bench.history_rows import fill, make_people
from tests.bench.report import Figure, at_most
from tests.up.portal_process import PortalProcess
from tests.visitor import PASSWORD, Visitor

JOBS = 1_000_000
LARGEST_GROWTH = 32
PATIENCE = 1200
LEFT = "SELECT count(*) FROM jobs_job WHERE finished_at IS NOT NULL AND usage_counted_at IS NULL"


def measure() -> Iterator[Figure]:
    """Over HTTP through the front; memory is the growth of each process's peak RSS meanwhile."""
    with PortalProcess() as portal:
        make_people(portal)
        visitor = Visitor(portal.url).sign_in("alice", PASSWORD)
        visitor.get("/jobs/export.csv")
        fill(portal.database_url, 1, JOBS, is_counted=False)
        began = time.monotonic()
        while left := _left(portal.database_url):
            assert time.monotonic() - began < PATIENCE, f"{left} jobs are not counted"
            time.sleep(1)
        yield Figure("export", f"{JOBS:,} jobs counted for the usage report", time.monotonic() - began, "s")
        before = _peaks(portal)
        seconds, lines, size = _download(visitor)
        after = _peaks(portal)
    growth = {pid: after[pid][1] - was for pid, (_, was) in before.items() if pid in after}
    largest = max(growth, key=growth.__getitem__)
    yield Figure("export", f"{lines:,} lines of CSV, {size / 1e6:.0f} MB", seconds, "s")
    yield at_most(
        "export", "the largest growth of a process", growth[largest], "MiB", LARGEST_GROWTH, after[largest][0]
    )


def _download(visitor: Visitor) -> tuple[float, int, int]:
    began, lines, size = time.monotonic(), 0, 0
    with visitor.get("/jobs/export.csv", stream=True) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_content(1 << 20):
            lines += piece.count(b"\n")
            size += len(piece)
    return time.monotonic() - began, lines, size


def _peaks(portal: PortalProcess) -> dict[int, tuple[str, float]]:
    """Again where a process of a moment ended while it was looked at."""
    for _ in range(50):
        try:
            return memory.peaks(portal)
        except (StopIteration, OSError):
            time.sleep(0.1)
    raise AssertionError("the processes of the portal do not settle")


def _left(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(LEFT).fetchone()
    return int(row[0]) if row else 0
