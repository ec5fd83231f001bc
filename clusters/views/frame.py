"""What every page of one cluster has: the cluster as it is shown, and its last visit."""

from typing import Any

from clusters.models import Cluster
from clusters.shown import ClusterShown, unfinished_jobs
from clusters.shown_visit import ended_visits, last_visit
from teams.pauses import pauses_of


def cluster_frame(cluster: Cluster) -> dict[str, Any]:
    """Context for the templates that extend or include the cluster's head."""
    ended = ended_visits([cluster]).get(cluster.pk)
    shown = ClusterShown(cluster, unfinished_jobs([cluster])[cluster.pk], ended)
    pauses = pauses_of(cluster_ids=[cluster.pk])
    return {"cluster": cluster, "shown": shown, "visit": last_visit(cluster), "pauses": pauses}
