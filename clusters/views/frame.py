"""What every page of one cluster has: the cluster as it is shown, and its last visit."""

from typing import Any

from clusters.models import Cluster
from clusters.shown import ClusterShown, last_visit, unfinished_jobs


def cluster_frame(cluster: Cluster) -> dict[str, Any]:
    """Context for the templates that extend or include the cluster's head."""
    shown = ClusterShown(cluster, unfinished_jobs([cluster])[cluster.pk])
    return {"cluster": cluster, "shown": shown, "visit": last_visit(cluster)}
