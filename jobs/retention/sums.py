"""A team's bytes by kind: the database notes each change with its cause, here they are added up and read."""

from collections.abc import Iterable

from django.db import connection, transaction

from jobs.models import Kind

AT_ONCE = 20_000


def totals_of(team_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Bytes by team and kind, as they are at this instant; a team without any has zeros."""
    ids = list(team_ids)
    found = {team_id: {str(kind): 0 for kind in Kind} for team_id in ids}
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, [ids, ids])
        for team_id, kind, number in cursor.fetchall():
            found[team_id][kind] = int(number)
    return found


def bytes_of_all() -> dict[str, tuple[int, int]]:
    """By kind, of all teams: bytes that are kept, and bytes that rules have deleted since ever."""
    found = {str(kind): (0, 0) for kind in Kind}
    with connection.cursor() as cursor:
        cursor.execute(ALL)
        found |= {kind: (int(kept), int(deleted)) for kind, kept, deleted in cursor.fetchall()}
    return found


def add_up() -> None:
    """Take the changes that were noted into the sums; whoever reads them sees the same before and after."""
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ADD_UP, [AT_ONCE])
            (taken,) = cursor.fetchone()
        if taken < AT_ONCE:
            return


def note_ends() -> None:
    """Note when what is kept was needed last. Only what was open is looked at: what runs, and what just ended."""
    with connection.cursor() as cursor:
        cursor.execute(ENDS_OF_JOBS)
        cursor.execute(ENDS_OF_BUNDLES)


TOTALS = """
SELECT team_id, kind, sum(bytes) FROM (
    SELECT team_id, kind, bytes FROM jobs_storedsum WHERE team_id = ANY(%s)
    UNION ALL SELECT team_id, kind, bytes FROM jobs_storedchange WHERE team_id = ANY(%s)
) parts GROUP BY 1, 2
"""
ALL = """
SELECT kind, sum(bytes), sum(deleted) FROM (
    SELECT kind, bytes, deleted FROM jobs_storedsum UNION ALL SELECT kind, bytes, deleted FROM jobs_storedchange
) parts GROUP BY 1
"""
# Two who add up at the same time take other rows, and the sums in one order.
ADD_UP = """
WITH taken AS (
    DELETE FROM jobs_storedchange WHERE id IN (
        SELECT id FROM jobs_storedchange ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING team_id, kind, bytes, deleted
), added AS (
    INSERT INTO jobs_storedsum (team_id, kind, bytes, deleted)
    SELECT team_id, kind, sum(taken.bytes), sum(taken.deleted) FROM taken JOIN teams_team team ON team.id = team_id
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (team_id, kind) DO UPDATE SET
        bytes = jobs_storedsum.bytes + excluded.bytes, deleted = jobs_storedsum.deleted + excluded.deleted
)
SELECT count(*) FROM taken
"""
ENDS_OF_JOBS = """
UPDATE jobs_stored stored SET ended_at = job.finished_at FROM jobs_job job
WHERE stored.gone_at IS NULL AND stored.ended_at IS NULL AND job.id = stored.job_id AND job.finished_at IS NOT NULL
"""
# A job that is to be started anew needs its files.
ENDS_OF_BUNDLES = """
UPDATE jobs_stored stored SET ended_at = ends.ended_at FROM (
    SELECT open.id, max(job.finished_at) AS ended_at FROM jobs_stored open
    JOIN jobs_job job ON job.bundle_id = open.bundle_id AND job.team_id = open.team_id
    WHERE open.gone_at IS NULL AND open.ended_at IS NULL
    GROUP BY 1 HAVING bool_and(job.finished_at IS NOT NULL AND job.cancel_reason <> 'preempted')
) ends
WHERE stored.id = ends.id AND stored.gone_at IS NULL AND stored.ended_at IS NULL
"""
