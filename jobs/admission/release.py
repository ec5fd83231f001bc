"""What ended attempts had is given back: by the proof that nothing of them can still run, and by nothing else."""

from django.db import connection, transaction

from jobs.admission import queues
from teams.quota.ledger import credit
from teams.quota.resources import amounts_of

AT_ONCE = 500


def release_ended() -> bool:
    """Give back what every attempt had that is proven to be over. True: somebody waits for it.

    The proof stands in the attempts' rows, whoever wrote it: whoever calls this next finds what is to be done.
    """
    has_waiting = False
    while rows := _release_some():
        has_waiting |= rows[1]
        if rows[0] < AT_ONCE:
            break
    return has_waiting


def _release_some() -> tuple[int, bool] | None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(RELEASE, [AT_ONCE])
            rows = cursor.fetchall()
        if not rows:
            return None
        credit(
            (team, cluster, owner, amounts_of(cpu, memory, gpu, count))
            for team, cluster, owner, cpu, memory, gpu, count in rows
        )
        is_awaited = queues.wake_after_release({row[0] for row in rows}, {row[1] for row in rows})
    return len(rows), is_awaited


# The condition of the index attempt_to_release, word for word.
RELEASE = """
WITH over AS MATERIALIZED (
    SELECT id FROM jobs_attempt
    WHERE released_at IS NULL AND reserved_at IS NOT NULL
    AND (seen_state = 'ended' OR is_absent OR removed_at IS NOT NULL)
    ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE jobs_attempt SET released_at = statement_timestamp()
FROM over, jobs_job job WHERE jobs_attempt.id = over.id AND job.id = jobs_attempt.job_id
RETURNING job.team_id, job.cluster_id, job.owner_id, job.cpu_millis, job.memory_bytes, job.gpu_resource, job.gpu_count
"""
