"""`manage.py watch`: one task per cluster reads it and writes what it shows. It acts on nothing."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from django.db import DatabaseError, close_old_connections
from django.db.models import Exists, OuterRef, Q

from clusters.driver import ClusterRefused, Driver, DriverError, NotReadYet, Seen
from clusters.drivers import observer_of
from clusters.models import Cluster
from jobs.heartbeats import beat
from jobs.models import Attempt
from jobs.reconciler.sightings import ABSENCE, Open, not_reached, open_attempts, reached, record

log = logging.getLogger(__name__)
T = TypeVar("T")
ROUND_SECONDS = 0.4
# A driver that tells when there is something new is waited for that long.
WAIT_SECONDS = 2.0
# A round that saw nothing new is compared with the database so often: absence, and what others wrote.
COMPARE_SECONDS = 2.0
# With thousands of attempts less often: comparing takes no more than this share of the time.
COMPARE_SHARE = 0.001
# What was missed is looked for again as soon as a second miss counts.
MISSED_SECONDS = ABSENCE.total_seconds() + 0.5
# One look answers the changes of so long, or of as long as the last look took: they come in bursts, and then a look for
# each would cost more than it tells. After a rest they are few, and somebody waits for them.
GATHER_SECONDS, GATHER_AFTER_A_REST_SECONDS = 0.05, 0.005
# So many at once are a rush: what each look costs is missed by the cluster and by the workers.
RUSH_CHANGES, GATHER_IN_A_RUSH_SECONDS = 8, 0.25
REACHED_SECONDS = 15.0
CLUSTERS_SECONDS = 3.0
OBSERVE_SECONDS = 60.0
LONGEST_PAUSE = 30.0
# So long a cluster may take to be read for the first time before it is called unreachable.
FIRST_READ_SECONDS = 10.0


@dataclass
class ClusterWatch:
    """The watch of one cluster: reads it in a thread of its own, so that a sick one costs others nothing."""

    cluster_id: int
    driver: Driver
    recorded: dict[str, Seen] = field(default_factory=dict)
    # When those that were not found are looked for again.
    missed: dict[str, float] = field(default_factory=dict)
    last_list: Sequence[Seen] | None = None
    compared_at: float = 0.0
    compare_seconds: float = COMPARE_SECONDS
    reached_at: float = 0.0
    failures: int = 0
    is_rush: bool = False
    began_at: float = field(default_factory=time.monotonic)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=3))

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                began = time.monotonic()
                pause = await self.round()
                took = time.monotonic() - began
                if self.failures:
                    await asyncio.sleep(pause)
                else:
                    loop = asyncio.get_running_loop()
                    await loop.run_in_executor(self.threads, self._rest, pause, took)
        finally:
            self.driver.close()
            self.threads.shutdown(wait=False, cancel_futures=True)

    def _rest(self, pause: float, took: float) -> None:
        """Until there is something new, and a little longer, so that one look answers what comes together."""
        gathered = GATHER_IN_A_RUSH_SECONDS if self.is_rush else GATHER_SECONDS
        pace = time.monotonic() + max(gathered, min(took, ROUND_SECONDS))
        self.driver.wait(pause)
        time.sleep(max(GATHER_AFTER_A_REST_SECONDS, pace - time.monotonic()))

    async def round(self) -> float:
        """Read once and record; seconds until the next time."""
        try:
            await asyncio.wait_for(self._in_thread(self.look), OBSERVE_SECONDS)
        except TimeoutError:
            await self._fail("It did not answer in time.")
        except NotReadYet as error:
            if time.monotonic() - self.began_at < FIRST_READ_SECONDS:
                return WAIT_SECONDS
            await self._fail(str(error))
        except DriverError as error:
            await self._fail(str(error))
        except DatabaseError as error:
            log.warning("watch: the database does not answer: %s", type(error).__name__)
            return 1.0
        except Exception:
            log.exception("watch: cluster %s", self.cluster_id)
            await self._fail("Reading it failed; the log of watch says more.")
        else:
            self.failures = 0
            return WAIT_SECONDS
        return min(2.0 ** min(self.failures, 5), LONGEST_PAUSE)

    def look(self) -> None:
        """One round: cheap where nothing changed. Raises DriverError, DatabaseError."""
        now = time.monotonic()
        if now - self.compared_at >= self.compare_seconds:
            self._compare(open_attempts(self.cluster_id), None)
            self.compared_at = now
            self.compare_seconds = max(COMPARE_SECONDS, (time.monotonic() - now) / COMPARE_SHARE)
        elif names := self._changed(self.driver.observe()) | self._due(now):
            self.is_rush = len(names) > RUSH_CHANGES
            # Load first, look second.
            self._compare(open_attempts(self.cluster_id, names), names)
        if now - self.reached_at >= REACHED_SECONDS or self.failures:
            reached(self.cluster_id)
            self.reached_at = now

    def _due(self, now: float) -> set[str]:
        """The names that were missed and are to be looked for again."""
        if not self.missed:
            return set()
        due = {name for name, at in self.missed.items() if at <= now}
        for name in due:
            del self.missed[name]
        return due

    def _changed(self, seen: Sequence[Seen]) -> set[str]:
        """The names of what is new, other, or not there any more since it was recorded."""
        if seen is self.last_list:
            return set()
        found = {work.name: work for work in seen}
        recorded = self.recorded
        names = {
            name
            for name, work in found.items()
            if recorded.get(name) is not work and recorded.get(name) != work
        }
        names |= self.recorded.keys() - found.keys()
        if not names:
            self.last_list = seen
        return names

    def _compare(self, known: dict[str, Open], names: set[str] | None) -> None:
        """Read the cluster and record what is new of the `known` attempts; `names` None: these are all there are."""
        seen = self.driver.observe()
        found = {work.name: work for work in seen if names is None or work.name in names}
        # A picture that a watch keeps current proves no absence: look at the cluster itself.
        record(self.cluster_id, known, found.values(), self._is_gone)
        again = time.monotonic() + MISSED_SECONDS
        for attempt in known.values():
            if attempt.may_be_absent and attempt.name not in found and not attempt.is_missed:
                self.missed[attempt.name] = again
        if names is None:
            self.recorded, self.last_list = found, seen
            return
        for name in names:
            self.recorded.pop(name, None)
        self.recorded |= found

    def _is_gone(self, name: str, space: str) -> bool:
        """Where the cluster does not let us look, nothing is proven. Raises ClusterUnreachable."""
        try:
            return self.driver.look(name, space) is None
        except ClusterRefused as error:
            log.warning("watch: cluster %s: %s", self.cluster_id, error)
            return False

    async def _fail(self, trouble: str) -> None:
        self.failures += 1
        try:
            await self._in_thread(lambda: not_reached(self.cluster_id, trouble))
        except DatabaseError as error:
            log.warning("watch: the database does not answer: %s", type(error).__name__)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, _with_connection, call)


async def watch(stop: asyncio.Event) -> None:
    """Watch every cluster that is switched on or has open attempts, until `stop` is set."""
    tasks: dict[int, Watched] = {}
    while not stop.is_set():
        try:
            known = {key: each.version for key, each in tasks.items() if not each.task.done()}
            found = await asyncio.to_thread(_with_connection, lambda known=known: _find(known))
        except DatabaseError as error:
            log.warning("watch: the database does not answer: %s", type(error).__name__)
        else:
            _adjust(tasks, found)
            beat("watch")
        try:
            await asyncio.wait_for(stop.wait(), CLUSTERS_SECONDS)
        except TimeoutError:
            continue
    for watched in tasks.values():
        watched.task.cancel()


@dataclass(frozen=True)
class Watched:
    """A cluster's task, and the version of the connection that it uses."""

    task: asyncio.Task[None]
    version: datetime | None


@dataclass(frozen=True)
class Found:
    """A cluster to be watched; `driver` is None where `version` is watched already, or where there is none."""

    version: datetime | None
    driver: Driver | None


def _adjust(tasks: dict[int, Watched], found: dict[int, Found]) -> None:
    """A task for each of the clusters and for no other; another one where an admin changed the connection."""
    for cluster_id in list(tasks):
        is_wanted = cluster_id in found and found[cluster_id].version == tasks[cluster_id].version
        if not is_wanted or tasks[cluster_id].task.done():
            tasks.pop(cluster_id).task.cancel()
    for cluster_id, (version, driver) in ((key, (each.version, each.driver)) for key, each in found.items()):
        if driver is not None:
            task = asyncio.create_task(ClusterWatch(cluster_id, driver).run())
            tasks[cluster_id] = Watched(task, version)


def _find(watched: Mapping[int, datetime | None]) -> dict[int, Found]:
    """The clusters that are switched on or have open attempts, with a driver for those that are not `watched`."""
    unfinished = Attempt.objects.filter(removed_at=None, job__cluster=OuterRef("pk"))
    clusters = Cluster.objects.filter(Q(is_enabled=True) | Exists(unfinished)).select_related("kubernetes")
    return {cluster.pk: _found(cluster, watched) for cluster in clusters}


def _found(cluster: Cluster, watched: Mapping[int, datetime | None]) -> Found:
    connection = getattr(cluster, "kubernetes", None)
    version = connection.changed_at if connection else None
    if cluster.pk in watched and watched[cluster.pk] == version:
        return Found(version, None)
    try:
        return Found(version, observer_of(cluster))
    except DriverError as error:
        not_reached(cluster.pk, str(error))
    except Exception:
        log.exception("watch: there is no driver for %s", cluster.name)
    return Found(version, None)


def _with_connection(call: Callable[[], T]) -> T:
    """A thread of ours: a connection that broke is not used again."""
    close_old_connections()
    try:
        return call()
    finally:
        close_old_connections()
