"""What Celery carries: short tasks over batches. Each may run twice or never; the next sweep repairs."""

import logging
import threading
from collections import defaultdict

from celery import shared_task
from django.db import DatabaseError

from jobs.admission.admit import admit_due
from jobs.admission.budgets import enforce as enforce_budgets
from jobs.admission.release import release_ended
from jobs.bulk.running import run_unfinished
from jobs.forecast.judging import note_and_judge
from jobs.hints import hint_cluster, hint_taken
from jobs.reconciler import tidy as tidying
from jobs.reconciler.drive import drive_all
from jobs.reconciler.due import Due, clusters_with_due_jobs, give_back, give_back_all, has_due_jobs, take
from jobs.retention.deleting import delete_by_rules
from jobs.retention.sums import add_up
from jobs.search.pending import read_pending
from jobs.submission.restarting import restart_preempted
from jobs.usage.counting import count_ended

log = logging.getLogger(__name__)
ROUNDS, MORE_LOOKS = 100, 5
AFTER_FAILURE = 10.0
# What is over lies at the cluster for so long at least: nobody waits for its removal.
REMOVE_AFTER = 3.0
# Threads of this process that drive one cluster at the same time. More would only hold leases while they wait for its
# API server, and a cluster that hangs would take the threads of all others.
AT_ONE_CLUSTER = 2
_turns: dict[int, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(AT_ONE_CLUSTER))


@shared_task(name="jobs.sweep")
def sweep() -> None:
    """Level-triggered: release, admit, and drive every cluster that has due jobs. Could do all the work alone."""
    settle()
    for cluster_id in clusters_with_due_jobs():
        drive(cluster_id)


@shared_task(name="jobs.drive")
def drive(cluster_id: int) -> None:
    """Drive the cluster's due jobs, a batch at a time, the jobs of a batch side by side.

    Enough who do so already will see what is due now, too: they look once more after they have left.
    """
    turn = _turns[cluster_id]
    for _ in range(MORE_LOOKS):
        if not turn.acquire(blocking=False):
            return
        try:
            _drive_batches(cluster_id)
        finally:
            turn.release()
        if not has_due_jobs(cluster_id):
            return


@shared_task(name="jobs.enforce")
def enforce() -> None:
    """Budgets that are used up, and jobs that gave quota back and are to be started anew."""
    enforce_budgets()
    restart_preempted()


@shared_task(name="jobs.tidy")
def tidy() -> None:
    """Remove what nobody can reach any more: deleted jobs, forgotten drafts, content without an owner."""
    tidying.tidy()


@shared_task(name="jobs.retain")
def retain() -> None:
    """Delete what the teams' rules no longer keep."""
    delete_by_rules()


@shared_task(name="jobs.weigh")
def weigh() -> None:
    """Add up what was stored and removed since the last time."""
    add_up()


@shared_task(name="jobs.count_usage")
def count_usage() -> None:
    """Add what jobs used that have ended to the sums of the usage report."""
    count_ended()


@shared_task(name="jobs.read_scripts")
def read_scripts() -> None:
    """Read the words of new jobs, by which the history is searched."""
    read_pending()


@shared_task(name="jobs.run_bulk")
def run_bulk() -> None:
    """Go on with actions on many jobs."""
    run_unfinished()


@shared_task(name="jobs.judge_estimates")
def judge_estimates() -> None:
    """Note when waiting jobs are likely to start, and compare what was noted with what came."""
    note_and_judge()


def settle(here: int | None = None) -> None:
    """Give back what ended, and start what has room now; other clusters' workers are told of theirs."""
    release_ended()
    for cluster_id in set(admit_due().values()) - {here}:
        hint_cluster(cluster_id)


def _drive_batches(cluster_id: int) -> None:
    for _ in range(ROUNDS):
        hint_taken(cluster_id)
        settle(cluster_id)
        batch = take(cluster_id)
        if not batch:
            return
        _drive_all(batch)


def _drive_all(batch: list[Due]) -> None:
    """A batch; where something is wrong with one of them, each alone."""
    try:
        looks = drive_all([due.job_id for due in batch], remove_after=REMOVE_AFTER)
        give_back_all([(due, looks[due.job_id]) for due in batch])
    except Exception:
        log.exception("a batch of %s jobs failed; now one by one", len(batch))
        for due in batch:
            _drive(due)


def _drive(due: Due) -> None:
    """One job. A poison job is looked at again later and does not stop the others."""
    again: float | None = AFTER_FAILURE
    try:
        again = drive_all([due.job_id], remove_after=REMOVE_AFTER)[due.job_id]
    except Exception:
        log.exception("driving job %s failed", due.job_id)
    try:
        give_back(due, again)
    except DatabaseError as error:
        # The lease ends by itself.
        log.warning("job %s was not given back: %s", due.job_id, type(error).__name__)
