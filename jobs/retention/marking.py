"""The first half of a delete: in one transaction the rows say that it is gone, and nothing promises it any more.

Locks are taken in one order: jobs that nobody else has, then the rows of what is stored. Whoever pins or deletes a job
has it, so it is passed over; who sends a job again waits for the row of its inputs, and finds what became of it.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Now

from jobs.lifecycle import TERMINAL
from jobs.models import Artifact, BundleFile, Job, Kind, Stored, StoredChange
from jobs.retention.choosing import Due
from jobs.retention.rules import InForce
from jobs.search.forgetting import forget_files

# So many result files that went are named; the number is kept in any case.
MOST_LISTED = 1000
KEPT = Q(pinned_at__isnull=False) | Q(deleted_at__isnull=False) | ~Q(status__in=sorted(TERMINAL))


def mark(team_id: int, kind: str, force: InForce, batch: list[Due]) -> tuple[int, int]:
    """How many of the batch are gone now, and their bytes. What somebody else has just now is passed over."""
    if kind == Kind.INPUTS:
        return _sum(_mark_inputs(team_id, force, due) for due in batch)
    return _mark_of_jobs(team_id, kind, force, batch)


@transaction.atomic
def _mark_of_jobs(team_id: int, kind: str, force: InForce, batch: list[Due]) -> tuple[int, int]:
    by_job = {due.job_id: due for due in batch if due.job_id is not None}
    jobs = Job.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=by_job).exclude(KEPT)
    held = list(jobs.order_by("pk").values_list("pk", flat=True))
    rows = Stored.objects.select_for_update().filter(kind=kind, job__in=held, gone_at=None, bytes__gt=0)
    count, freed = 0, 0
    for row in rows.order_by("pk"):
        files = _results_of(row.job_id) if kind == Kind.RESULTS else []
        listing = [[path, size, sha256] for _, path, size, sha256, _ in files[:MOST_LISTED]]
        keys = [key for *_, key in files]
        _write(row, force.reason(is_age=by_job[row.job_id or 0].is_age), len(files), listing, keys)
        Artifact.objects.filter(pk__in=[pk for pk, *_ in files]).delete()
        count, freed = count + 1, freed + row.bytes
    _note(team_id, kind, freed)
    return count, freed


def _results_of(job_id: int | None) -> list[tuple[int, str, int, str, str]]:
    files = Artifact.objects.filter(attempt__job=job_id).order_by("-is_listed", "path")
    return list(files.values_list("pk", "path", "size", "sha256", "key"))


@transaction.atomic
def _mark_inputs(team_id: int, force: InForce, due: Due) -> tuple[int, int]:
    """The rows of its files go: their content is removed by the sweep of content that nobody refers to."""
    mine = Stored.objects.filter(pk=due.id, gone_at=None, ended_at__isnull=False)
    row = mine.select_for_update(skip_locked=True).first()
    jobs = Job.objects.filter(bundle=due.bundle_id, team=team_id)
    if row is None or not _are_over(row, jobs):
        return 0, 0
    files = BundleFile.objects.filter(bundle=row.bundle_id)
    listing = [list(file) for file in files.values_list("path", "size", "blob__sha256").order_by("path")]
    freed = _freed(team_id, row.bundle_id)
    _write(row, force.reason(is_age=due.is_age), len(listing), listing, [])
    Stored.objects.filter(pk=row.pk).update(erased_at=Now())
    if not Stored.objects.filter(bundle=row.bundle_id, gone_at=None).exists():
        files.delete()
    forget_files(due.bundle_id, team_id)
    _note(team_id, Kind.INPUTS, freed)
    return 1, freed


def _are_over(row: Stored, jobs: QuerySet[Job]) -> bool:
    """Nothing of them can start or is kept, and the last end is the one that was looked at; else it is noted anew."""
    total = jobs.aggregate(count=Count("pk"))["count"]
    free = jobs.exclude(KEPT).exclude(cancel_reason="preempted")
    # Locked, so that nobody pins one of them meanwhile; never waited for.
    held = list(free.select_for_update(no_key=True, skip_locked=True).values_list("finished_at", flat=True))
    ends = [end for end in held if end is not None]
    if len(held) != total or len(ends) != total:
        return False
    last = max(ends, default=None)
    if last != row.ended_at:
        Stored.objects.filter(pk=row.pk).update(ended_at=last)
        return False
    return last is not None


def _write(row: Stored, rule: str, files: int, listing: list[list[Any]], keys: list[str]) -> None:
    Stored.objects.filter(pk=row.pk).update(
        gone_at=Now(),
        gone_bytes=F("bytes"),
        gone_files=files,
        rule=rule[:160],
        listing=listing,
        keys=keys,
        bytes=0,
    )


def _freed(team_id: int, bundle_id: Any) -> int:
    """Bytes that only this bundle has in the team."""
    with connection.cursor() as cursor:
        cursor.execute(ONLY_HERE, [bundle_id, team_id])
        return int(cursor.fetchone()[0])


def _note(team_id: int, kind: str, freed: int) -> None:
    if freed:
        StoredChange.objects.create(team_id=team_id, kind=kind, deleted=freed)


def _sum(parts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    listed = list(parts)
    return sum(count for count, _ in listed), sum(freed for _, freed in listed)


ONLY_HERE = """
SELECT coalesce(sum(blob.size), 0) FROM (
    SELECT blob_id, count(*) AS files FROM jobs_bundlefile WHERE bundle_id = %s GROUP BY 1
) here JOIN jobs_storedblob blob ON blob.blob_id = here.blob_id
WHERE blob.team_id = %s AND blob.uses = here.files
"""
