"""Does the ledger say what the open reservations add up to? With SQL of its own, at one instant."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Drift:
    """An account whose amount is not the sum of what is reserved."""

    scope: str
    team_id: int | None
    cluster_id: int | None
    user_id: int | None
    resource: str
    used: int
    reserved: int

    def __str__(self) -> str:
        parts = {"team": self.team_id, "cluster": self.cluster_id, "user": self.user_id}
        where = ", ".join(f"{name} {pk}" for name, pk in parts.items() if pk is not None)
        whose = f"{self.scope} ({where or 'all that share'})"
        return f"{whose}: {self.resource} is {self.used}, reserved are {self.reserved}"


def drifts() -> list[Drift]:
    """Empty is well. One statement, so that nothing changes in between."""
    with connection.cursor() as cursor:
        cursor.execute(COMPARE)
        return [Drift(*row) for row in cursor.fetchall()]


COMPARE = """
WITH open AS (
    SELECT job.team_id, job.cluster_id, job.owner_id, part.resource, part.amount
    FROM jobs_attempt attempt JOIN jobs_job job ON job.id = attempt.job_id
    CROSS JOIN LATERAL (VALUES
        ('jobs', 1::bigint), ('cpu_millis', job.cpu_millis::bigint), ('memory_bytes', job.memory_bytes),
        ('gpu:' || job.gpu_resource, CASE WHEN job.gpu_resource <> '' THEN job.gpu_count ELSE 0 END)
    ) AS part (resource, amount)
    WHERE attempt.reserved_at IS NOT NULL AND attempt.released_at IS NULL AND part.amount > 0
), sums AS (
    SELECT 'team' AS scope, team_id, NULL::bigint AS cluster_id, NULL::bigint AS user_id, resource,
        sum(amount) AS amount
    FROM open GROUP BY team_id, resource
    UNION ALL
    SELECT 'cluster', team_id, cluster_id, NULL, resource, sum(amount) FROM open GROUP BY team_id, cluster_id, resource
    UNION ALL
    SELECT 'user', team_id, NULL, owner_id, resource, sum(amount) FROM open GROUP BY team_id, owner_id, resource
    UNION ALL
    SELECT 'pool', NULL, NULL, NULL, open.resource, sum(amount) FROM open
    JOIN teams_team team ON team.id = open.team_id AND team.shares_quota
    JOIN teams_quotaline line ON line.team_id = open.team_id AND line.scope = 'team'
        AND line.resource = open.resource AND line."limit" IS NOT NULL
    GROUP BY open.resource
)
SELECT coalesce(line.scope, sums.scope), coalesce(line.team_id, sums.team_id),
    coalesce(line.cluster_id, sums.cluster_id), coalesce(line.user_id, sums.user_id),
    coalesce(line.resource, sums.resource), coalesce(line.used, 0), coalesce(sums.amount, 0)::bigint
FROM teams_quotaline line
FULL JOIN sums ON (line.scope, coalesce(line.team_id, 0), coalesce(line.cluster_id, 0),
                   coalesce(line.user_id, 0), line.resource)
    = (sums.scope, coalesce(sums.team_id, 0), coalesce(sums.cluster_id, 0), coalesce(sums.user_id, 0), sums.resource)
WHERE coalesce(line.used, 0) <> coalesce(sums.amount, 0)
ORDER BY 1, 2, 3, 4, 5
"""
