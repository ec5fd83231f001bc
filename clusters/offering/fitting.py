"""Which nodes a profile fits, by what the last check of the cluster found. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

KEEPS_AWAY = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Room:
    """Amounts: cores in thousandths, bytes, GPUs by resource name."""

    cpu_millis: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    gpus: Mapping[str, int] = field(default_factory=dict)

    def holds(self, other: "Room") -> bool:
        """Whether `other` fits in. Unknown disk (0) holds everything."""
        return (
            other.cpu_millis <= self.cpu_millis
            and other.memory_bytes <= self.memory_bytes
            and (not self.disk_bytes or other.disk_bytes <= self.disk_bytes)
            and all(count <= self.gpus.get(name, 0) for name, count in other.gpus.items())
        )


@dataclass(frozen=True)
class Node:
    """What it has, what is free of it, and what keeps pods away."""

    name: str
    has: Room
    free: Room
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]

    def admits(self, labels: Mapping[str, str], tolerations: Iterable[Mapping[str, str]]) -> bool:
        """Whether a pod that asks for these labels and tolerates these taints may run there."""
        if any(self.labels.get(name) != value for name, value in labels.items()):
            return False
        kept_away = [taint for taint in self.taints if taint.get("effect") in KEEPS_AWAY]
        known = list(tolerations)
        return all(any(_tolerates(toleration, taint) for toleration in known) for taint in kept_away)


@dataclass(frozen=True)
class Fit:
    """On how many of the nodes something can run at all, and on how many right now. `nodes` 0: nothing is known."""

    nodes: int
    ever: int
    now: int

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

    @property
    def is_trouble(self) -> bool:
        """It would wait for ever."""
        return bool(self.nodes) and not self.ever


def nodes_of(capacity: Mapping[str, Any]) -> list[Node]:
    """From ClusterHealth.capacity; whatever is missing there is empty here."""
    return [
        Node(
            str(node.get("name", "")),
            room_of(node),
            room_of(node.get("free") or {}),
            node.get("labels") or {},
            tuple(_taint(taint) for taint in node.get("taints") or ()),
        )
        for node in capacity.get("nodes") or ()
    ]


def room_of(values: Mapping[str, Any]) -> Room:
    """Amounts by their names."""
    gpus = {str(name): int(count) for name, count in (values.get("gpus") or {}).items()}
    cpu, memory, disk = (int(values.get(name) or 0) for name in ("cpu_millis", "memory_bytes", "disk_bytes"))
    return Room(cpu, memory, disk, gpus)


def fit_of(profile: Any, nodes: Iterable[Node]) -> Fit:
    """`profile` is a Profile, saved or not."""
    wanted = Room(
        profile.cpu_millis,
        profile.memory_bytes,
        profile.disk_bytes,
        {profile.gpu_resource: profile.gpu_count} if profile.gpu_count else {},
    )
    known = list(nodes)
    admitting = [node for node in known if node.admits(profile.node_labels, profile.tolerations)]
    return Fit(
        len(known),
        sum(node.has.holds(wanted) for node in admitting),
        sum(node.free.holds(wanted) for node in admitting),
    )


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    key, value, effect = (str(toleration.get(name) or "") for name in ("key", "value", "effect"))
    if key and key != taint.get("key"):
        return False
    if effect and effect != taint.get("effect"):
        return False
    return not value or value == (taint.get("value") or "")


def _taint(taint: Any) -> Mapping[str, str]:
    """As an object, or as kubectl prints it: key=value:effect."""
    if isinstance(taint, Mapping):
        return taint
    rest, _, effect = str(taint).partition(":")
    key, _, value = rest.partition("=")
    return {"key": key, "value": value, "effect": effect}
