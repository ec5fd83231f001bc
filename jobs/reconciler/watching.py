"""`manage.py watch`: one task per cluster reads it and writes what it shows. It acts on nothing."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import DatabaseError, close_old_connections
from django.db.models import Exists, OuterRef, Q

from clusters.driver import Driver, DriverError, Seen
from clusters.drivers import driver_of
from clusters.models import Cluster
from jobs.models import Attempt
from jobs.reconciler.sightings import not_reached, open_attempts, reached, record

log = logging.getLogger(__name__)
T = TypeVar("T")
ROUND_SECONDS = 0.4
# A round that saw nothing new is compared with the database so often: absence, and what others wrote.
COMPARE_SECONDS = 2.0
REACHED_SECONDS = 15.0
CLUSTERS_SECONDS = 3.0
OBSERVE_SECONDS = 60.0
LONGEST_PAUSE = 30.0


@dataclass
class ClusterWatch:
    """The watch of one cluster: reads it in a thread of its own, so that a sick one costs others nothing."""

    cluster_id: int
    driver: Driver
    last_seen: Sequence[Seen] | None = None
    compared_at: float = 0.0
    reached_at: float = 0.0
    failures: int = 0
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=2))

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await asyncio.sleep(await self.round())
        finally:
            self.threads.shutdown(wait=False, cancel_futures=True)

    async def round(self) -> float:
        """Read once and record; seconds until the next time."""
        try:
            await asyncio.wait_for(self._in_thread(self.look), OBSERVE_SECONDS)
        except TimeoutError:
            await self._fail("It did not answer in time.")
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
            return ROUND_SECONDS
        return min(2.0 ** min(self.failures, 5), LONGEST_PAUSE)

    def look(self) -> None:
        """One round: cheap where nothing changed. Raises DriverError, DatabaseError."""
        now = time.monotonic()
        is_compared = now - self.compared_at >= COMPARE_SECONDS
        known = open_attempts(self.cluster_id) if is_compared else None
        seen = self.driver.observe()
        if seen != self.last_seen and known is None:
            # Load first, look second.
            known = open_attempts(self.cluster_id)
            seen = self.driver.observe()
        if known is not None:
            record(self.cluster_id, known, seen)
            self.last_seen, self.compared_at = seen, now
        if now - self.reached_at >= REACHED_SECONDS or self.failures:
            reached(self.cluster_id)
            self.reached_at = now

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
    tasks: dict[int, asyncio.Task[None]] = {}
    while not stop.is_set():
        try:
            clusters = await asyncio.to_thread(_with_connection, _clusters)
        except DatabaseError as error:
            log.warning("watch: the database does not answer: %s", type(error).__name__)
        else:
            _adjust(tasks, clusters)
        try:
            await asyncio.wait_for(stop.wait(), CLUSTERS_SECONDS)
        except TimeoutError:
            continue
    for task in tasks.values():
        task.cancel()


def _adjust(tasks: dict[int, asyncio.Task[None]], clusters: dict[int, Cluster]) -> None:
    """A task for each of the clusters and for no other."""
    for gone in tasks.keys() - clusters.keys():
        tasks.pop(gone).cancel()
    for cluster_id, cluster in clusters.items():
        if cluster_id not in tasks or tasks[cluster_id].done():
            try:
                driver = driver_of(cluster)
            except Exception:
                log.exception("watch: there is no driver for %s", cluster.name)
                continue
            tasks[cluster_id] = asyncio.create_task(ClusterWatch(cluster_id, driver).run())


def _clusters() -> dict[int, Cluster]:
    unfinished = Attempt.objects.filter(removed_at=None, job__cluster=OuterRef("pk"))
    return Cluster.objects.filter(Q(is_enabled=True) | Exists(unfinished)).in_bulk()


def _with_connection(call: Callable[[], T]) -> T:
    """A thread of ours: a connection that broke is not used again."""
    close_old_connections()
    try:
        return call()
    finally:
        close_old_connections()
