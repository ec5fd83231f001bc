"""The second fence: what a team's ResourceQuota on a cluster has to say, from the same limits as the ledger's."""

from typing import Any

from django.db.models import QuerySet

from teams.models import QuotaLine, Scope, Team
from teams.quota.resources import CPU, GPU_PREFIX, JOBS, MEMORY

KEYS = {JOBS: "pods", CPU: "cpu_millis", MEMORY: "memory_bytes"}


def fence_of(team_id: int, cluster_id: int) -> dict[str, Any]:
    """The smallest limit that holds there, by clusters.kubernetes.fences.Space.quota's names; none where there is none.

    A team that shares may borrow, so the pool's limit holds instead of its own.
    """
    rows = QuotaLine.objects.filter(team=team_id, limit__isnull=False)
    limits = _by_resource(rows.filter(scope=Scope.TEAM))
    if Team.objects.filter(pk=team_id, shares_quota=True).exists():
        pool = _by_resource(QuotaLine.objects.filter(scope=Scope.POOL, resource__in=limits))
        limits = {name: max(limit, pool.get(name, 0)) for name, limit in limits.items()}
    here = _by_resource(rows.filter(scope=Scope.CLUSTER, cluster=cluster_id))
    for name, limit in here.items():
        limits[name] = min(limit, limits.get(name, limit))
    gpus = {
        name.removeprefix(GPU_PREFIX): limit for name, limit in limits.items() if name.startswith(GPU_PREFIX)
    }
    found: dict[str, Any] = {KEYS[name]: limit for name, limit in limits.items() if name in KEYS}
    return found | ({"gpus": gpus} if gpus else {})


def _by_resource(rows: QuerySet[QuotaLine]) -> dict[str, int]:
    return {row.resource: row.limit or 0 for row in rows}
