"""Which jobs a worker looks at next: a lease on the job's own row, by the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models.functions import Now

from jobs.models import Job

# A dead worker's jobs wait for the end of its lease: short leases, and few jobs under each.
LEASE_SECONDS = 15
BATCH = 64

# A CTE, because a sub-select may be run again for each row, and then LIMIT does not limit.
TAKE = """
WITH due AS MATERIALIZED (
    SELECT id FROM jobs_job
    WHERE cluster_id = %s AND next_look_at <= statement_timestamp()
    ORDER BY next_look_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE jobs_job SET next_look_at = statement_timestamp() + make_interval(secs => %s)
FROM due WHERE jobs_job.id = due.id
RETURNING jobs_job.id, jobs_job.next_look_at
"""


@dataclass(frozen=True)
class Due:
    """A job and the lease under which it was taken. A lease saves work; safety does not depend on it."""

    job_id: int
    lease: datetime


def take(cluster_id: int) -> list[Due]:
    """Up to BATCH due jobs of the cluster. They come back by themselves when the taker dies."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [cluster_id, BATCH, LEASE_SECONDS])
        return [Due(*row) for row in cursor.fetchall()]


def has_due_jobs(cluster_id: int) -> bool:
    """Whether it has something to do now."""
    return Job.objects.filter(cluster_id=cluster_id, next_look_at__lte=Now()).exists()


def clusters_with_due_jobs() -> list[int]:
    """Ids of the clusters that have something to do now."""
    due = Job.objects.filter(next_look_at__lte=Now()).order_by().values_list("cluster_id", flat=True)
    return list(due.distinct())


BACK = """
UPDATE jobs_job SET next_look_at = statement_timestamp() + make_interval(secs => back.seconds)
FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[]) AS back (id, lease, seconds)
WHERE jobs_job.id = back.id AND jobs_job.next_look_at = back.lease
"""


def give_back_all(looks: Sequence[tuple[Due, float | None]]) -> None:
    """Look again in so many seconds (None: never), unless somebody asked for an earlier look meanwhile."""
    rows = sorted((due.job_id, due.lease, seconds) for due, seconds in looks)
    with connection.cursor() as cursor:
        cursor.execute(BACK, [list(column) for column in zip(*rows, strict=True)])


def give_back(due: Due, seconds: float | None) -> None:
    """The same for one."""
    give_back_all([(due, seconds)])
