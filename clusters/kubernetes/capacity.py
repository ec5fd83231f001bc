"""What a cluster has and what of it is free. Pure: nodes and pods as the API server has them in, plain numbers out.

The shape, kept in ClusterHealth.capacity (`free` is None where the pods of other namespaces may not be read):

    {"nodes": [{"name", "is_usable", "cpu_millis", "memory_bytes", "disk_bytes", "gpus": {resource: count},
                "labels": {name: value}, "taints": [{"key", "value", "effect"}], "free": amounts or None}],
     "totals": amounts, "free": amounts or None}

with amounts = {"cpu_millis", "memory_bytes", "disk_bytes", "gpus": {resource: count}}. A node that takes no pods now
(not ready, cordoned) counts in totals and has nothing free.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from clusters.kubernetes.quantities import at_most, quantity, whole

Object = Mapping[str, Any]
Amounts = dict[str, Fraction]
_OVER = ("Succeeded", "Failed")
# Devices that nodes advertise beside Kubernetes' own resources and that compute nothing.
_NO_ACCELERATORS = (
    "kubernetes.io/",
    "vpc.amazonaws.com/",
    "networking.gke.io/",
    "smarter-devices/",
    "devices.kubevirt.io/",
    "intel.com/sriov",
    "openshift.io/",
    "github.com/fuse",
)


def capacity_of(nodes: Iterable[Object], pods: Iterable[Object] | None) -> dict[str, Any]:
    """`pods` of all namespaces, or None where they are not known."""
    taken = None if pods is None else _taken_by_node(pods)
    found = [_node(node, taken) for node in nodes]
    return {
        "nodes": found,
        "totals": _sum(found),
        "free": None if taken is None else _sum([node["free"] for node in found]),
    }


def requests_of(pod: Object) -> Amounts:
    """What the scheduler counts for a pod, by resource (KEP-753): sidecars stay, other init containers come before."""
    spec = pod.get("spec") or {}
    lasting, peak = _empty(), _empty()
    for container in spec.get("initContainers") or []:
        asked = _requests(container)
        if container.get("restartPolicy") == "Always":
            lasting = _plus(lasting, asked)
            asked = {}
        peak = _larger(peak, _plus(lasting, asked))
    for container in spec.get("containers") or []:
        lasting = _plus(lasting, _requests(container))
    # What a pod asks for as a whole counts in place of its containers' sums.
    needed = {**_larger(peak, lasting), **_requests(spec)}
    return _plus(needed, _read(spec.get("overhead") or {}))


def is_usable(node: Object) -> bool:
    """Whether the scheduler may put a pod there: ready, and not cordoned."""
    conditions = (node.get("status") or {}).get("conditions") or []
    is_ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return is_ready and not (node.get("spec") or {}).get("unschedulable")


def is_accelerator(resource: str) -> bool:
    """Whether a node's resource is a GPU or its like, by its name: nvidia.com/gpu, amd.com/gpu, gpu.intel.com/i915."""
    domain = resource.partition("/")[0]
    own = "/" not in resource or domain.endswith(".kubernetes.io")
    return not own and not resource.startswith(_NO_ACCELERATORS)


def _node(node: Object, taken: Mapping[str, Amounts] | None) -> dict[str, Any]:
    name = node["metadata"]["name"]
    has = _read((node.get("status") or {}).get("allocatable") or {})
    usable = is_usable(node)
    free: dict[str, Any] | None = None
    if taken is not None:
        used = taken.get(name, {})
        left = {resource: has[resource] - used.get(resource, 0) for resource in has} if usable else {}
        free = _amounts({resource: max(amount, Fraction(0)) for resource, amount in left.items()})
    return {
        "name": name,
        "is_usable": usable,
        **_amounts(has),
        "labels": dict(node["metadata"].get("labels") or {}),
        "taints": [
            {"key": taint.get("key", ""), "value": taint.get("value", ""), "effect": taint.get("effect", "")}
            for taint in (node.get("spec") or {}).get("taints") or []
        ],
        "free": free,
    }


def _amounts(resources: Amounts) -> dict[str, Any]:
    counts = {name: whole(amount) for name, amount in resources.items() if is_accelerator(name)}
    return {
        "cpu_millis": whole(resources.get("cpu", Fraction(0)) * 1000),
        "memory_bytes": whole(resources.get("memory", Fraction(0))),
        "disk_bytes": whole(resources.get("ephemeral-storage", Fraction(0))),
        "gpus": {name: count for name, count in sorted(counts.items()) if count},
    }


def _sum(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    parts = list(parts)
    gpus: dict[str, int] = defaultdict(int)
    for part in parts:
        for name, count in part["gpus"].items():
            gpus[name] += count
    plain = ("cpu_millis", "memory_bytes", "disk_bytes")
    return {name: sum(part[name] for part in parts) for name in plain} | {"gpus": dict(sorted(gpus.items()))}


def _taken_by_node(pods: Iterable[Object]) -> dict[str, Amounts]:
    taken: dict[str, Amounts] = defaultdict(dict)
    for pod in pods:
        node = (pod.get("spec") or {}).get("nodeName")
        if node and (pod.get("status") or {}).get("phase") not in _OVER:
            asked = requests_of(pod)
            # Rounded up as they will be shown: a tenth of a thousandth of a core is not free.
            cpu = Fraction(at_most(asked.get("cpu", Fraction(0)) * 1000), 1000)
            taken[node] = _plus(taken[node], {**asked, "cpu": cpu})
    return taken


def _requests(of: Object) -> Amounts:
    return _read((of.get("resources") or {}).get("requests") or {})


def _read(resources: Mapping[str, Any]) -> Amounts:
    """What cannot be read counts nothing: one odd object must not hide the rest of a cluster."""
    amounts: Amounts = {}
    for name, text in resources.items():
        try:
            amounts[name] = quantity(text)
        except ValueError:
            continue
    return amounts


def _empty() -> Amounts:
    return {}


def _plus(one: Amounts, other: Amounts) -> Amounts:
    return {name: one.get(name, Fraction(0)) + other.get(name, Fraction(0)) for name in one.keys() | other}


def _larger(one: Amounts, other: Amounts) -> Amounts:
    zero = Fraction(0)
    return {name: max(one.get(name, zero), other.get(name, zero)) for name in one.keys() | other}
