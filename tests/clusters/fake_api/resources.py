"""The kinds that the fake API server knows, and how their paths are read."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """`plural` as in paths; objects of `group`/v1."""

    plural: str
    kind: str
    group: str = ""
    is_namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def full_name(self) -> str:
        """As in sentences: jobs.batch."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


RBAC = "rbac.authorization.k8s.io"
RESOURCES = {
    each.plural: each
    for each in (
        Resource("namespaces", "Namespace", is_namespaced=False),
        Resource("nodes", "Node", is_namespaced=False),
        Resource("pods", "Pod"),
        Resource("secrets", "Secret"),
        Resource("configmaps", "ConfigMap"),
        Resource("serviceaccounts", "ServiceAccount"),
        Resource("events", "Event"),
        Resource("resourcequotas", "ResourceQuota"),
        Resource("limitranges", "LimitRange"),
        Resource("jobs", "Job", "batch"),
        Resource("roles", "Role", RBAC),
        Resource("rolebindings", "RoleBinding", RBAC),
        Resource("clusterroles", "ClusterRole", RBAC, is_namespaced=False),
        Resource("clusterrolebindings", "ClusterRoleBinding", RBAC, is_namespaced=False),
        Resource("networkpolicies", "NetworkPolicy", "networking.k8s.io"),
    )
}
REVIEWS = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/v1"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<subresource>[^/]+))?)?"
)


@dataclass(frozen=True)
class Place:
    """What a path names. `namespace` is "" for all of them."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


def place_of(path: str) -> Place | None:
    """None for a path that names nothing we know."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    # A namespace's own subresource looks like a kind in a namespace.
    resource = RESOURCES.get(match["plural"])
    if resource is None or resource.group != (match["group"] or ""):
        return None
    return Place(resource, match["namespace"] or "", match["name"] or "", match["subresource"] or "")
