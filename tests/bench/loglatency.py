"""From a line that a script prints to the line at a browser, beside a bare follow of the same scripts' files."""

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from tests.bench.arms import Address, plain_server
from tests.bench.report import Figure, at_most, p50, percentile
from tests.bench.swarm import Seen, Watcher, close_all, connect, connect_all
from tests.bench.talkers import Talkers
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

SECONDS = float(os.environ.get("BENCH_SECONDS", "40"))
# Scripts, runners, portal and viewers share the machine here: with twice as many jobs two cores were used up, and the
# figure was that of their queue (170 to 300 ms).
JOBS = int(os.environ.get("BENCH_JOBS", str(min(100, 5 * (os.cpu_count() or 1)))))
RATE, STREAMS = 5.0, 100
BARE_CODE = """
import sys, time
begin = time.time() + float(sys.argv[2])
file = open(sys.argv[1], "ab", 0)
for number in range(10**9):
    time.sleep(max(0.0, begin + number / float(sys.argv[3]) - time.time()))
    file.write(f"L {number} {time.time():.6f}\\n".encode())
"""


def measure() -> Iterator[Figure]:
    """The bare follow, ours, the bare follow again: each with as many scripts and viewers."""
    floors = [asyncio.run(_bare())]
    seen, rest = _ours()
    floors.append(asyncio.run(_bare()))
    bare = [lag * 1000 for each in floors for lag in each.lags]
    ours = [lag * 1000 for lag in seen.lags]
    note = (
        f"{JOBS} local jobs, as many as {os.cpu_count()} cores bear, each {RATE:g} lines a second, "
        f"{STREAMS} viewers; the machine was {rest:.0f} % idle"
    )
    yield at_most("loglatency", "printed → received, p50 above bare", p50(ours) - p50(bare), "ms", 60, note)
    late = percentile(ours, 99) - percentile(bare, 99)
    yield at_most("loglatency", "printed → received, p99 above bare", late, "ms", 250)
    yield Figure("loglatency", "ours, p50", p50(ours), "ms", note=f"p99 {percentile(ours, 99):.0f} ms")
    note = f"p99 {percentile(bare, 99):.1f} ms; a file followed by inotify, without a portal"
    yield Figure("loglatency", "floor: bare follow, p50", p50(bare), "ms", note=note)
    note = f"of {seen.lines:,}; each stream was cut once and came back"
    yield at_most("loglatency", "lines lost, doubled or out of order", seen.faults, "", 0, note)


async def _bare() -> Seen:
    with tempfile.TemporaryDirectory(prefix="stellwerk-bare-") as name:
        paths = [Path(name) / str(number) for number in range(JOBS)]
        for path in paths:
            path.touch()
        with plain_server("follow", name) as (address, _), _scripts(paths):
            seen = Seen()
            watchers = _swarm(seen, [f"/{path.name}" for path in paths], "")
            await connect_all(watchers, address)
            await asyncio.sleep(2)
            seen.forget()
            await asyncio.sleep(SECONDS / 4)
            close_all(watchers)
            return seen


@contextmanager
def _scripts(paths: Sequence[Path]) -> Iterator[None]:
    command = [sys.executable, "-c", BARE_CODE]
    started = [
        subprocess.Popen([*command, path, str(1 + number / len(paths) / RATE), str(RATE)])
        for number, path in enumerate(paths)
    ]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()


def _ours() -> tuple[Seen, float]:
    with ExitStack() as stack:
        portal = stack.enter_context(PortalProcess())
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        talkers = stack.enter_context(Talkers(visitor, JOBS, RATE))
        talkers.wait_until_running()
        cookie = "; ".join(f"{each.name}={each.value}" for each in visitor.http.cookies)
        return asyncio.run(_followed((portal.host, portal.port), talkers, cookie))


async def _followed(address: Address, talkers: Talkers, cookie: str) -> tuple[Seen, float]:
    seen = Seen()
    watchers = _swarm(seen, [f"/live/jobs/{job_id}/output" for job_id in talkers.job_ids], cookie)
    await connect_all(watchers, address)
    await asyncio.sleep(2)
    talkers.begin(SECONDS)
    psutil.cpu_times_percent()
    await asyncio.gather(*(_cut_once(watcher, address) for watcher in watchers))
    rest = psutil.cpu_times_percent().idle
    # What is still on its way when the scripts have ended.
    deadline = time.monotonic() + 15
    lines = -1
    while lines != seen.lines and time.monotonic() < deadline:
        lines = seen.lines
        await asyncio.sleep(2)
    _check(watchers)
    close_all(watchers)
    return seen, rest


async def _cut_once(watcher: Watcher, address: Address) -> None:
    """Somewhere in the middle; a browser comes back after a second, this one at once."""
    moment = SECONDS * random.uniform(0.2, 0.8)
    await asyncio.sleep(moment)
    assert watcher.transport is not None
    watcher.transport.abort()
    await connect(watcher, address)
    await asyncio.sleep(SECONDS - moment)


def _check(watchers: Sequence[Watcher]) -> None:
    """All lines of all: as many at each viewer of a job, near what its script had the time for."""
    by_path: dict[str, set[int]] = {}
    for watcher in watchers:
        by_path.setdefault(watcher.path, set()).add(watcher.next_line)
    uneven = {path: numbers for path, numbers in by_path.items() if len(numbers) > 1}
    assert not uneven, f"viewers of one job have different numbers of lines: {uneven}"
    fewest = min(min(numbers) for numbers in by_path.values())
    assert fewest > RATE * SECONDS * 0.9, f"a viewer has {fewest} lines only"


def _swarm(seen: Seen, paths: Sequence[str], cookie: str) -> list[Watcher]:
    return [Watcher(seen, paths[number % len(paths)], cookie) for number in range(STREAMS)]
