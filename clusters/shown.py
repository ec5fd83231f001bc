"""Clusters as their pages show them: how they are, what is free, what a visit of the doctor found."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count
from django.utils import timezone

from clusters.access import connection_of
from clusters.models import (
    Authentication,
    Cluster,
    ClusterHealth,
    KubernetesConnection,
)
from clusters.names import toleration_text
from clusters.nodes import Node, Room, nodes_of, room_of
from clusters.shown_visit import LEVELS, Visit
from teams.wording import readable_bytes, readable_seconds

WARN_BEFORE = timedelta(days=14)
MOST_NODES = 50
GPU_MODEL = "nvidia.com/gpu.product"
UNFINISHED = ("queued", "starting", "running", "finishing")
HEALTH_WORDS = {"pass": "Healthy", "warn": "Needs a look", "fail": "Not usable"}


@dataclass(frozen=True)
class Amount:
    """One resource: free of what there is, as text."""

    label: str
    free: str
    total: str


@dataclass(frozen=True)
class NodeRow:
    """A node as a row: `gpus` has "1 of 2 nvidia.com/gpu (A100)", `taints` what keeps pods away."""

    name: str
    cores: str
    memory: str
    gpus: tuple[str, ...]
    taints: tuple[str, ...]


class ClusterShown:
    """A cluster with everything a page says about it.

    `loads` is from `unfinished_jobs`, `visit` the newest that has ended, from `ended_visits`.
    """

    def __init__(
        self, cluster: Cluster, loads: dict[str, int] | None = None, visit: Visit | None = None
    ) -> None:
        self.cluster = cluster
        self._visit = visit
        self.row: KubernetesConnection | None = connection_of(cluster)
        self.health: ClusterHealth | None = getattr(cluster, "health", None)
        self._loads = loads or {}

    @property
    def kind(self) -> str:
        """ "Kubernetes", "Amazon EKS", "Processes of the portal's machine"."""
        if self.row and self.row.authentication == Authentication.EKS:
            return Authentication.EKS.label
        return "Kubernetes" if self.row else "Processes of the portal's machine"

    @property
    def level(self) -> str:
        """pass, warn, fail; "" where nobody has looked yet; "off"."""
        if not self.cluster.is_enabled:
            return "off"
        if self.cluster.unreachable_since:
            return "fail"
        if self.is_found_unusable:
            return "fail"
        if self.health and self.health.level:
            is_to_be_seen_to = self.is_expiring or bool(self.broken_environment)
            return "warn" if self.health.level == "pass" and is_to_be_seen_to else self.health.level
        return "pass" if self.cluster.last_seen_at else ""

    @property
    def is_found_unusable(self) -> bool:
        """The short check has nothing to say, but the doctor found what does not work and has not been there since."""
        is_ill = self.health is not None and self.health.level == "fail"
        return not is_ill and self._visit is not None and bool(self._visit.failed)

    @property
    def broken_environment(self) -> str:
        """What the doctor found of one, while others work."""
        return self._visit.broken_environment if self._visit else ""

    @property
    def badge(self) -> str:
        """For `status_mark`."""
        return {"off": "cancelled", "": "queued"}.get(self.level) or LEVELS[self.level][0]

    @property
    def word(self) -> str:
        """Beside the icon."""
        if self.level == "fail" and self.cluster.unreachable_since:
            return "Unreachable"
        return {"off": "Switched off", "": "Not checked yet"}.get(self.level) or HEALTH_WORDS[self.level]

    @property
    def sentence(self) -> str:
        """What the level means here, and what to do."""
        if self.cluster.unreachable_since and self.cluster.is_enabled:
            return self.cluster.trouble or "The portal cannot reach it. Test it now to see why."
        if self.is_found_unusable and self._visit is not None:
            return f"The doctor found what does not work: {self._visit.failed} Test it again once that is mended."
        is_well = self.cluster.is_enabled and self.health is not None and self.health.level == "pass"
        if is_well and self.is_expiring:
            return f"It works, but its credentials {'have ended' if self.is_expired else 'end soon'}."
        if is_well and self.broken_environment:
            return f"It works, but not with every environment. {self.broken_environment}"
        if self.health and self.health.sentence:
            return self.health.sentence
        return "" if self.level in ("pass", "off") else "Nobody has looked at it yet. Test it now."

    @property
    def trouble(self) -> str:
        """The sentence where something is wrong with the cluster itself."""
        is_ill = self.health is not None and self.health.level in ("warn", "fail")
        is_found = is_ill or self.is_found_unusable or bool(self.broken_environment)
        return (
            self.sentence if self.cluster.is_enabled and (is_found or self.cluster.unreachable_since) else ""
        )

    @property
    def seen_at(self) -> datetime | None:
        """The latest sign of life."""
        checked = self.health.checked_at if self.health and self.health.level in ("pass", "warn") else None
        known = [moment for moment in (self.cluster.last_seen_at, checked) if moment]
        return max(known) if known else None

    @property
    def latency(self) -> str:
        """ "12 ms"; "" where it was never measured."""
        measured = self.health.latency_ms if self.health else None
        return "" if measured is None else f"{measured:.0f} ms"

    @property
    def version(self) -> str:
        """The API server's."""
        return self.health.version if self.health else ""

    @cached_property
    def nodes(self) -> list[Node]:
        """As the last check found them."""
        return nodes_of(self.health.capacity) if self.health else []

    @property
    def node_rows(self) -> list[NodeRow]:
        """The first MOST_NODES of them."""
        return [_node_row(node) for node in self.nodes[:MOST_NODES]]

    @property
    def nodes_left(self) -> int:
        """How many more there are."""
        return max(0, len(self.nodes) - MOST_NODES)

    @cached_property
    def amounts(self) -> list[Amount]:
        """Cores, memory, and each type of GPU: free of all. Empty before the first check."""
        capacity = self.health.capacity if self.health else {}
        if not capacity.get("totals"):
            return []
        return amounts_of(room_of(capacity["totals"]), room_of(capacity.get("free") or {}))

    @property
    def running(self) -> int:
        """Jobs whose script runs, or has just ended."""
        return self._loads.get("running", 0) + self._loads.get("finishing", 0)

    @property
    def starting(self) -> int:
        """Jobs that have a pod or get one, and whose script has not begun."""
        return self._loads.get("starting", 0)

    @property
    def there(self) -> int:
        """Jobs that have a pod, or get one."""
        return self.running + self.starting

    @property
    def waiting(self) -> int:
        """Jobs that have none yet."""
        return self._loads.get("queued", 0)

    @property
    def is_expired(self) -> bool:
        """The credentials have ended."""
        ends = self.row.expires_at if self.row else None
        return ends is not None and ends <= timezone.now()

    @property
    def is_expiring(self) -> bool:
        """The credentials end within WARN_BEFORE, or have."""
        ends = self.row.expires_at if self.row else None
        return ends is not None and ends - timezone.now() <= WARN_BEFORE

    @property
    def expiry_sentence(self) -> str:
        """ "in 6 d 4 h"; "" where no end is known."""
        ends = self.row.expires_at if self.row else None
        if ends is None:
            return ""
        seconds = (ends - timezone.now()).total_seconds()
        return f"in {readable_seconds(seconds)}" if seconds > 0 else f"{readable_seconds(-seconds)} ago"


def amounts_of(total: Room, free: Room) -> list[Amount]:
    """As people write them."""
    found = [
        Amount("cores", _cores(free.cpu_millis), _cores(total.cpu_millis)),
        Amount("memory", readable_bytes(free.memory_bytes), readable_bytes(total.memory_bytes)),
    ]
    return found + [
        Amount(name, str(free.gpus.get(name, 0)), str(n)) for name, n in sorted(total.gpus.items())
    ]


def unfinished_jobs(clusters: Iterable[Cluster]) -> dict[int, dict[str, int]]:
    """By cluster and status. Jobs belong to the app above; its rows are known here by their relation alone."""
    found: dict[int, dict[str, int]] = {cluster.pk: {} for cluster in clusters}
    jobs: Any = Cluster._meta.get_field("jobs").related_model
    rows = jobs.objects.filter(status__in=UNFINISHED, cluster__in=found).order_by()
    for cluster_id, status, count in rows.values_list("cluster_id", "status").annotate(Count("pk")):
        found[cluster_id][status] = count
    return found


def _node_row(node: Node) -> NodeRow:
    model = node.labels.get(GPU_MODEL, "")
    gpus = (
        f"{node.free.gpus.get(name, 0)} of {count} {name}" + (f" ({model})" if model else "")
        for name, count in sorted(node.has.gpus.items())
        if count
    )
    taints = (
        toleration_text({name: str(text) for name, text in taint.items() if text is not None})
        for taint in node.taints
    )
    free, has = node.free, node.has
    return NodeRow(
        node.name,
        f"{_cores(free.cpu_millis)} of {_cores(has.cpu_millis)}",
        f"{readable_bytes(free.memory_bytes)} of {readable_bytes(has.memory_bytes)}",
        tuple(gpus),
        tuple(taints),
    )


def _cores(millis: int) -> str:
    return f"{millis / 1000:.1f}".removesuffix(".0")
