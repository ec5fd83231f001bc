"""Where on a cluster a team's works belong."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from clusters.driver import ClusterRefused
from clusters.kubernetes.places import Everywhere, OnePlace, Places
from clusters.models import Cluster, DriverKind, KubernetesConnection, SpaceMode, TeamSpace

# A namespace that an admin adds is observed after so many seconds at the latest.
LOOK_SECONDS = 3.0


def space_for(cluster: Cluster, team_id: int) -> str:
    """The namespace of the team's works ("" on this machine). Raises DriverError while there is none that is ready."""
    if cluster.driver == DriverKind.LOCAL:
        return ""
    row = KubernetesConnection.objects.filter(cluster=cluster).first()
    if row is None:
        raise ClusterRefused(f"{cluster.name} has no connection; an admin has to connect it.")
    if row.space_mode == SpaceMode.ONE:
        return row.namespace
    # Imported here: a portal without a Kubernetes cluster does without its HTTP client in every process.
    from clusters.spaces import space_of

    return space_of(cluster, team_id).namespace


def places_of(row: KubernetesConnection) -> Places:
    """Where the driver finds them."""
    if row.space_mode == SpaceMode.ONE:
        return OnePlace(row.namespace)
    if row.space_mode == SpaceMode.MADE:
        return Everywhere(row.namespace)
    return TeamPlaces(row.namespace, row.cluster_id)


@dataclass
class TeamPlaces:
    """The portal's namespace and those that an admin gave to teams, as the database has them now."""

    default: str
    cluster_id: int
    _known: Sequence[str] = field(default=(), init=False)
    _looked_at: float = field(default=float("-inf"), init=False)

    def observed(self) -> Sequence[str] | None:
        """Costs a small query every few seconds. Raises DatabaseError."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            rows = TeamSpace.objects.filter(cluster_id=self.cluster_id).order_by("namespace")
            self._known = [self.default, *rows.values_list("namespace", flat=True)]
            self._looked_at = time.monotonic()
        return self._known
