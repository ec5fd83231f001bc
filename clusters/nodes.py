"""A cluster's nodes, as the last check found them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

KEEPS_AWAY = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Room:
    """Amounts: cores in thousandths, bytes, GPUs by resource name. No disk (0) in a node's room: it is not known."""

    cpu_millis: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    gpus: Mapping[str, int] = field(default_factory=dict)

    def of(self, name: str) -> int:
        """The amount with that name, a field's or a GPU's."""
        return int(getattr(self, name)) if name in AMOUNTS else self.gpus.get(name, 0)

    @property
    def names(self) -> list[str]:
        """Of all that it has."""
        return [name for name in (*AMOUNTS, *self.gpus) if self.of(name)]


AMOUNTS = ("cpu_millis", "memory_bytes", "disk_bytes")


@dataclass(frozen=True)
class Node:
    """What it has, what is free of it, and what keeps pods away."""

    name: str
    has: Room
    free: Room
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]

    def has_labels(self, labels: Mapping[str, str]) -> bool:
        """All of them, with these values."""
        return labels.items() <= self.labels.items()

    def is_tolerated(self, tolerations: Iterable[Mapping[str, str]]) -> bool:
        """Whether these let a pod past everything that keeps others away."""
        known = list(tolerations)
        kept_away = [taint for taint in self.taints if taint.get("effect") in KEEPS_AWAY]
        return all(any(_tolerates(toleration, taint) for toleration in known) for taint in kept_away)

    def times(self, wanted: Room) -> int:
        """For how many of these it is large enough."""
        return self._times(self.has, wanted)

    def times_now(self, wanted: Room) -> int:
        """For how many of these there is room now."""
        return self._times(self.free, wanted)

    def _times(self, room: Room, wanted: Room) -> int:
        """Unknown disk holds everything."""
        counts = [
            room.of(name) // wanted.of(name)
            for name in wanted.names
            if name != "disk_bytes" or self.has.disk_bytes
        ]
        return max(min(counts, default=0), 0)


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
    cpu, memory, disk = (int(values.get(name) or 0) for name in AMOUNTS)
    return Room(cpu, memory, disk, gpus)


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    """As in manifests.py: no key is every taint, no value is any, no effect is all."""
    key, value, effect = (str(toleration.get(name) or "") for name in ("key", "value", "effect"))
    return (
        key in ("", taint.get("key"))
        and value in ("", taint.get("value") or "")
        and effect in ("", taint.get("effect"))
    )


def _taint(taint: Any) -> Mapping[str, str]:
    """As an object, or as kubectl prints it: key=value:effect."""
    if isinstance(taint, Mapping):
        return taint
    rest, _, effect = str(taint).partition(":")
    key, _, value = rest.partition("=")
    return {"key": key, "value": value, "effect": effect}
