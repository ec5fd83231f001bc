"""How many jobs wait in lanes, for pages: counted by the queue's index, and not without end."""

from collections.abc import Sequence

from django.db import connection

from jobs.admission.lanes import KEY, QUEUED, Lane

# Of one lane so many are counted, and of one team so many lanes.
MOST_COUNTED, MOST_LANES = 1000, 1000


def counts_of(team_id: int, of: Sequence[Lane]) -> dict[Lane, int]:
    """How many wait in each of these lanes; MOST_COUNTED + 1 stands for more. One walk over the queue's index."""
    asked = list(of[:MOST_LANES])
    if not asked:
        return {}
    columns = [list(column) for column in zip(*(lane.key for lane in asked), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [*columns, team_id, MOST_COUNTED + 1])
        return {asked[number - 1]: count for number, count in cursor.fetchall()}


COUNTS = f"""
SELECT given.number, waiting.count FROM unnest(
    %s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::int[]
) WITH ORDINALITY AS given ({KEY}, number)
CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT 1 FROM jobs_job job WHERE job.team_id = %s AND {QUEUED}
        AND (job.cluster_id, job.owner_id, job.priority, job.cpu_millis, job.memory_bytes, job.gpu_resource,
             job.gpu_count)
          = (given.cluster_id, given.owner_id, given.priority, given.cpu_millis, given.memory_bytes,
             given.gpu_resource, given.gpu_count)
        LIMIT %s) one
) waiting
"""
