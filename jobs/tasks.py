"""What Celery carries: short tasks over batches. Each may run twice or never; the next sweep repairs."""

import logging
from concurrent.futures import ThreadPoolExecutor

from celery import shared_task
from django.db import DatabaseError, close_old_connections, connection, connections

from jobs.reconciler import tidy as tidying
from jobs.reconciler.drive import drive as drive_job
from jobs.reconciler.due import Due, clusters_with_due_jobs, give_back, take

log = logging.getLogger(__name__)
AT_ONCE = 6
ROUNDS = 100
AFTER_FAILURE = 10.0


@shared_task(name="jobs.sweep")
def sweep() -> None:
    """Level-triggered: drive every cluster that has due jobs. Could do all the work alone."""
    for cluster_id in clusters_with_due_jobs():
        drive(cluster_id)


@shared_task(name="jobs.drive")
def drive(cluster_id: int) -> None:
    """Drive the cluster's due jobs, a batch at a time, the jobs of a batch at once."""
    for _ in range(ROUNDS):
        batch = take(cluster_id)
        if not batch:
            return
        if len(batch) == 1:
            _drive(batch[0])
            continue
        # Back to the pool while others work: the process has hardly more connections than threads.
        connection.close()
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(batch))) as pool:
            list(pool.map(_drive_in_thread, batch))


@shared_task(name="jobs.tidy")
def tidy() -> None:
    """Remove what nobody can reach any more: deleted jobs, forgotten drafts, content without an owner."""
    tidying.tidy()


def _drive(due: Due) -> None:
    """One job. A poison job is looked at again later and does not stop the others."""
    again: float | None = AFTER_FAILURE
    try:
        again = drive_job(due.job_id)
    except Exception:
        log.exception("driving job %s failed", due.job_id)
    try:
        give_back(due, again)
    except DatabaseError as error:
        # The lease ends by itself.
        log.warning("job %s was not given back: %s", due.job_id, type(error).__name__)


def _drive_in_thread(due: Due) -> None:
    try:
        close_old_connections()
        _drive(due)
    finally:
        connections.close_all()
