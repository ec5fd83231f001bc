"""When a team's queue is looked at: woken by what happened, in the same transaction; taken under a lease."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

# A dead worker's queues come back after its lease. A queue that waits is looked at again in any case.
LEASE_SECONDS = 5
AGAIN_SECONDS = 30.0
# Of so many that have been due for longest, those few with the smallest share: a worker that dies holds up no more.
OLDEST, AT_ONCE = 64, 2


@dataclass(frozen=True)
class DueQueue:
    """A team's queue, the lease under which it was taken, and the team's dominant share (its order among teams)."""

    team_id: int
    lease: datetime
    share: float = 0.0


def wake(team_ids: Collection[int]) -> None:
    """Look at these queues now: something came into them, or their limits changed."""
    if team_ids:
        _run(WAKE, [sorted(set(team_ids))])


def wake_after_release(team_ids: Collection[int], cluster_ids: Collection[int]) -> bool:
    """Look at what waits in these teams, in those that share with them, and for these clusters. False: nothing does."""
    if not team_ids and not cluster_ids:
        return False
    return _run(WAKE_WAITING, [list(team_ids), list(team_ids), list(cluster_ids)]) > 0


def wake_all_waiting() -> None:
    """Look at every queue in which something waits."""
    _run(WAKE_ALL, [])


def take_due() -> list[DueQueue]:
    """A few due queues, the smallest share first. They come back by themselves when the taker dies."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [OLDEST, AT_ONCE, LEASE_SECONDS])
        rows = [DueQueue(*row) for row in cursor.fetchall()]
    return sorted(rows, key=lambda row: row.share)


def give_back(due: DueQueue, seconds: float | None) -> None:
    """Look again in so many seconds (None: when it is woken), unless it was woken meanwhile."""
    _run(BACK, [seconds, due.team_id, due.lease])


def has_due() -> bool:
    """Whether some queue has to be looked at now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM jobs_teamqueue WHERE due_at <= statement_timestamp())")
        return bool(cursor.fetchone()[0])


def _run(sql: str, values: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


WAKE = """
INSERT INTO jobs_teamqueue (team_id, due_at, blocked, waits_for_clusters, is_owed)
SELECT id, statement_timestamp(), '[]', '{}', false FROM unnest(%s::bigint[]) AS given (id) ORDER BY id
ON CONFLICT (team_id) DO UPDATE SET due_at = least(excluded.due_at, jobs_teamqueue.due_at)
"""
# Locked in one order, like everything of which several are taken.
WAKE_WAITING = """
WITH waiting AS MATERIALIZED (
    SELECT queue.team_id FROM jobs_teamqueue queue JOIN teams_team team ON team.id = queue.team_id
    WHERE queue.blocked <> '[]' AND (
        queue.team_id = ANY(%s)
        OR team.shares_quota AND EXISTS (SELECT 1 FROM teams_team WHERE id = ANY(%s) AND shares_quota)
        OR queue.waits_for_clusters && %s::bigint[])
    ORDER BY queue.team_id FOR NO KEY UPDATE OF queue
)
UPDATE jobs_teamqueue queue SET due_at = statement_timestamp() FROM waiting WHERE queue.team_id = waiting.team_id
"""
WAKE_ALL = """
WITH waiting AS MATERIALIZED (
    SELECT team_id FROM jobs_teamqueue WHERE blocked <> '[]' ORDER BY team_id FOR NO KEY UPDATE
)
UPDATE jobs_teamqueue queue SET due_at = statement_timestamp() FROM waiting WHERE queue.team_id = waiting.team_id
"""
TAKE = """
WITH oldest AS MATERIALIZED (
    SELECT team_id, due_at FROM jobs_teamqueue WHERE due_at <= statement_timestamp()
    ORDER BY due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT team_id, coalesce((
        SELECT max(CASE WHEN line."limit" > 0 THEN line.used::float8 / line."limit" ELSE 1 END)
        FROM teams_quotaline line
        WHERE line.team_id = oldest.team_id AND line.scope = 'team' AND line."limit" IS NOT NULL
        AND line.resource NOT IN ('cpu_hours', 'gpu_hours')), 0) AS share
    FROM oldest ORDER BY share, due_at LIMIT %s
)
UPDATE jobs_teamqueue queue SET due_at = statement_timestamp() + make_interval(secs => %s)
FROM due WHERE queue.team_id = due.team_id RETURNING queue.team_id, queue.due_at, due.share
"""
BACK = """
UPDATE jobs_teamqueue SET due_at = statement_timestamp() + make_interval(secs => %s)
WHERE team_id = %s AND due_at = %s
"""
