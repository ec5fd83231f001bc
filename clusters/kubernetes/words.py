"""What Kubernetes says in prose, taken apart: the numbers and names in messages. Pure.

The forms are those of kube-scheduler (pkg/scheduler/framework/types.go, FitError), the quota admission plugin
(staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go) and the kubelet's eviction manager
(pkg/kubelet/eviction/helpers.go); tests/clusters/test_words.py holds messages of real clusters and where they are from.
A message of another form gives fewer facts, never an error.
"""

import re
from collections.abc import Callable
from typing import Any

from clusters.causes import End, Wait
from clusters.kubernetes.quantities import number

Facts = dict[str, Any]
# "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {gpu: a100}. preemption: …"
_NODES = re.compile(r"0/(\d+) nodes are available")
_REASON = re.compile(r"(\d+) (.+)")
_TAINT = re.compile(r"taint(?:\(s\))? \{(.*)\}")
_RESOURCES = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "disk"}
_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>\S+), requested: (?P<asked>\S+), used: (?P<used>\S+), limited: (?P<limit>\S+)"
)
_RANGE = re.compile(
    r"(maximum|minimum) (\S+) usage per (\w+) is (\S+?), but (?:limit|request) is (\S+?)[.,\]]"
)
_EVICTION_LIMITS = (
    re.compile(r'exceeds the limit "([^"]+)"'),
    re.compile(r"exceeds the total limit of containers (\S+?)\.?(?:\s|$)"),
    re.compile(r'exceeded its local ephemeral storage limit "([^"]+)"'),
)
_PRESSURE = re.compile(r"low on resource: ([\w.-]+?)\.(?:\s|$)|had condition: \[([^\]]*)\]")
_SILENT = re.compile(r"Node (?P<node>\S+) does not answer since (?P<since>\S+?)\.?$")
_MISSING = re.compile(r'(?i)\b(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found')
_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>\w+) (?:\S+/)?(?P<name>\S+)")
_PULL_SECRETS = re.compile(r"image pull secrets \(([^)]*)\)")


def facts_of(reason: str, message: str) -> Facts:
    """What the message tells in numbers and names; the keys belong to the reason (see the functions here)."""
    reader = _READERS.get(reason)
    return reader(message) if reader else {}


def scheduling(message: str) -> Facts:
    """`nodes`: how many there are; `blockers`: what keeps it from them, each {"kind", "what", "nodes"}.

    Kinds: resource (cpu, memory, disk, or an extended resource's name), taint, label, cordoned, pods, volume, other.
    """
    found = _NODES.search(message)
    said = message.partition("nodes are available:")[2].partition("preemption:")[0]
    parts = re.split(r"\.(?:\s|$)", said.strip())[0]
    blockers = [blocker for part in parts.split(", ") if (blocker := _blocker(part.strip()))]
    return {"nodes": int(found[1]) if found else 0, "blockers": blockers}


def _blocker(part: str) -> Facts | None:
    found = _REASON.fullmatch(part)
    if not found:
        return None
    nodes, why = int(found[1]), found[2]
    if why.startswith("Insufficient "):
        resource = why.removeprefix("Insufficient ")
        return {"kind": "resource", "what": _RESOURCES.get(resource, resource), "nodes": nodes}
    if "taint" in why:
        taint = _TAINT.search(why)
        return {"kind": "taint", "what": _label(taint[1]) if taint else "", "nodes": nodes}
    kinds = {
        "affinity/selector": "label",
        "unschedulable": "cordoned",
        "Too many pods": "pods",
        "volume": "volume",
    }
    kind = next((kind for words, kind in kinds.items() if words in why), "other")
    return {"kind": kind, "what": why if kind == "other" else "", "nodes": nodes}


def _label(taint: str) -> str:
    """ "gpu: a100" → "gpu=a100"; "gpu: " → "gpu"."""
    key, _, value = taint.partition(":")
    return f"{key.strip()}={value.strip()}" if value.strip() else key.strip()


def quota(message: str) -> Facts:
    """The first resource that is used up: `resource`, `asked`, `used`, `limit` (numbers), and the `quota`'s name."""
    found = _QUOTA.search(message)
    if not found:
        return {}
    asked, used, limit = (_amounts(found[name]) for name in ("asked", "used", "limit"))
    for name, amount in asked.items():
        if amount + used.get(name, 0.0) > limit.get(name, float("inf")):
            return {
                "quota": found["quota"],
                "resource": _bare(name),
                "asked": amount,
                "used": used.get(name, 0.0),
                "limit": limit[name],
            }
    return {"quota": found["quota"]}


def _amounts(text: str) -> dict[str, float]:
    pairs = (pair.rpartition("=") for pair in text.rstrip(".,").split(","))
    return {name: amount for name, _, value in pairs if (amount := number(value)) is not None}


def _bare(name: str) -> str:
    """ "limits.memory" → "memory"; "count/jobs.batch" → "jobs"."""
    name = name.removeprefix("limits.").removeprefix("requests.")
    if name.startswith("count/"):
        return name.removeprefix("count/").partition(".")[0]
    return _RESOURCES.get(name, name)


def limit_range(message: str) -> Facts:
    """`resource`, `limit` and `asked` (numbers) of the first bound that is broken."""
    found = _RANGE.search(message)
    if not found:
        return {}
    return {"resource": _bare(found[2]), "limit": number(found[4]), "asked": number(found[5])}


def disk_limit(message: str) -> Facts:
    """`limit` in bytes."""
    for form in _EVICTION_LIMITS:
        if found := form.search(message):
            return {"limit": number(found[1])}
    return {}


def pressure(message: str) -> Facts:
    """`resource` the node was short of."""
    found = _PRESSURE.search(message)
    if not found:
        return {}
    name = found[1] or found[2]
    known = {
        "MemoryPressure": "memory",
        "DiskPressure": "disk",
        "PIDPressure": "process ids",
        "pids": "process ids",
    }
    return {"resource": known.get(name) or _RESOURCES.get(name, name)}


def silent_node(message: str) -> Facts:
    """`node` and `since` (ISO 8601)."""
    found = _SILENT.search(message)
    return dict(found.groupdict()) if found else {}


def missing_object(message: str) -> Facts:
    """`kind` (secret or configmap) and `name`, perhaps the `key` of it."""
    found = _MISSING.search(message) or _KEY.search(message)
    if not found:
        return {}
    return {**found.groupdict(), "kind": found["kind"].lower()}


def pull_secret(message: str) -> Facts:
    """`name` of the Secret."""
    found = _PULL_SECRETS.search(message)
    return {"name": found[1]} if found else {}


_READERS: dict[str, Callable[[str], Facts]] = {
    Wait.UNSCHEDULABLE: scheduling,
    Wait.QUOTA: quota,
    Wait.LIMIT_RANGE: limit_range,
    Wait.NODE_SILENT: silent_node,
    Wait.CONFIG_MISSING: missing_object,
    Wait.PULL_SECRET_MISSING: pull_secret,
    End.DISK_LIMIT: disk_limit,
    End.EVICTED: pressure,
}
