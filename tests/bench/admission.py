"""Admission: how many decisions a second, what a long queue costs, how soon the next one starts; and the long soak."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.up.embedded import embedded_servers
from tests.bench.report import BASE, Figure, at_least, at_most, p50, percentile

SOAK = 20_000


def measure() -> Iterator[Figure]:
    """Against a PostgreSQL that syncs to disk, in one process; the floor writes the same rows without deciding."""
    with _database() as environment:
        found = _inside("rates", environment)
    floor, ours = found["floor"], found["ours"]
    yield at_least(
        "admission",
        "decided and written",
        ours,
        "a second",
        200,
        "8 teams with limits, 5 people each, 4 sizes",
    )
    yield Figure("admission", "floor: the same rows in batches, nothing decided", floor, "a second")
    few, many = p50(found["few"]), p50(found["many"])
    note = f"{few * 1000:.1f} ms and {many * 1000:.1f} ms, in turn"
    yield at_most("admission", "a look at 10,000 waiting / at 100", many / few, "×", 1.3, note)
    starts = found["starts"]
    note = "200 ends in a queue of 10,000, one after the other; from the proof in the database to the next attempt"
    yield at_most("admission", "release → next start, p99", percentile(starts, 99) * 1000, "ms", 500, note)
    yield Figure("admission", "release → next start, p50", p50(starts) * 1000, "ms")


def soak() -> Iterator[Figure]:
    """32 clients, limits that move, workers that are killed every four seconds, and a witness in the database."""
    with _database() as environment:
        found = _inside("soak", environment)
    note = f"{found['seconds']:.0f} s, {found['kills']} workers killed"
    yield Figure("soak", "admissions", found["admitted"], "", note=note)
    yield at_most(
        "soak", "commits over a limit", len(found["over_limit"]), "", 0, "; ".join(found["over_limit"][:3])
    )
    yield at_most(
        "soak", "accounts that drifted", len(found["drifts"]), "", 0, "; ".join(found["drifts"][:3])
    )
    yield at_most("soak", "admitted twice", found["twice"], "", 0)
    waits = found["longest_waits"]
    note = f"longest waits of four equal teams: {', '.join(f'{wait:.0f}' for wait in waits)} s"
    yield at_most("soak", "longest wait / median of equal teams", max(waits) / p50(waits), "×", 2.0, note)


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="sw-bench-") as home,
        embedded_servers(is_durable=True) as servers,
    ):
        (Path(home) / "files").mkdir()
        environment = {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "STELLWERK_HOME": home,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        _run([sys.executable, "manage.py", "migrate", "-v0"], environment)
        yield environment


def _inside(part: str, environment: dict[str, str]) -> dict[str, object]:
    call = [sys.executable, "-m", "tests.bench.admission_inside", part, str(SOAK)]
    return json.loads(_run(call, environment).splitlines()[-1])


def _run(call: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        call, cwd=BASE, env=os.environ | environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
