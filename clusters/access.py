"""Looking a cluster and what belongs to it up. Behind `admins_only` or `readers_of_all_only`: who comes
here may see everything."""

from typing import TypeVar

from django.db.models import Model
from django.http import Http404

from clusters.models import Cluster, DriverKind, KubernetesConnection

Row = TypeVar("Row", bound=Model)


def find_cluster(slug: str) -> Cluster:
    """With its connection and health where it has them. Raises Http404."""
    cluster = (
        Cluster.objects.select_related("kubernetes", "health", "pause")
        .filter(slug=slug, removed_at=None)
        .first()
    )
    if cluster is None:
        raise Http404("There is no such cluster.")
    return cluster


def find_connected(slug: str) -> tuple[Cluster, KubernetesConnection]:
    """A Kubernetes cluster with its connection. Raises Http404, also for this machine."""
    cluster = find_cluster(slug)
    row = connection_of(cluster)
    if row is None:
        raise Http404("This cluster has no connection.")
    return cluster, row


def connection_of(cluster: Cluster) -> KubernetesConnection | None:
    """None for this machine."""
    return getattr(cluster, "kubernetes", None) if cluster.driver == DriverKind.KUBERNETES else None


def find_part(model: type[Row], cluster: Cluster, part_id: int) -> Row:
    """An environment or a profile of the cluster. Raises Http404."""
    row = model._default_manager.filter(cluster=cluster, pk=part_id).first()
    if row is None:
        raise Http404("It has been removed meanwhile.")
    return row
