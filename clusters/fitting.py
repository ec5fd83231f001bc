"""Whether a profile finds room at a cluster, from what the last short check found.

`capacity` is as clusters.models.ClusterHealth has it. What runs beside the script (collect) needs room as well.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from clusters.kubernetes.fences import BESIDE_CPU_MILLIS, BESIDE_MEMORY_BYTES
from clusters.models import Cluster, ClusterHealth, Profile
from teams.wording import readable_bytes

BESIDE = {
    "cpu_millis": BESIDE_CPU_MILLIS,
    "memory_bytes": BESIDE_MEMORY_BYTES,
    "disk_bytes": 64 * 1024**2,
}
KEEPS_AWAY = ("NoSchedule", "NoExecute")
FRESH = timedelta(minutes=30)
WORDS = {"cpu_millis": "cores", "memory_bytes": "memory", "disk_bytes": "disk"}


@dataclass(frozen=True)
class Fit:
    """`room`: for how many such jobs there is room now; None: unknown. `problem`: why it fits nowhere, or ""."""

    room: int | None = None
    problem: str = ""


def capacities(cluster_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What is known of the clusters; what is older than FRESH says nothing about now."""
    fresh = ClusterHealth.objects.filter(cluster__in=cluster_ids, checked_at__gt=Now() - FRESH)
    return dict(fresh.values_list("cluster_id", "capacity"))


def fit_on(cluster: Cluster, profile: Profile, capacity: Mapping[str, Any]) -> Fit:
    """What is known. Where an autoscaler adds nodes, nothing is impossible."""
    nodes = capacity.get("nodes") or []
    if not nodes:
        return Fit()
    problem = "" if cluster.adds_nodes else _problem(profile, nodes, cluster.name)
    return Fit(sum(_room(profile, node) for node in nodes if _is_meant(profile, node)), problem)


def _problem(profile: Profile, nodes: Sequence[Mapping[str, Any]], where: str) -> str:
    meant = [node for node in nodes if _has_labels(profile, node)]
    if not meant:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(profile.node_labels.items()))
        return f"No node of {where} has the labels {labels}."
    meant = [node for node in meant if _is_tolerated(profile, node)]
    if not meant:
        return f"All nodes of {where} that it may use keep jobs away (taints, or cordoned)."
    needs = _needs(profile)
    if any(all(_of(node, name) >= amount for name, amount in needs.items()) for node in meant):
        return ""
    for name, amount in needs.items():
        most = max(_of(node, name) for node in meant)
        if most < amount:
            beside = BESIDE.get(name, 0)
            there = _amount(name, max(most - beside, 0))
            return f"No node of {where} has {_amount(name, amount - beside)} for a script: the largest has {there}."
    return f"No single node of {where} has all of this together."


def _room(profile: Profile, node: Mapping[str, Any]) -> int:
    free = node.get("free") or {}
    counts = [_of(free, name) // amount for name, amount in _needs(profile).items() if amount]
    return max(min(counts, default=0), 0)


def _needs(profile: Profile) -> dict[str, int]:
    """By the names of a node's figures; a GPU by its resource."""
    needs = {name: getattr(profile, name) + beside for name, beside in BESIDE.items()}
    return needs | ({profile.gpu_resource: profile.gpu_count} if profile.gpu_count else {})


def _of(figures: Mapping[str, Any], name: str) -> int:
    return int((figures if name in WORDS else figures.get("gpus") or {}).get(name) or 0)


def _amount(name: str, amount: int) -> str:
    if name == "cpu_millis":
        return f"{amount / 1000:g} cores"
    return f"{readable_bytes(amount)} of {WORDS[name]}" if name in WORDS else f"{amount} {name}"


def _is_meant(profile: Profile, node: Mapping[str, Any]) -> bool:
    return _has_labels(profile, node) and _is_tolerated(profile, node)


def _has_labels(profile: Profile, node: Mapping[str, Any]) -> bool:
    return dict(profile.node_labels).items() <= dict(node.get("labels") or {}).items()


def _is_tolerated(profile: Profile, node: Mapping[str, Any]) -> bool:
    taints = [taint for taint in node.get("taints") or [] if taint.get("effect") in KEEPS_AWAY]
    return all(any(_tolerates(each, taint) for each in profile.tolerations) for taint in taints)


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    """As in manifests.py: no value is any, no effect is all."""
    return (
        toleration.get("key", "") in ("", taint.get("key"))
        and toleration.get("value", "") in ("", taint.get("value", ""))
        and toleration.get("effect", "") in ("", taint.get("effect"))
    )
