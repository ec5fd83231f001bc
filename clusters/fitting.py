"""Whether a profile finds room at its cluster, from what the last short check found of the nodes.

What runs beside the script (collect) needs room as well.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models.functions import Now

from clusters.kubernetes.fences import BESIDE_CPU_MILLIS, BESIDE_MEMORY_BYTES
from clusters.models import Cluster, ClusterHealth, DriverKind, Profile
from clusters.nodes import Node, Room, nodes_of
from teams.wording import readable_bytes

BESIDE = Room(BESIDE_CPU_MILLIS, BESIDE_MEMORY_BYTES, 64 * 1024**2)
FRESH = timedelta(minutes=30)


@dataclass(frozen=True)
class Fit:
    """On how many of the `nodes` it can run at all (`ever`), and on how many and how often now; 0 nodes: not known.

    `reason`: why it fits no node as they are; "" where it fits one. `is_final`: nobody adds nodes.
    """

    nodes: int = 0
    ever: int = 0
    now: int = 0
    times_now: int = 0
    reason: str = ""
    is_final: bool = True

    @property
    def room(self) -> int | None:
        """For how many such jobs there is room now; None: not known."""
        return self.times_now if self.nodes else None

    @property
    def problem(self) -> str:
        """Why a job would wait for ever, or "". Where an autoscaler adds nodes, nothing is impossible."""
        return self.reason if self.is_final else ""

    @property
    def sentence(self) -> str:
        """For the list of profiles."""
        if not self.nodes:
            return "not known before the first check"
        if not self.ever:
            return "fits no node"
        return (
            f"fits {self.ever} of {self.nodes} {'node' if self.nodes == 1 else 'nodes'}, {self.now} free now"
        )


def fresh_nodes(cluster_ids: Collection[int]) -> dict[int, list[Node]]:
    """What is known of the clusters; what is older than FRESH says nothing about now."""
    fresh = ClusterHealth.objects.filter(cluster__in=cluster_ids, checked_at__gt=Now() - FRESH)
    return {key: nodes_of(capacity) for key, capacity in fresh.values_list("cluster_id", "capacity")}


def fit_on(cluster: Cluster, profile: Profile, nodes: Sequence[Node]) -> Fit:
    """`profile` may be one that was not saved."""
    if not nodes:
        return Fit()
    is_machine = cluster.driver == DriverKind.LOCAL
    wanted = _wanted(profile, Room() if is_machine else BESIDE)
    meant = [
        node
        for node in nodes
        if node.has_labels(profile.node_labels) and node.is_tolerated(profile.tolerations)
    ]
    # This machine starts what is asked of it, however busy it is, and nothing runs beside a script.
    times = [node.times(wanted) if is_machine else node.times_now(wanted) for node in meant]
    ever = sum(node.times(wanted) > 0 for node in meant)
    reason = "" if ever else _reason(profile, nodes, cluster.name, Room() if is_machine else BESIDE)
    return Fit(
        len(nodes), ever, sum(count > 0 for count in times), sum(times), reason, not cluster.adds_nodes
    )


def _wanted(profile: Profile, beside: Room) -> Room:
    gpus = {profile.gpu_resource: profile.gpu_count} if profile.gpu_count else {}
    return Room(
        profile.cpu_millis + beside.cpu_millis,
        profile.memory_bytes + beside.memory_bytes,
        profile.disk_bytes + beside.disk_bytes,
        gpus,
    )


def _reason(profile: Profile, nodes: Sequence[Node], where: str, beside: Room) -> str:
    """The first thing that excludes all of them; `nodes` has none that fits."""
    meant = [node for node in nodes if node.has_labels(profile.node_labels)]
    if not meant:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(profile.node_labels.items()))
        return f"No node of {where} has the labels {labels}."
    meant = [node for node in meant if node.is_tolerated(profile.tolerations)]
    if not meant:
        return f"All nodes of {where} that it may use keep jobs away (taints, or cordoned)."
    wanted = _wanted(profile, beside)
    for name in wanted.names:
        amount, most = wanted.of(name), max(node.has.of(name) for node in meant)
        if most < amount and not (name == "disk_bytes" and any(not node.has.disk_bytes for node in meant)):
            there = _amount(name, max(most - beside.of(name), 0))
            asked = _amount(name, amount - beside.of(name))
            return f"No node of {where} has {asked} for a script: the largest has {there}."
    return f"No single node of {where} has all of this together."


def _amount(name: str, amount: int) -> str:
    if name == "cpu_millis":
        return f"{amount / 1000:g} cores"
    words = {"memory_bytes": "memory", "disk_bytes": "disk"}
    return f"{readable_bytes(amount)} of {words[name]}" if name in words else f"{amount} {name}"
