"""The names and amounts that belong to a reason, ready to be read. Pure.

They come from the cluster's words (clusters/kubernetes/words.py), what the job asked for, and what the last check
found the nodes to have (ClusterHealth.capacity; may be empty).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clusters.causes import End, Wait
from clusters.kubernetes.words import facts_of
from teams.quota import resources
from teams.wording import readable_bytes

Facts = dict[str, Any]
_NOUNS = {"cpu": "CPU", "memory": "memory", "disk": "disk space"}
# Of several kinds the first tells most: what can be changed in a profile before what only an admin can.
_ORDER = ("resource", "label", "taint", "cordoned", "pods", "volume", "other")


@dataclass(frozen=True)
class Asked:
    """What a job asks of a node; units as in its profile."""

    cpu_millis: int
    memory_bytes: int
    disk_bytes: int
    gpu_count: int = 0
    gpu_resource: str = ""
    node_labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, str]] = ()

    def amount(self, resource: str) -> float | None:
        """In cores, bytes or pieces; None for a resource that it does not ask for."""
        known = {"cpu": self.cpu_millis / 1000, "memory": self.memory_bytes, "disk": self.disk_bytes}
        if self.gpu_resource and resource == self.gpu_resource:
            return self.gpu_count
        return known.get(resource)


def facts_for(reason: str, words: str, asked: Asked, capacity: Mapping[str, Any]) -> Facts:
    """For `Situation.facts`; empty for reasons that have none."""
    found = facts_of(reason, words)
    if reason == Wait.UNSCHEDULABLE:
        return _placing(found, asked, capacity)
    if reason in (Wait.QUOTA, Wait.LIMIT_RANGE):
        return _bounded(found)
    if reason == End.DISK_LIMIT and found.get("limit"):
        return {"limit": readable_bytes(found["limit"])}
    if reason == Wait.NODE_SILENT and found:
        return {"node": found["node"], "since": _moment(found["since"])}
    return found


def facts_of_queue(row: Mapping[str, Any]) -> Facts:
    """Of one entry of TeamQueue.blocked (jobs/admission/blocks.py): amounts in words, and who comes first."""
    facts = row.get("facts") or {}
    found: Facts = {"behind": row.get("behind") or ""}
    resource = facts.get("resource", "")
    if resource:
        whose = {"user": "its owner", "cluster": "the team on this cluster"}.get(facts["scope"], "the team")
        found |= {
            "whose": whose,
            "resource": resource,
            "noun": resources.noun(resource),
            "is_never": facts.get("is_never"),
        }
        limit = facts["most"] if facts.get("is_never") else facts["limit"]
        amounts = {"asked": facts["asked"], "used": facts["used"], "limit": limit}
        found |= {name: resources.in_words(resource, amount) for name, amount in amounts.items()}
    return found


def noun(resource: str) -> str:
    """cpu → CPU; an extended resource keeps its name."""
    if resource in _NOUNS:
        return _NOUNS[resource]
    return f"GPUs ({resource})" if "gpu" in resource.lower() else resource


def in_words(resource: str, amount: float) -> str:
    """2.0 of cpu → "2 cores"; bytes as people read them; pieces as they are."""
    if resource == "cpu":
        return f"{amount:.3g} core{'' if amount == 1 else 's'}"
    return readable_bytes(amount) if resource in ("memory", "disk") else f"{amount:g}"


def _placing(found: Facts, asked: Asked, capacity: Mapping[str, Any]) -> Facts:
    blockers: list[Facts] = found.get("blockers") or []
    if not blockers:
        return {"kind": "" if found.get("nodes") else "none"}
    nodes = [node for node in capacity.get("nodes") or [] if _is_open(node, asked)]
    needs = [_need(blocker["what"], asked, nodes) for blocker in blockers if blocker["kind"] == "resource"]
    main = min(blockers, key=lambda blocker: _ORDER.index(blocker["kind"]))
    facts: Facts = {"kind": main["kind"], "nodes": found["nodes"]}
    if main["kind"] == "resource":
        # What can never be had comes before what is only in use.
        never_first = sorted(needs, key=lambda need: not need.get("is_never"))
        facts |= never_first[0]
    if main["kind"] == "label":
        facts["labels"] = ", ".join(f"{name}={value}" for name, value in asked.node_labels.items())
    if main["kind"] == "taint":
        facts["taint"] = main["what"]
    return facts | {"others": _others(main, blockers)}


def _need(resource: str, asked: Asked, nodes: Sequence[Mapping[str, Any]]) -> Facts:
    need: Facts = {"resource": resource, "noun": noun(resource)}
    amount = asked.amount(resource)
    if amount is None:
        return need | {"asked": "some"}
    need["asked"] = in_words(resource, amount)
    if not nodes:
        return need
    largest = max(_has(node, resource) for node in nodes)
    free = max(_has(node.get("free") or {}, resource) for node in nodes)
    need |= {"largest": in_words(resource, largest) if largest else "", "is_never": amount > largest}
    if not need["is_never"] and free < amount:
        need |= {"free": in_words(resource, free), "missing": in_words(resource, amount - free)}
    return need


def _has(node: Mapping[str, Any], resource: str) -> float:
    keys = {"memory": "memory_bytes", "disk": "disk_bytes"}
    if resource == "cpu":
        return float(node.get("cpu_millis") or 0) / 1000
    if resource in keys:
        return float(node.get(keys[resource]) or 0)
    return float((node.get("gpus") or {}).get(resource) or 0)


def _is_open(node: Mapping[str, Any], asked: Asked) -> bool:
    """Whether its labels and taints let the job in."""
    labels = node.get("labels") or {}
    if any(labels.get(name) != value for name, value in asked.node_labels.items()):
        return False
    return all(_is_tolerated(taint, asked.tolerations) for taint in node.get("taints") or [])


def _is_tolerated(taint: Any, tolerations: Sequence[Mapping[str, str]]) -> bool:
    if not isinstance(taint, Mapping) or taint.get("effect") not in ("NoSchedule", "NoExecute"):
        return True
    return any(
        all(each.get(name, "") in ("", taint.get(name) or "") for name in ("key", "value", "effect"))
        for each in tolerations
    )


def _others(main: Facts, blockers: Sequence[Facts]) -> str:
    """What keeps it from the other nodes, as a sentence; "" when there is nothing else."""
    words = {
        "label": "have not the label that it asks for",
        "cordoned": "take no new work",
        "pods": "are full of pods",
    }
    parts = []
    for blocker in blockers:
        if blocker["kind"] in (main["kind"], "resource", "other", "volume"):
            continue
        why = words.get(blocker["kind"]) or f"are kept for other work (taint {blocker['what'] or 'unknown'})"
        count = blocker["nodes"]
        parts.append(f"{count} other node{'' if count == 1 else 's'} {_agree(why) if count == 1 else why}")
    return f"{'; '.join(parts)}." if parts else ""


def _agree(words: str) -> str:
    verb, _, rest = words.partition(" ")
    return f"{ ({'have': 'has', 'take': 'takes', 'are': 'is'}[verb]) } {rest}"


def _bounded(found: Facts) -> Facts:
    if "resource" not in found or found.get("asked") is None or found.get("limit") is None:
        return {}
    resource = found["resource"]
    amounts = {
        name: in_words(resource, found[name])
        for name in ("asked", "used", "limit")
        if found.get(name) is not None
    }
    is_never = found["asked"] > found["limit"]
    return {"resource": resource, "noun": noun(resource), "is_never": is_never, **amounts}


def _moment(text: str) -> str:
    """An ISO time as "14:05 UTC"; as it is where it is none."""
    try:
        return f"{datetime.fromisoformat(text.replace('Z', '+00:00')):%H:%M} UTC"
    except ValueError:
        return ""
