"""A thousand browsers that watch twenty jobs, beside the least that any server of event streams has to do."""

import asyncio
import os
import socket
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tests.bench import memory
from tests.bench.arms import Address, Reloaders, cpu_seconds, numbers, plain_server
from tests.bench.report import Figure, at_least, at_most, p50, percentile
from tests.bench.swarm import Seen, Watcher, close_all, connect, connect_all, stalled
from tests.bench.talkers import Talkers
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
# Fewer of them are for trying the bench itself; the goals are for these.
JOBS, STREAMS = int(os.environ.get("BENCH_JOBS", "20")), int(os.environ.get("BENCH_STREAMS", "1000"))
RATE, STALLED, PEOPLE = 10.0, 50, 50
# One job has half of them, the others share the rest.
SPREAD = [
    STREAMS // 2,
    *(STREAMS // 2 // (JOBS - 1) + (n < STREAMS // 2 % (JOBS - 1)) for n in range(JOBS - 1)),
]
# As many as a page shows are there in all jobs before the clock runs: a page is as large when nobody watches.
PREFACE_LINES, OTHERS_LINES = 40_000, 600
RELOAD_SECONDS = 5.0
TOKEN = "bench"  # noqa: S105 (of a portal that lives for minutes)
SETTLE_SECONDS = 4.0
LONGER_SECONDS = 10.0


@dataclass
class Arm:
    """What one server did for the swarm while the clock ran."""

    seen: Seen
    cpu: float
    front_cpu: float = 0.0

    @property
    def rate(self) -> float:
        return self.seen.events / self.cpu


@dataclass
class Run:
    """What the portal's arm told beside its deliveries."""

    arm: Arm
    idle_pages: Sequence[float]
    pages: Sequence[float]
    reads: dict[str, float]
    kb_each: float
    kb_stalled: float
    kb_talking: float = 0.0


def measure() -> Iterator[Figure]:
    """The plain server, ours, the plain server again."""
    floors = [asyncio.run(_floor())]
    run = _ours()
    floors.append(asyncio.run(_floor()))
    seen = run.arm.seen
    assert not seen.refused, f"{seen.refused} streams refused"
    assert not seen.faults, f"{seen.faults} lines lost, doubled or out of order"
    plain = sum(arm.seen.events for arm in floors) / sum(arm.cpu for arm in floors)
    yield from _deliveries(run, plain, floors)
    note = f"live and front together; {run.kb_each:.1f} kB while all are silent"
    most = max(run.kb_each, run.kb_talking)
    yield at_most("watchers", "memory per connection (PSS), after a minute of lines", most, "kB", 80, note)
    note = (
        f"beside that of a connection; each asked for {PREFACE_LINES * 100 // 1_000_000} MB and read nothing"
    )
    yield at_most("watchers", "a stalled reader holds", run.kb_stalled, "kB", 64, note)
    yield from _upstream(run)
    idle, busy = percentile(run.idle_pages, 99), percentile(run.pages, 99)
    middle = f"p50 {p50(run.idle_pages) * 1000:.0f} → {p50(run.pages) * 1000:.0f} ms"
    note = (
        f"{PEOPLE} people, every {RELOAD_SECONDS:g} s; {middle}, p99 {idle * 1000:.0f} → {busy * 1000:.0f} ms"
    )
    yield at_most("watchers", "a page's p99 / when nobody watches", busy / idle, "×", 2, note)


def _deliveries(run: Run, plain: float, floors: list[Arm]) -> Iterator[Figure]:
    arm = run.arm
    note = f"{STREAMS:,} streams of {JOBS} jobs, one has {SPREAD[0]}; the live process beside the plain one"
    yield at_least("watchers", "deliveries per CPU-second, ours / plain", arm.rate / plain, "×", 0.7, note)
    note = f"{arm.seen.lines / SECONDS:,.0f} lines a second in {arm.seen.events / SECONDS:,.0f} events"
    yield Figure("watchers", "deliveries per CPU-second, ours", arm.rate, "", note=note)
    note = "uvloop, without a front, in the same run"
    yield Figure("watchers", "floor: a plain server", plain, "", note=note)
    ratio = arm.seen.events / (arm.cpu + arm.front_cpu) / plain
    yield Figure("watchers", "with the front's CPU, ours / plain", ratio, "×")
    floor = [lag for each in floors for lag in each.seen.lags]
    note = f"p50 {p50(arm.seen.lags) * 1000:.0f} ms; the plain server's p99 {percentile(floor, 99) * 1000:.0f} ms"
    late = percentile(arm.seen.lags, 99) * 1000
    yield at_most("watchers", "printed → received, p99", late, "ms", 150, note)


def _upstream(run: Run) -> Iterator[Figure]:
    feeds = run.reads["stellwerk_live_feeds"]
    yield at_most("watchers", "outputs read for all streams", feeds, "", JOBS, "as /live/metrics says")
    shared = run.reads['stellwerk_live_reads_total{by="feed"}']
    own = run.reads['stellwerk_live_reads_total{by="viewer"}']
    per_event = (shared + own) / run.arm.seen.events * STREAMS
    note = f"{shared:,.0f} by feeds, {own:,.0f} by viewers for themselves"
    yield Figure("watchers", f"reads of the store for {STREAMS:,} deliveries", per_event, "", note=note)


async def _floor() -> Arm:
    with plain_server("fanout", str(JOBS), str(RATE)) as (address, pid):
        return await _watched(address, [f"/{number}" for number in range(JOBS)], "", (pid,), SECONDS / 3)


async def _watched(
    address: Address, paths: Sequence[str], cookie: str, pids: Sequence[int], seconds: float
) -> Arm:
    """The whole swarm at a server that talks already."""
    seen = Seen()
    watchers = _swarm(seen, paths, cookie)
    await connect_all(watchers, address)
    await asyncio.sleep(1)
    for watcher in watchers:
        watcher.next_line = 0
    seen.forget()
    before = cpu_seconds(pids[0])
    await asyncio.sleep(seconds)
    arm = Arm(seen, cpu_seconds(pids[0]) - before)
    close_all(watchers)
    return arm


def _swarm(seen: Seen, paths: Sequence[str], cookie: str) -> list[Watcher]:
    return [
        Watcher(seen, path, cookie) for path, many in zip(paths, SPREAD, strict=True) for _ in range(many)
    ]


def _ours() -> Run:
    with ExitStack() as stack:
        portal = stack.enter_context(PortalProcess(METRICS_TOKEN=TOKEN))
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        talkers = stack.enter_context(Talkers(visitor, JOBS, RATE, PREFACE_LINES, OTHERS_LINES))
        talkers.wait_until_running()
        return asyncio.run(_portal_arm(portal, visitor, talkers))


async def _portal_arm(portal: PortalProcess, visitor: Visitor, talkers: Talkers) -> Run:
    address = (portal.host, portal.port)
    cookie = "; ".join(f"{each.name}={each.value}" for each in visitor.http.cookies)
    pages = [f"/jobs/{job_id}/" for job_id in talkers.job_ids]
    outputs = [f"/live/jobs/{job_id}/output" for job_id in talkers.job_ids]
    for path, size in zip(outputs, talkers.preface_bytes, strict=True):
        await _until_stored(address, path, cookie, size)
    idle = await _reloaded(Reloaders(address, cookie, pages, PEOPLE, RELOAD_SECONDS), max(10, SECONDS / 3))
    seen = Seen()
    froms = [f"{path}?from={size},0" for path, size in zip(outputs, talkers.preface_bytes, strict=True)]
    watchers = _swarm(seen, froms, cookie)
    empty = _held(portal)
    await connect_all(watchers, address)
    await asyncio.sleep(SETTLE_SECONDS)
    with_all = _held(portal)
    stuck = [stalled(address, outputs[0], cookie) for _ in range(STALLED)]
    await _until_stalled(portal)
    kb_each = (with_all - empty) * 1000 / STREAMS
    kb_stalled = max(0.0, (_held(portal) - with_all) * 1000 / STALLED - kb_each)
    run = await _talking(portal, seen, talkers, Reloaders(address, cookie, pages, PEOPLE, RELOAD_SECONDS))
    # The stalled ones' share is not that of a watcher.
    run.kb_talking = (run.kb_talking - empty) * 1000 / STREAMS - STALLED * (kb_each + kb_stalled) / STREAMS
    close_all(watchers)
    _hang_up(stuck)
    run.idle_pages, run.kb_each, run.kb_stalled = idle, kb_each, kb_stalled
    return run


async def _talking(portal: PortalProcess, seen: Seen, talkers: Talkers, people: Reloaders) -> Run:
    live, front = portal.pid("live"), portal.pid("front")
    before = numbers(portal.url, TOKEN)
    cpu, front_cpu = cpu_seconds(live), cpu_seconds(front)
    # Their ends, all at the same moment, are not what is measured.
    talkers.begin(SECONDS + LONGER_SECONDS)
    await asyncio.sleep(SECONDS)
    so_far = replace(seen, lags=array("d", seen.lags))
    arm = Arm(so_far, cpu_seconds(live) - cpu, cpu_seconds(front) - front_cpu)
    held = _held(portal)
    times = await asyncio.to_thread(people.stop)
    after = numbers(portal.url, TOKEN)
    reads = {name: value - before[name] if "reads" in name else value for name, value in after.items()}
    return Run(arm, [], times, reads, 0.0, 0.0, held)


async def _until_stored(address: Address, path: str, cookie: str, size: int) -> None:
    """A job's preface is there, so that those who watch begin behind it."""
    probe = Watcher(Seen(), path, cookie)
    await connect(probe, address)
    async with asyncio.timeout(60):
        while probe.place != f"{size},0":
            await asyncio.sleep(0.1)
    close_all([probe])


async def _until_stalled(portal: PortalProcess) -> None:
    """Nobody reads any more: the sockets between are full."""
    name, before = 'stellwerk_live_reads_total{by="viewer"}', -1.0
    async with asyncio.timeout(60):
        while (now := numbers(portal.url, TOKEN)[name]) != before:
            before = now
            await asyncio.sleep(SETTLE_SECONDS)


async def _reloaded(people: Reloaders, seconds: float) -> list[float]:
    await asyncio.sleep(seconds)
    return await asyncio.to_thread(people.stop)


def _held(portal: PortalProcess) -> float:
    parts = memory.proportional(portal)
    return parts["live"] + parts["front"]


def _hang_up(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.close()
