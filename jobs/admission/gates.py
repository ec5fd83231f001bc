"""What keeps a team's jobs from a cluster whatever the quota: pauses, clusters that cannot take any, a full disk."""

from collections.abc import Collection
from dataclasses import dataclass
from shutil import disk_usage

from django.conf import settings
from django.db.models import Q

from clusters.driver import DriverError
from clusters.models import Cluster
from clusters.placement import space_for
from jobs.admission.choosing import Block
from jobs.catalogue import Own
from teams.models import Pause

# In so many seconds what a gate waits for may be over; nobody tells of it.
LOOK_AGAIN: dict[str, float] = {Own.NO_SPACE: 10.0, Own.NO_PLACE: 5.0, Own.CLUSTER_SILENT: 10.0}


@dataclass(frozen=True)
class Gate:
    """The way of a team's jobs to a cluster: into this namespace, or not at all for now."""

    space: str = ""
    block: Block | None = None


def gates_for(team_id: int, cluster_ids: Collection[int]) -> dict[int, Gate]:
    """One for each of the clusters. May ask clusters: not within a transaction."""
    clusters = Cluster.objects.select_related("kubernetes").in_bulk(list(cluster_ids))
    pauses = list(Pause.objects.filter(_concerns(team_id, cluster_ids)))
    is_full = disk_usage(settings.MEDIA_ROOT).free < settings.STORAGE_RESERVE_BYTES
    found = {}
    for cluster_id, cluster in clusters.items():
        block = _paused(pauses, cluster_id) or (Block(Own.NO_SPACE) if is_full else None) or _away(cluster)
        found[cluster_id] = Gate(block=block) if block else _placed(cluster, team_id)
    return found


def _concerns(team_id: int, cluster_ids: Collection[int]) -> Q:
    return Q(team=None, cluster=None) | Q(team=team_id) | Q(cluster__in=cluster_ids)


def _paused(pauses: list[Pause], cluster_id: int) -> Block | None:
    """The widest pause that concerns it."""
    concerned = [each for each in pauses if each.cluster_id in (None, cluster_id)]
    for pause in sorted(concerned, key=lambda each: (each.team_id is not None, each.cluster_id is not None)):
        return Block(Own.PAUSED, detail=pause.message)
    return None


def _away(cluster: Cluster) -> Block | None:
    """Nothing is sent to a cluster that does not answer: it would only hold the team's quota."""
    if cluster.unreachable_since is None or not cluster.is_enabled:
        return None
    return Block(Own.CLUSTER_SILENT)


def _placed(cluster: Cluster, team_id: int) -> Gate:
    if not cluster.is_enabled:
        return Gate(block=Block(Own.CLUSTER_REMOVED))
    try:
        return Gate(space=space_for(cluster, team_id))
    except DriverError as error:
        return Gate(block=Block(Own.NO_PLACE, detail=str(error)))
