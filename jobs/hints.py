"""Hints over Redis: "look at this one now". Every one may be lost: the sweep and the streams' own looks go on."""

import logging
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache

import redis
from celery import current_app
from django.conf import settings
from django.db.models.functions import Now

from jobs.models import Job

log = logging.getLogger(__name__)
WATCHED_SECONDS = 20
# A message that was lost holds up the next one for no longer than this.
SENT_SECONDS = 2
# After a failure nobody waits for the broker again for this long (fault 12: it hangs).
BREAK_SECONDS = 3.0
_silent_until = 0.0


def poke(job_id: int) -> None:
    """Make the job due now, in the caller's transaction."""
    Job.objects.filter(pk=job_id).update(next_look_at=Now())


def poke_all(job_ids: Iterable[int]) -> None:
    """The same for many; locked in one order, so that two callers wait and never for each other."""
    rows = Job.objects.select_for_update(no_key=True).order_by("pk").filter(pk__in=job_ids)
    Job.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(next_look_at=Now())


def hint_cluster(cluster_id: int) -> None:
    """Ask a worker to drive the cluster's due jobs now. Never raises.

    While a message waits that no worker has begun with, it will do for this caller, too: whoever takes it looks
    afterwards (see `hint_taken`).
    """
    _try(lambda: _send(cluster_id))


def _send(cluster_id: int) -> None:
    if client().set(_sent(cluster_id), 1, nx=True, ex=SENT_SECONDS):
        current_app.send_task("jobs.drive", args=[cluster_id], expires=60)


def hint_admission() -> None:
    """Ask a worker to look at all queues that are due. Never raises."""
    _try(lambda: current_app.send_task("jobs.sweep", expires=60))


def hint_check(cluster_id: int) -> None:
    """Ask a worker to bring what the cluster's namespaces have into line now. Never raises."""
    _try(lambda: current_app.send_task("clusters.check", args=[cluster_id], expires=60))


def hint_taken(cluster_id: int) -> None:
    """A worker looks for due jobs now: what is hinted from here on is a new message. Never raises."""
    _try(lambda: client().delete(_sent(cluster_id)))


def _sent(cluster_id: int) -> str:
    return f"sent:{cluster_id}"


def announce(job_id: int, what: str) -> None:
    """Tell open pages that the job's "status" or "output" changed. Never raises."""
    _try(lambda: client().publish(f"job:{job_id}", what))


def announce_all(job_ids: Sequence[int], what: str) -> None:
    """The same for many, in one message. Never raises."""

    def publish() -> None:
        with client().pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.publish(f"job:{job_id}", what)
            pipeline.execute()

    _try(publish)


def tell_output(job_id: int, attempt_id: int, *, has_grown: bool) -> bool:
    """Tell open pages that there is new output (`has_grown`), and be told whether somebody looks at it: one turn.

    False where that cannot be known. Never raises.
    """

    def tell() -> bool:
        with client().pipeline(transaction=False) as pipeline:
            if has_grown:
                pipeline.publish(f"job:{job_id}", "output")
            pipeline.exists(f"watched:{attempt_id}")
            return bool(pipeline.execute()[-1])

    return bool(_try(tell))


@lru_cache
def client() -> redis.Redis:
    """The process's connection pool to Redis; short time-outs, it only carries hints."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


def _try(call: object) -> object:
    global _silent_until
    if time.monotonic() < _silent_until:
        return None
    try:
        return call()  # type: ignore[operator]
    except Exception as error:  # a hint is never worth more than the request it came from
        _silent_until = time.monotonic() + BREAK_SECONDS
        log.warning("hint not sent: %s", type(error).__name__)
        return None
