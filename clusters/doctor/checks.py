"""What the API server tells of the cluster: its version, which one it is, its nodes, and the portal's namespace."""

import re
import time
from collections.abc import Iterator
from typing import Any

from clusters.doctor.ground import Ground
from clusters.doctor.lines import Fix, Line, Title
from clusters.doctor.rights import yaml_for
from clusters.kubernetes import onboarding
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.capacity import capacity_of
from clusters.kubernetes.identity import identity_of
from clusters.kubernetes.quantities import quantity
from clusters.models import KubernetesConnection

# Native sidecars are on from here on (KEP-753): `collect` is one.
MINIMUM = (1, 29)
# Kubernetes' own fixes: https://kubernetes.io/releases/patch-releases/
OLDEST_SUPPORTED = (1, 34)
PAGE, MOST_PAGES = 500, 40
RUNNING_PODS = "status.phase!=Succeeded,status.phase!=Failed"
LEVEL_LABEL = "pod-security.kubernetes.io/enforce"
# What a quota may count of a job; GPUs that are forbidden altogether are nobody's trouble.
_PARTS = ("cpu", "memory", "ephemeral-storage")
_FOR_JOBS = ("pods", "secrets", "count/pods", "count/jobs.batch", "count/secrets", "cpu", "memory")
_FOR_JOBS_BY_PART = tuple(f"{kind}.{part}" for kind in ("requests", "limits") for part in _PARTS)
GIB = 1024**3
VERSION, IDENTITY, NODES, NAMESPACE, SECURITY, QUOTA, EVENTS, SPACES = (
    Title("version", "Version"),
    Title("identity", "Identity"),
    Title("nodes", "Nodes"),
    Title("namespace", "Namespace"),
    Title("pod_security", "Pod Security"),
    Title("quota", "Quota of the namespace"),
    Title("events", "Events"),
    Title("spaces", "Teams' namespaces"),
)


def version(ground: Ground) -> Iterator[Line]:
    """Whether it is new enough; measures the latency of one small request as well."""
    begin = time.monotonic()
    found = ground.api.get("/version")
    ground.latency_ms = round((time.monotonic() - begin) * 1000, 1)
    ground.version = str(found.get("gitVersion") or "")
    yield version_line(found)


def version_line(found: dict[str, Any]) -> Line:
    """Pure. Providers write "29+" and "v1.29.3-eks-1234"."""
    name = str(found.get("gitVersion") or "")
    match = re.match(r"v?(\d+)\.(\d+)", name)
    if match is None:
        return VERSION.warned(f"The API server does not tell a version of Kubernetes, but {name!r}.")
    number = (int(match[1]), int(match[2]))
    least, supported = ".".join(map(str, MINIMUM)), ".".join(map(str, OLDEST_SUPPORTED))
    if number < MINIMUM:
        return VERSION.failed(
            f"Kubernetes {name} is too old: {least} or newer is needed, because what brings the output home runs as a "
            "sidecar. Upgrade the cluster."
        )
    if number < OLDEST_SUPPORTED:
        return VERSION.warned(
            f"Kubernetes {name} runs jobs, but the Kubernetes project fixes nothing before {supported} any more. "
            "Upgrade the cluster when you can."
        )
    return VERSION.passed(f"Kubernetes {name}.")


def identity(ground: Ground) -> Iterator[Line]:
    """Which cluster it is. The first time it is written down; another one later fails."""
    uid, known = identity_of(ground.api), ground.row.identity
    if not uid:
        yield IDENTITY.skipped(
            "The portal may not read the namespace kube-system, so it would not notice if another cluster answered at "
            "this address.",
            yaml_for(ground, "namespaces", "get"),
            Fix.YAML if yaml_for(ground, "namespaces", "get") else Fix.NONE,
        )
    elif known and known != uid:
        yield IDENTITY.failed(
            f"Another cluster answers: its kube-system is {uid}, and this one's is {known}. Nothing must run there by "
            "mistake: correct the address, or connect the other cluster as a cluster of its own."
        )
    else:
        if not known:
            KubernetesConnection.objects.filter(pk=ground.row.pk, identity="").update(identity=uid)
        since = "It is the same cluster as before" if known else "The portal will know this cluster again"
        yield IDENTITY.passed(f"{since} (its kube-system is {uid}).")


def nodes(ground: Ground) -> Iterator[Line]:
    """Nodes, and what they have; kept in `ground.capacity`."""
    found = _readable(ground, "/api/v1/nodes")
    if found is None:
        fix = yaml_for(ground, "nodes", "list")
        yield NODES.warned(
            "The portal cannot see the nodes: it cannot say whether a job would fit, nor what is free. Jobs run all "
            "the same.",
            fix,
            Fix.YAML if fix else Fix.NONE,
        )
        return
    pods = _readable(ground, "/api/v1/pods", {"fieldSelector": RUNNING_PODS})
    ground.capacity = capacity_of(found, pods)
    yield nodes_line(ground.capacity, adds_nodes=ground.cluster.adds_nodes)


def nodes_line(capacity: dict[str, Any], *, adds_nodes: bool) -> Line:
    """Pure: how many nodes take pods, what they have, and what of it is free."""
    usable = [node for node in capacity["nodes"] if node["is_usable"]]
    count = len(capacity["nodes"])
    has = f"{_shown(capacity['totals'])} in {count} {'node' if count == 1 else 'nodes'}"
    free = "" if capacity["free"] is None else f"; free: {_shown(capacity['free'])}"
    if not usable and adds_nodes:
        return NODES.warned(f"No node takes pods at the moment ({has}); the autoscaler has to add one first.")
    if not usable:
        return NODES.failed(
            f"No node takes pods: {count} known, none of them ready and open. Jobs would wait for ever.",
            "kubectl get nodes",
            Fix.COMMAND,
        )
    if len(usable) < count:
        shut = ", ".join(node["name"] for node in capacity["nodes"] if not node["is_usable"])[:300]
        return NODES.warned(f"{has}{free}. Not ready or cordoned: {shut}.", "kubectl get nodes", Fix.COMMAND)
    return NODES.passed(f"{has}{free}.")


def namespace(ground: Ground) -> Iterator[Line]:
    """That it exists, and which Pod Security level it enforces."""
    name = ground.row.namespace
    try:
        found = ground.api.get(f"/api/v1/namespaces/{name}")
    except ApiRefused as refused:
        if refused.status not in (403, 404):
            raise
        yield from _without_namespace(ground, refused)
        return
    if (found.get("status") or {}).get("phase") == "Terminating":
        yield NAMESPACE.failed(
            f"The namespace {name} is being deleted. Make it anew with the YAML.", _paste(ground), Fix.YAML
        )
    else:
        yield NAMESPACE.passed(f"The namespace {name} is there.")
    yield security_line(name, (found.get("metadata") or {}).get("labels") or {})


def security_line(name: str, labels: dict[str, str]) -> Line:
    """Pure."""
    level = labels.get(LEVEL_LABEL, "")
    if level == "restricted":
        return SECURITY.passed(
            f"The namespace {name} takes only pods of the level restricted; all of ours are."
        )
    now = f"enforces only the level {level}" if level else "enforces no level"
    return SECURITY.warned(
        f"The namespace {name} {now}. Our pods keep to restricted by themselves; the cluster should insist on it.",
        f"kubectl label --overwrite namespace {name} {LEVEL_LABEL}=restricted",
        Fix.COMMAND,
    )


def quota(ground: Ground) -> Iterator[Line]:
    """Whether the namespace's own quota leaves room."""
    path = f"/api/v1/namespaces/{ground.row.namespace}/resourcequotas"
    found = _readable(ground, path)
    if found is None:
        yield QUOTA.skipped(
            "The portal may not read quotas here, and needs not: a refusal would be shown at the job."
        )
    else:
        yield quota_line(ground.row.namespace, found)


def quota_line(name: str, found: list[dict[str, Any]]) -> Line:
    """Pure: what is used up is named."""
    if not found:
        return QUOTA.passed(f"The namespace {name} has no quota of its own.")
    full = []
    for each in found:
        status = each.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        full += [
            f"{resource} ({used.get(resource, '0')} of {limit})"
            for resource, limit in hard.items()
            if resource in (*_FOR_JOBS, *_FOR_JOBS_BY_PART) and _is_used_up(used.get(resource, "0"), limit)
        ]
    if full:
        return QUOTA.warned(
            f"The quota of the namespace {name} is used up: {', '.join(full)}. New jobs wait until others end; raise "
            "it where it is too small.",
            f"kubectl -n {name} describe resourcequota",
            Fix.COMMAND,
        )
    return QUOTA.passed(f"The quota of the namespace {name} leaves room.")


def events(ground: Ground) -> Iterator[Line]:
    """Really reads one: they tell why a pod does not start."""
    name = ground.row.namespace
    try:
        ground.api.get(f"/api/v1/namespaces/{name}/events", {"limit": 1})
    except ApiRefused as refused:
        if refused.status != 403:
            raise
        fix = yaml_for(ground, "events", "list")
        yield EVENTS.warned(
            f"The portal cannot read the events of {name}: it knows less about why a pod does not start.",
            fix,
            Fix.YAML if fix else Fix.NONE,
        )
        return
    yield EVENTS.passed(f"The events of {name} can be read.")


def spaces(ground: Ground) -> Iterator[Line]:
    """The teams' namespaces as their own checks left them; nothing to say where all teams share one."""
    if not ground.spaces:
        return
    troubles = [
        f"{each.namespace}: {each.trouble}" for each in ground.spaces if not each.is_ready and each.trouble
    ]
    if troubles:
        yield SPACES.failed(f"Not ready for jobs: {' '.join(troubles)[:2000]}")
    else:
        yield SPACES.passed(f"{len(ground.spaces)} known, none with trouble.")


def _without_namespace(ground: Ground, refused: ApiRefused) -> Iterator[Line]:
    name = ground.row.namespace
    if refused.status == 404:
        yield NAMESPACE.failed(
            f"The namespace {name} does not exist. Make it, with the portal's account in it, by the YAML.",
            _paste(ground),
            Fix.YAML,
        )
        yield SECURITY.skipped("Not looked at: there is no namespace.")
        return
    fix = yaml_for(ground, "namespaces", "get")
    yield NAMESPACE.skipped(
        f"The portal may not look at the namespace {name}; the test pod shows whether it is there."
    )
    yield SECURITY.skipped(
        f"The portal may not read which Pod Security level {name} enforces; our pods keep to restricted.",
        fix,
        Fix.YAML if fix else Fix.NONE,
    )


def _paste(ground: Ground) -> str:
    return onboarding.paste(ground.row.namespace, ground.row.space_mode)


def _readable(
    ground: Ground, path: str, query: dict[str, str | int] | None = None
) -> list[dict[str, Any]] | None:
    """All objects of a list, page by page; None where it may not be read, or is too long for a check."""
    items: list[dict[str, Any]] = []
    asked: dict[str, str | int] = {**(query or {}), "limit": PAGE}
    for _ in range(MOST_PAGES):
        ground.check_time()
        try:
            answer = ground.api.get(path, asked)
        except ApiRefused as refused:
            if refused.status == 403:
                return None
            raise
        items += answer.get("items") or []
        token = (answer.get("metadata") or {}).get("continue")
        if not token:
            return items
        asked["continue"] = token
    return None


def _is_used_up(used: str, limit: str) -> bool:
    try:
        return quantity(used) >= quantity(limit)
    except ValueError:
        return False


def _shown(amounts: dict[str, Any]) -> str:
    gpus = [f"{count} × {name}" for name, count in amounts["gpus"].items()]
    return ", ".join(
        [f"{amounts['cpu_millis'] / 1000:g} CPU", f"{amounts['memory_bytes'] / GIB:.1f} GiB of memory", *gpus]
    )
