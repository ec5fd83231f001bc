"""A team's namespace as Kubernetes objects: what keeps its jobs from others and others from it. Pure."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from clusters.kubernetes.names import ACCOUNT, FENCE, JOBS_ACCOUNT
from clusters.kubernetes.rights import RBAC

# Pinned: a newer Kubernetes may not refuse tomorrow what runs today. An older one takes its own newest.
POD_SECURITY = "restricted"
POD_SECURITY_VERSION = "v1.30"
# fetch and collect beside the script (manifests.py): what a ResourceQuota counts besides the script's own.
BESIDE_CPU_MILLIS, BESIDE_MEMORY_BYTES = 10, 64 * 1024**2
MOST_PODS = 200
# Cloud metadata is there, and nothing that a job needs.
LINK_LOCAL = {4: "169.254.0.0/16", 6: "fe80::/10"}


@dataclass(frozen=True)
class Reach:
    """Besides DNS, jobs may connect to the portal and to `others` ("10.1.0.0/16", "10.1.2.3:5432", "[fd00::1]:443")."""

    portal_url: str = ""
    others: Sequence[str] = ()


@dataclass(frozen=True)
class Space:
    """A team's namespace. `account_namespace` is where the portal's account is.

    `quota` is what teams/quota/fence.py makes of the ledger's limits: {"cpu_millis", "memory_bytes", "pods",
    "gpus": {resource: count}}; what is missing has no limit. `labels` are the namespace's own.
    """

    name: str
    account_namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    quota: Mapping[str, Any] = field(default_factory=dict)
    reach: Reach = field(default_factory=Reach)


def head(version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    """The beginning of an object."""
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def namespace(name: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """With the Pod Security level that all its pods have to keep."""
    found = head("v1", "Namespace", name)
    found["metadata"]["labels"] = pod_security_labels() | dict(labels or {})
    return found


def pod_security_labels() -> dict[str, str]:
    """On every namespace with jobs."""
    levels = {f"pod-security.kubernetes.io/{mode}": POD_SECURITY for mode in ("enforce", "warn")}
    return levels | {f"{key}-version": POD_SECURITY_VERSION for key in levels}


def fences(space: Space) -> list[dict[str, Any]]:
    """What has to be in the namespace before the first job: no account's rights, and all limits."""
    return [jobs_account(space.name), resource_quota(space), limit_range(space.name), network_policy(space)]


def jobs_account(name: str) -> dict[str, Any]:
    """What the jobs' pods are to the cluster: an account that nobody has given a right."""
    return {**head("v1", "ServiceAccount", JOBS_ACCOUNT, name), "automountServiceAccountToken": False}


def resource_quota(space: Space) -> dict[str, Any]:
    """The team's numbers at the cluster, and nothing that no job needs. What runs beside the scripts is on top."""
    quota = space.quota
    pods = int(quota.get("pods", MOST_PODS))
    hard = {"pods": str(pods), "services": "0", "persistentvolumeclaims": "0"}
    if "cpu_millis" in quota:
        hard["requests.cpu"] = f"{int(quota['cpu_millis']) + pods * BESIDE_CPU_MILLIS}m"
    if "memory_bytes" in quota:
        hard["requests.memory"] = str(int(quota["memory_bytes"]) + pods * BESIDE_MEMORY_BYTES)
    for resource, count in sorted((quota.get("gpus") or {}).items()):
        hard[f"requests.{resource}"] = str(int(count))
    return {**head("v1", "ResourceQuota", FENCE, space.name), "spec": {"hard": hard}}


def limit_range(name: str) -> dict[str, Any]:
    """For a container that asks for nothing; ours always ask."""
    little = {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "1Gi"}
    least = {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "64Mi"}
    limits = [{"type": "Container", "default": little, "defaultRequest": least}]
    return {**head("v1", "LimitRange", FENCE, name), "spec": {"limits": limits}}


def network_policy(space: Space) -> dict[str, Any]:
    """Nobody connects to a job; a job connects to DNS, to the portal and to what an admin lists."""
    dns = {"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}
    portal = [_to_portal(space.reach.portal_url)] if space.reach.portal_url else []
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [dns, *portal, *(_to(other) for other in space.reach.others)],
    }
    return {**head("networking.k8s.io/v1", "NetworkPolicy", FENCE, space.name), "spec": spec}


def role_binding(
    name: str, account_namespace: str, *, role: str = ACCOUNT, kind: str = "Role"
) -> dict[str, Any]:
    """The portal's account has the role in namespace `name`."""
    return {
        **head(f"{RBAC}/v1", "RoleBinding", ACCOUNT, name),
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [portal_account(account_namespace)],
    }


def portal_account(account_namespace: str) -> dict[str, str]:
    """As the subject of a binding."""
    return {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": account_namespace}


def check_reach(text: str) -> str:
    """One of Reach.others as it is written. Raises ValueError with a sentence."""
    try:
        _to(text)
    except ValueError as error:
        raise ValueError(
            f"“{text}” is no network address such as 10.1.0.0/16 or 10.1.2.3:5432 ({error})."
        ) from error
    return text


def _to_portal(url: str) -> dict[str, Any]:
    """NetworkPolicies know addresses and no names: a portal with a name is reached at its port, wherever it is."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        block = _block(str(ipaddress.ip_network(parts.hostname or "")))
    except ValueError:
        return {
            "ports": [{"protocol": "TCP", "port": port}],
            "to": [_block("0.0.0.0/0"), _block("::/0"), {"namespaceSelector": {}}],
        }
    return {"ports": [{"protocol": "TCP", "port": port}], "to": [block]}


def _to(text: str) -> dict[str, Any]:
    """A network, or an address with a port."""
    if "/" in text:
        return {"to": [_block(str(ipaddress.ip_network(text)))]}
    parts = urlsplit(f"//{text}")
    found: dict[str, Any] = {"to": [_block(str(ipaddress.ip_network(parts.hostname or "")))]}
    return found | ({"ports": [{"protocol": "TCP", "port": parts.port}]} if parts.port else {})


def _block(network: str) -> dict[str, Any]:
    """A network, without the link-local addresses where it holds them."""
    outer = ipaddress.ip_network(network)
    local = ipaddress.ip_network(LINK_LOCAL[outer.version])
    is_within = outer.supernet_of(local)  # type: ignore[arg-type]
    return {"ipBlock": {"cidr": str(outer)} | ({"except": [str(local)]} if is_within else {})}
