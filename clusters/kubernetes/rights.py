"""What the portal asks for at a cluster: every right that it uses, what for, and where it holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from clusters.kubernetes.names import SPACE_ROLE

# As clusters.models.SpaceMode has them; this room knows no models.
ONE, PREPARED, MADE = "one", "prepared", "made"
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Right:
    """Verbs on a kind of object, and what the portal does with them.

    `scope` "namespace": in the portal's namespace and in each namespace with jobs; "cluster": everywhere. `names`
    limits it to objects of these names. Without one that is not `is_needed` everything runs; less is shown, or it costs
    the cluster more.
    `resource` may name a part: "pods/log".
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str
    scope: Literal["namespace", "cluster"] = "namespace"
    names: tuple[str, ...] = ()
    is_needed: bool = True


# The portal reads no secrets, runs nothing in pods, and changes nothing that it did not make.
JOBS = (
    Right(
        "batch",
        "jobs",
        ("create", "get", "list", "watch", "patch", "delete"),
        "start, follow, stop and remove jobs",
    ),
    Right("batch", "jobs", ("deletecollection",), "remove many ended jobs with one request", is_needed=False),
    Right("", "pods", ("list", "watch"), "see how the pods of its jobs are"),
    Right("", "pods", ("delete",), "end pods whose Job somebody deleted without them"),
    Right("", "pods/log", ("get",), "test that logs can be read"),
    Right("", "events", ("list",), "show what Kubernetes says about a job"),
    Right("", "secrets", ("create",), "give each job a token of its own"),
    Right("", "configmaps", ("create",), "bring the runner"),
    Right("", "namespaces", ("get",), "read the namespace's Pod Security level"),
)
_FENCES = (
    ("", "resourcequotas", "what a team may use"),
    ("", "limitranges", "what a container gets that asks for nothing"),
    ("", "serviceaccounts", "the jobs' account, which has no rights"),
    ("networking.k8s.io", "networkpolicies", "what jobs can reach"),
)
_CHECKED = tuple(Right(group, kind, ("list",), f"check {what}") for group, kind, what in _FENCES)
_SETTLED = tuple(
    Right(group, kind, ("get", "create", "patch"), f"settle {what}") for group, kind, what in _FENCES
)
_EVERYWHERE = (
    Right("", "namespaces", ("get", "create", "patch"), "make the teams' namespaces", "cluster"),
    Right("batch", "jobs", ("list", "watch"), "follow the jobs of all teams at once", "cluster"),
    Right("", "pods", ("list", "watch"), "follow their pods", "cluster"),
    Right(
        RBAC, "rolebindings", ("get", "create", "patch"), "take its rights in a team's namespace", "cluster"
    ),
    Right(
        RBAC, "clusterroles", ("bind",), "give itself these rights and no others", "cluster", (SPACE_ROLE,)
    ),
)
# A cluster's admin may say no to these.
_NODES = Right("", "nodes", ("list",), "show the nodes' sizes and GPUs", "cluster", is_needed=False)
_VIEW = (
    _NODES,
    Right("", "pods", ("list",), "count what is free on the nodes", "cluster", is_needed=False),
    Right(
        "",
        "namespaces",
        ("get",),
        "know the cluster again by its kube-system",
        "cluster",
        ("kube-system",),
        is_needed=False,
    ),
)
_BY_MODE = {
    ONE: JOBS + _VIEW,
    PREPARED: JOBS + _CHECKED + _VIEW,
    MADE: JOBS + _SETTLED + _EVERYWHERE + (_NODES,),
}


def rights(mode: str) -> tuple[Right, ...]:
    """All of them in a mode (SpaceMode), those that everything depends on before those that only show more."""
    return _BY_MODE[mode]


def rules(asked: Iterable[Right]) -> list[dict[str, Any]]:
    """As rules of a Role or ClusterRole, one for each right."""
    return [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
        | ({"resourceNames": list(right.names)} if right.names else {})
        for right in asked
    ]
