"""Adds what ended jobs used to the sums: each job once, whatever is killed when.

Level-triggered: a job that ended and has no mark is not counted yet. Sums and marks are written in one transaction,
so that a crash leaves both or neither, and the next round does what is left.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import tzinfo
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from jobs.models import Job, PastJob
from jobs.usage.outcomes import tallied, write_outcomes
from jobs.usage.parts import COLUMNS, Sums, Used, summed

AT_ONCE = 1000


def portal_zone() -> tzinfo:
    """Days and months begin at midnight there."""
    return ZoneInfo(settings.TIME_ZONE)


def count_ended(batches: int = 100) -> int:
    """Count the jobs that ended and are not in the sums yet; how many there were. Short transactions, oldest first."""
    total = 0
    for _ in range(batches):
        counted = _count(Job.objects.order_by("finished_at"))
        total += counted
        if counted < AT_ONCE:
            break
    return total


@transaction.atomic
def let_go(job_id: int) -> None:
    """Before a deleted job's row goes, in the transaction that removes it: what it used stays."""
    # Held first: whoever counts it just now has then counted it or not, for certain.
    held = Job.objects.select_for_update().filter(pk=job_id).values(*COLUMNS).first()
    if held:
        _count(Job.objects.filter(pk=job_id))
        PastJob.objects.create(**held)


def write(sums: Sums) -> None:
    """Add to the rows that are there. In a transaction, with the marks of the jobs."""
    if not sums:
        return
    # In one order: two who count at the same time wait, and never for each other.
    rows = [key._asdict() | {"day": key.day.isoformat()} | asdict(sums[key]) for key in sorted(sums)]
    with connection.cursor() as cursor:
        cursor.execute(ADD, [json.dumps(rows)])


@transaction.atomic
def _count(among: QuerySet[Job]) -> int:
    waiting = among.filter(finished_at__isnull=False, usage_counted_at=None)
    # Whoever else counts at the moment takes others.
    held = waiting.select_for_update(skip_locked=True, no_key=True, of=("self",))
    jobs = [Used(*row) for row in held.values_list(*COLUMNS)[:AT_ONCE]]
    mark(job.id for job in jobs)
    write(summed(jobs, portal_zone(), timezone.now()))
    write_outcomes(tallied(jobs, portal_zone()))
    return len(jobs)


def mark(ids: Iterable[int]) -> None:
    """These jobs are in the sums now."""
    Job.objects.filter(pk__in=list(ids)).update(usage_counted_at=Now())


ADD = """
INSERT INTO jobs_usagesum (
    grain, day, team_id, owner_id, cluster_id, profile_label, gpu_resource,
    cpu, memory, gpu, succeeded, failed, cancelled, error, waits)
SELECT grain, day, nullif(team_id, 0), nullif(owner_id, 0), cluster_id, profile_label, gpu_resource,
    cpu, memory, gpu, succeeded, failed, cancelled, error, waits
FROM jsonb_to_recordset(%s::jsonb) AS r (
    grain text, day date, team_id bigint, owner_id bigint, cluster_id bigint, profile_label text, gpu_resource text,
    cpu bigint, memory bigint, gpu bigint, succeeded int, failed int, cancelled int, error int, waits int[])
ON CONFLICT (grain, day, coalesce(team_id, 0::bigint), coalesce(owner_id, 0::bigint), cluster_id, profile_label,
    gpu_resource)
DO UPDATE SET
    cpu = jobs_usagesum.cpu + excluded.cpu,
    memory = jobs_usagesum.memory + excluded.memory,
    gpu = jobs_usagesum.gpu + excluded.gpu,
    succeeded = jobs_usagesum.succeeded + excluded.succeeded,
    failed = jobs_usagesum.failed + excluded.failed,
    cancelled = jobs_usagesum.cancelled + excluded.cancelled,
    error = jobs_usagesum.error + excluded.error,
    waits = CASE WHEN excluded.waits = '{}' THEN jobs_usagesum.waits ELSE (
        SELECT array_agg(coalesce(mine, 0) + coalesce(more, 0) ORDER BY step)
        FROM unnest(jobs_usagesum.waits, excluded.waits) WITH ORDINALITY AS both_counts (mine, more, step)) END
"""
