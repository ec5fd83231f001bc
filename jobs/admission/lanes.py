"""A team's queue by lanes: jobs that ask for the same, of the same person, on the same cluster, with one priority.

Where the first of a lane has no room, none behind it has. So a look costs as many steps as there are lanes, however
many jobs wait in them.
"""

from dataclasses import astuple, dataclass
from functools import cached_property

from django.db import connection

from jobs.models import Job
from jobs.models.queue import LANE_FIELDS, lane_key
from teams.quota.book import Demand
from teams.quota.resources import amounts_of


@dataclass(frozen=True)
class Lane:
    """What its jobs have in common; the fields are those of jobs.models.queue.LANE_FIELDS."""

    cluster_id: int
    owner_id: int
    priority: int
    cpu_millis: int
    memory_bytes: int
    gpu_resource: str = ""
    gpu_count: int = 0

    @cached_property
    def demand(self) -> Demand:
        """What one of its jobs takes."""
        amounts = amounts_of(self.cpu_millis, self.memory_bytes, self.gpu_resource, self.gpu_count)
        return Demand(self.cluster_id, self.owner_id, amounts)

    @property
    def key(self) -> list[int | str]:
        """As JSON has it."""
        return list(astuple(self))


@dataclass(frozen=True)
class Waiting:
    """The first job of a lane, or one behind it, and for how long it has waited (by the database's clock)."""

    lane: Lane
    job_id: int
    seconds: float

    @property
    def order(self) -> tuple[int, int]:
        """In the team: by priority, then by age."""
        return (-self.lane.priority, self.job_id)


def lane_of(job: Job) -> Lane:
    """The lane in which the job waits, or would."""
    return Lane(*lane_key(job))  # type: ignore[arg-type]


def firsts(team_id: int) -> list[Waiting]:
    """The first job of each lane of the team."""
    with connection.cursor() as cursor:
        cursor.execute(FIRSTS, [team_id, team_id])
        return [_waiting(row) for row in cursor.fetchall()]


def behind(team_id: int, last: Waiting, most: int) -> list[Waiting]:
    """Those that wait behind `last` in its lane, `most` at most."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND, [team_id, *last.lane.key, last.job_id, most])
        return [_waiting(row) for row in cursor.fetchall()]


def _waiting(row: tuple[object, ...]) -> Waiting:
    *lane, job_id, seconds = row
    return Waiting(Lane(*lane), job_id, float(seconds))  # type: ignore[arg-type]


KEY = ", ".join(LANE_FIELDS)
ITS_KEY, LAST_KEY = (", ".join(f"{table}.{name}" for name in LANE_FIELDS) for table in ("job", "lanes"))
# The condition of the index job_queue, word for word.
QUEUED = "status = 'queued' AND cancel_requested_at IS NULL AND deleted_at IS NULL"
AGE = "extract(epoch FROM statement_timestamp() - created_at)::float8"
# From each lane's first to the next lane's, by the index: a "loose index scan".
# https://wiki.postgresql.org/wiki/Loose_indexscan
FIRSTS = f"""
WITH RECURSIVE lanes AS (
    (SELECT {KEY}, id, {AGE} AS age FROM jobs_job WHERE team_id = %s AND {QUEUED} ORDER BY {KEY}, id LIMIT 1)
    UNION ALL
    SELECT next.* FROM lanes CROSS JOIN LATERAL (
        SELECT {KEY}, id, {AGE} AS age FROM jobs_job job
        WHERE job.team_id = %s AND {QUEUED}
        AND ({ITS_KEY}) > ({LAST_KEY})
        ORDER BY {KEY}, id LIMIT 1) next
)
SELECT {KEY}, id, age FROM lanes
"""
BEHIND = f"""
SELECT {KEY}, id, {AGE} FROM jobs_job WHERE team_id = %s AND {QUEUED}
AND ({KEY}) = (%s, %s, %s, %s, %s, %s, %s) AND id > %s ORDER BY id LIMIT %s
"""
