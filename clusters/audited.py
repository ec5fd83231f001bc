"""What the audit log is told of clusters: how they are reached without what is secret of it."""

from typing import Any

from clusters.models import Cluster, Image, KubernetesConnection, Profile
from teams.audit import Changes, snapshot
from teams.audit.values import compared

SHOWN = (
    *(
        "server",
        "authentication",
        "namespace",
        "space_mode",
        "runner_image",
        "runner_pull_secret",
        "portal_url",
    ),
    *("eks_cluster", "eks_region", "eks_role", "aws_access_key_id", "expires_at"),
)
OF_CLUSTER = ("name", "is_enabled", "adds_nodes")


def connection_shown(row: KubernetesConnection) -> dict[str, Any]:
    """The fields that are set. The CA certificate is long and no secret; it is left out."""
    return {name: value for name in SHOWN if (value := getattr(row, name))}


def cluster_shown(cluster: Cluster) -> dict[str, Any]:
    """As the database has it now: what an admin may change of it."""
    fresh = Cluster.objects.select_related("kubernetes").get(pk=cluster.pk)
    row = getattr(fresh, "kubernetes", None)
    return {name: getattr(fresh, name) for name in OF_CLUSTER} | (connection_shown(row) if row else {})


def offer_shown(row: Image | Profile) -> dict[str, Any]:
    """All of an environment or a profile, by names: its cluster, and the teams to which it is open."""
    shown = snapshot(row) | {"cluster": row.cluster.name}
    if isinstance(row, Image):
        shown["teams"] = sorted(row.teams.values_list("name", flat=True))
    return {name: value for name, value in shown.items() if name not in ("id", "cluster_id")}


def offer_changes(before: dict[str, Any], row: Image | Profile) -> Changes:
    """Against an earlier `offer_shown`; of a new one ({}) all that is set."""
    after = offer_shown(row)
    return compared(before, after if before else {name: value for name, value in after.items() if value})
