"""What keeps a team's jobs from a cluster whatever the quota: pauses, clusters that cannot take any, a full disk."""

from collections.abc import Collection
from dataclasses import dataclass
from shutil import disk_usage

from django.conf import settings
from django.db import connection
from django.db.models import Q

from clusters.driver import DriverError
from clusters.models import Cluster
from clusters.placement import space_for
from jobs.admission.choosing import Block
from jobs.catalogue import Own
from teams.models import Pause, Team

# In so many seconds what a gate waits for may be over; nobody tells of it.
LOOK_AGAIN: dict[str, float] = {
    **{Own.NO_SPACE: 10.0, Own.NO_PLACE: 5.0, Own.CLUSTER_SILENT: 10.0, Own.CLUSTER_FULL: 10.0}
}
# So many of ours wait at a full cluster for a node. The rest waits here, where teams with a smaller share come first.
MOST_WAITING_THERE = 16
Kind = tuple[int, str]


@dataclass(frozen=True)
class Gate:
    """The way of a team's jobs to a cluster: into this namespace, or not at all for now."""

    space: str = ""
    block: Block | None = None


def room_at(cluster_ids: Collection[int]) -> dict[Kind, int]:
    """How many more may be sent to clusters that are full: by cluster and type of GPU ("" without).

    A cluster is full for a type while a pod of ours waits there for a node. What is missing has room without end.
    """
    with connection.cursor() as cursor:
        cursor.execute(CROWDS, [sorted(cluster_ids)])
        return {
            (cluster_id, gpu): max(0, MOST_WAITING_THERE - count)
            for cluster_id, gpu, count in cursor.fetchall()
        }


# Nearly always none is full, and an index of its own says so at once: in a rush many are starting, and none of those is
# looked at. Those that nobody has seen yet may wait for a node too.
CROWDS = """
WITH held AS MATERIALIZED (
    SELECT job_id FROM jobs_attempt
    WHERE reserved_at IS NOT NULL AND released_at IS NULL AND seen_reason = 'unschedulable'
), crowded AS MATERIALIZED (
    SELECT DISTINCT job.cluster_id, job.gpu_resource FROM held JOIN jobs_job job ON job.id = held.job_id
    WHERE EXISTS (SELECT FROM held) AND job.cluster_id = ANY(%s) AND job.status = 'starting'
)
SELECT job.cluster_id, job.gpu_resource, count(*)
FROM jobs_attempt attempt JOIN jobs_job job ON job.id = attempt.job_id
WHERE EXISTS (SELECT FROM crowded) AND (job.cluster_id, job.gpu_resource) IN (SELECT * FROM crowded)
AND attempt.reserved_at IS NOT NULL AND attempt.released_at IS NULL
AND job.status = 'starting' AND (attempt.seen_reason = 'unschedulable' OR attempt.seen_state = '')
GROUP BY 1, 2
"""


def gates_for(team_id: int, cluster_ids: Collection[int]) -> dict[int, Gate]:
    """One for each of the clusters. May ask clusters: not within a transaction."""
    closed = closed_now(team_id, cluster_ids)
    is_full = disk_usage(settings.MEDIA_ROOT).free < settings.STORAGE_RESERVE_BYTES
    found = {}
    for cluster in Cluster.objects.select_related("kubernetes").filter(pk__in=cluster_ids):
        block = closed.get(cluster.pk) or (Block(Own.NO_SPACE) if is_full else None)
        found[cluster.pk] = Gate(block=block) if block else _placed(cluster, team_id)
    return found


def closed_now(team_id: int, cluster_ids: Collection[int]) -> dict[int, Block]:
    """As `gates_for`, without asking any cluster: only the gates that are known to be shut, by cluster."""
    clusters = Cluster.objects.in_bulk(list(cluster_ids))
    if Team.objects.filter(pk=team_id, disabled_at__isnull=False).exists():
        return dict.fromkeys(clusters, Block(Own.TEAM_DISABLED))
    pauses = list(Pause.objects.filter(_concerns(team_id, cluster_ids)))
    blocks = {
        pk: _removed(cluster) or _paused(pauses, pk) or _away(cluster) for pk, cluster in clusters.items()
    }
    return {pk: block for pk, block in blocks.items() if block}


def _concerns(team_id: int, cluster_ids: Collection[int]) -> Q:
    return Q(team=None, cluster=None) | Q(team=team_id) | Q(cluster__in=cluster_ids)


def _removed(cluster: Cluster) -> Block | None:
    """Nothing waits for a cluster that was switched off: a worker ends it, pause or not."""
    return None if cluster.is_enabled else Block(Own.CLUSTER_REMOVED)


def _paused(pauses: list[Pause], cluster_id: int) -> Block | None:
    """The widest pause that concerns it."""
    concerned = [each for each in pauses if each.cluster_id in (None, cluster_id)]
    for pause in sorted(concerned, key=lambda each: (each.team_id is not None, each.cluster_id is not None)):
        return Block(Own.PAUSED, detail=pause.message)
    return None


def _away(cluster: Cluster) -> Block | None:
    """Nothing is sent to a cluster that does not answer: it would only hold the team's quota."""
    return None if cluster.unreachable_since is None else Block(Own.CLUSTER_SILENT)


def _placed(cluster: Cluster, team_id: int) -> Gate:
    try:
        return Gate(space=space_for(cluster, team_id))
    except DriverError as error:
        return Gate(block=Block(Own.NO_PLACE, detail=str(error)))
