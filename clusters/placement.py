"""Where on a cluster a team's works belong."""

from clusters.driver import ClusterRefused
from clusters.models import Cluster, DriverKind, KubernetesConnection, SpaceMode, TeamSpace


def space_for(cluster: Cluster, team_id: int) -> str:
    """The namespace of the team's works ("" on this machine). Raises DriverError while there is none that is ready."""
    if cluster.driver == DriverKind.LOCAL:
        return ""
    row = KubernetesConnection.objects.filter(cluster=cluster).first()
    if row is None:
        raise ClusterRefused(f"{cluster.name} has no connection; an admin has to connect it.")
    if row.space_mode == SpaceMode.ONE:
        return row.namespace
    space = TeamSpace.objects.filter(cluster=cluster, team_id=team_id).first()
    if space is None or not space.is_ready:
        raise ClusterRefused(f"{cluster.name} has no namespace for the team yet; an admin has to look at it.")
    return space.namespace
