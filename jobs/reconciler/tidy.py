"""What is done in the background: deleting, never under somebody's hands, and reading what was put off."""

import logging
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from clusters.driver import DriverError, State
from clusters.drivers import driver_of
from clusters.models import Cluster
from jobs import bundles, store
from jobs.lifecycle import TERMINAL
from jobs.metrics import file_scan
from jobs.models import Artifact, Attempt, Job, Kind, Stored
from jobs.models.attempt import RESERVED
from jobs.output import outputlog
from jobs.reconciler.arrived import list_left_over
from jobs.retention.downloads import READ_NOW
from jobs.usage.counting import let_go

log = logging.getLogger(__name__)
CONTENT_AGE = timedelta(hours=24)
# Whoever is just reading a deleted job's files has so long to end.
DELETED_AGE = timedelta(seconds=30)
AT_ONCE = 200


def tidy() -> None:
    """One round of all of it; what fails is tried again in the next round and stops nothing else."""
    rounds: tuple[Callable[[], None], ...] = (
        delete_jobs,
        end_ghosts,
        list_left_over,
        bundles.sweep_drafts,
        lambda: bundles.sweep_blobs(CONTENT_AGE),
        lambda: bundles.sweep_orphan_content(CONTENT_AGE),
        lambda: sweep_what_jobs_left(CONTENT_AGE),
        file_scan.take_put_off,
    )
    for sweep in rounds:
        try:
            sweep()
        except Exception:
            log.exception("a round of tidying failed")


def delete_jobs() -> None:
    """Forget the jobs that people deleted, once nothing of them can run any more."""
    # What is still charged to the team must not vanish with its row.
    of_job = Attempt.objects.filter(job=OuterRef("pk"))
    unfinished = Exists(of_job.filter(Q(removed_at=None) | RESERVED))
    deleted = Job.objects.filter(deleted_at__lt=Now() - DELETED_AGE, status__in=TERMINAL)
    # Nor is anything removed under a download of many files.
    deleted = deleted.exclude(unfinished).exclude(READ_NOW)
    for job in deleted.select_related("bundle").order_by("deleted_at")[:AT_ONCE]:
        delete_job(job)


def delete_job(job: Job) -> None:
    """Rows first, in one transaction; then content. A crash between leaves content without rows, never the reverse."""
    attempts = list(Attempt.objects.filter(job=job).values_list("pk", flat=True))
    keys = list(Artifact.objects.filter(attempt__in=attempts).values_list("key", flat=True))
    # Of results that a rule deleted a moment ago the bytes may still be there.
    keys += [key for row in Stored.objects.filter(job=job) for key in row.keys]
    bundle = job.bundle
    with transaction.atomic():
        let_go(job.pk)
        job.delete()
        if not bundle.jobs.exists():
            bundle.delete()
    for key in keys:
        store.delete(key)
    for attempt_id in attempts:
        outputlog.delete(attempt_id)


def end_ghosts() -> None:
    """Stop and remove works at the clusters that no open attempt stands for: a create that arrived too late."""
    for cluster in Cluster.objects.filter(removed_at=None):
        try:
            driver = driver_of(cluster)
            # Look first, load second: an attempt is there before its work is.
            seen = {work.name: work for work in driver.observe()}
            known = Attempt.objects.filter(name__in=seen, removed_at=None).values_list("name", flat=True)
            for name in seen.keys() - set(known):
                log.warning("%s has a ghost: %s", cluster.name, name)
                driver.stop(name, seen[name].space)
                if seen[name].state is State.ENDED:
                    driver.remove(name, seen[name].space)
        except DriverError as error:
            log.warning("ghosts on %s: %s", cluster.name, error)


def sweep_what_jobs_left(age: timedelta) -> None:
    """Remove output and result files without a row: a crash came between the rows' end and theirs."""
    oldest = timezone.now() - age
    stored = outputlog.stored_attempts()
    for attempt_id in _without_attempt(stored) | _erased(stored):
        if outputlog.touched_at(attempt_id) < oldest.timestamp():
            outputlog.delete(attempt_id)
    for place in store.all_stores():
        keys = place.keys(before=oldest)
        while some := set(islice(keys, AT_ONCE)):
            known = set(Artifact.objects.filter(key__in=some).values_list("key", flat=True))
            for key in some - known - _to_erase(some):
                place.delete(key)
        place.forget_begun(oldest)


def _without_attempt(ids: set[int]) -> set[int]:
    return ids - set(Attempt.objects.filter(pk__in=ids).values_list("pk", flat=True))


def _erased(ids: set[int]) -> set[int]:
    """Those whose output a rule deleted, bytes and all: what is there came too late."""
    erased = Stored.objects.filter(job=OuterRef("job"), kind=Kind.LOGS, erased_at__isnull=False)
    return set(Attempt.objects.filter(Exists(erased), pk__in=ids).values_list("pk", flat=True))


def _to_erase(keys: set[str]) -> set[str]:
    """What a rule deleted and somebody may still be reading: jobs/retention/deleting.py removes it."""
    folders = {key.split("/")[1] for key in keys if key.count("/") > 1}
    jobs = Attempt.objects.filter(pk__in=[int(name) for name in folders if name.isdecimal()]).values("job")
    rows = Stored.objects.filter(job__in=jobs, kind=Kind.RESULTS, gone_at__isnull=False, erased_at=None)
    return {key for row in rows for key in row.keys}
