"""What a visit stands on: the cluster's rows and a way to speak to it."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.driver import ClusterRefused, ClusterUnreachable
from clusters.drivers import api_of
from clusters.models import Cluster, DoctorRun, KubernetesConnection, TeamSpace

if TYPE_CHECKING:
    from clusters.kubernetes.api import Api


@dataclass
class Ground:
    """`run` is None in a short check. `deadline` is of time.monotonic(): after it nothing new is begun."""

    cluster: Cluster
    row: KubernetesConnection
    api: "Api"
    deadline: float
    run: DoctorRun | None = None
    version: str = ""
    latency_ms: float | None = None
    capacity: dict[str, object] | None = None
    spaces: list[TeamSpace] = field(default_factory=list)

    def check_time(self) -> None:
        """Raises ClusterUnreachable after the deadline."""
        if time.monotonic() > self.deadline:
            raise ClusterUnreachable(f"{self.cluster.name} answers too slowly to be looked at to the end.")

    def namespaces(self) -> list[str]:
        """Where jobs may be: the account's namespace and the teams'."""
        return list(dict.fromkeys([self.row.namespace, *(space.namespace for space in self.spaces)]))


def ground_of(cluster: Cluster, seconds: float, run: DoctorRun | None = None) -> Ground:
    """Raises ClusterRefused where there is no connection, or its credentials cannot be read."""
    row = KubernetesConnection.objects.filter(cluster=cluster).first()
    if row is None:
        raise ClusterRefused(f"{cluster.name} has no connection; an admin has to connect it.")
    spaces = list(TeamSpace.objects.filter(cluster=cluster))
    return Ground(cluster, row, api_of(row), time.monotonic() + seconds, run, spaces=spaces)
