"""What an admin pastes to give the portal its place in a cluster: an account with its rights only, and where it acts.

Three modes (SpaceMode): ONE namespace for all; a namespace for each team PREPARED by the admin; or MADE by the portal.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from clusters.kubernetes import fences
from clusters.kubernetes.admission import fence
from clusters.kubernetes.fences import Space, head
from clusters.kubernetes.names import ACCOUNT, LABEL_ACCOUNT, SPACE_ROLE, TOKEN, cluster_wide
from clusters.kubernetes.rights import MADE, ONE, RBAC, Right, rights, rules

__all__ = [
    "ACCOUNT",
    "TOKEN",
    "Right",
    "manifests",
    "paste",
    "right_yaml",
    "rights",
    "space_manifests",
    "token_command",
]


def paste(namespace: str, mode: str = ONE, *, view: bool = False, spaces: Sequence[Space] = ()) -> str:
    """YAML for `kubectl apply -f -`: the portal's account, and where teams' namespaces are PREPARED, those.

    With `view` also what only shows more: nodes, and which cluster it is (needs a ClusterRole in every mode).
    """
    return as_yaml(manifests(namespace, mode, view=view, spaces=spaces))


def token_command(namespace: str) -> str:
    """Prints the account's token."""
    return f"kubectl -n {namespace} get secret {TOKEN} -o go-template='{{{{.data.token | base64decode}}}}'"


def right_yaml(namespace: str, mode: str, right: Right, account_namespace: str = "") -> str:
    """What gives the portal a right back that it misses in `namespace`: the role that holds it, and its binding.

    `account_namespace` is where the portal's account is, if that is another namespace.
    """
    account = account_namespace or namespace
    if right.scope == "cluster" and not right.is_needed:
        return as_yaml(_view(account, mode))
    return as_yaml(
        _everywhere(account, mode) if right.scope == "cluster" else _within(namespace, mode, account)
    )


def manifests(
    namespace: str, mode: str = ONE, *, view: bool = False, spaces: Sequence[Space] = ()
) -> list[dict[str, Any]]:
    """The objects of `paste`, in the order in which they are made."""
    labels = {LABEL_ACCOUNT: namespace} if mode == MADE else None
    return [
        fences.namespace(namespace, labels),
        {**head("v1", "ServiceAccount", ACCOUNT, namespace), "automountServiceAccountToken": False},
        fences.jobs_account(namespace),
        *_within(namespace, mode, namespace),
        *(_everywhere(namespace, mode) if mode == MADE else []),
        *(fence(namespace) if mode == MADE else []),
        *(_view(namespace, mode) if view else []),
        *(manifest for space in spaces for manifest in space_manifests(space, mode)),
        _token(namespace),
    ]


def space_manifests(space: Space, mode: str) -> list[dict[str, Any]]:
    """A team's namespace that an admin prepares: its fences, and the portal's rights in it."""
    return [
        fences.namespace(space.name, {LABEL_ACCOUNT: space.account_namespace, **space.labels}),
        *_within(space.name, mode, space.account_namespace),
        *fences.fences(space),
    ]


def as_yaml(found: Sequence[dict[str, Any]]) -> str:
    """For kubectl."""
    return "---\n".join(yaml.safe_dump(manifest, sort_keys=False) for manifest in found)


def _within(namespace: str, mode: str, account: str) -> list[dict[str, Any]]:
    """The rights in one namespace. Where the portal makes namespaces it is one role for all of them."""
    held = rules(right for right in rights(mode) if right.scope == "namespace")
    if mode != MADE:
        role = {**head(f"{RBAC}/v1", "Role", ACCOUNT, namespace), "rules": held}
        return [role, fences.role_binding(namespace, account)]
    role = {**head(f"{RBAC}/v1", "ClusterRole", SPACE_ROLE), "rules": held}
    return [role, fences.role_binding(namespace, account, role=SPACE_ROLE, kind="ClusterRole")]


def _everywhere(account: str, mode: str) -> list[dict[str, Any]]:
    held = [right for right in rights(mode) if right.scope == "cluster" and right.is_needed]
    return _cluster_role(cluster_wide(account), held, account)


def _view(account: str, mode: str) -> list[dict[str, Any]]:
    held = [right for right in rights(mode) if right.scope == "cluster" and not right.is_needed]
    return _cluster_role(f"{cluster_wide(account)}-view", held, account)


def _cluster_role(name: str, held: Sequence[Right], account: str) -> list[dict[str, Any]]:
    binding = {
        **head(f"{RBAC}/v1", "ClusterRoleBinding", name),
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [fences.portal_account(account)],
    }
    return [{**head(f"{RBAC}/v1", "ClusterRole", name), "rules": rules(held)}, binding]


def _token(namespace: str) -> dict[str, Any]:
    """A token that lasts until the Secret is deleted."""
    found = head("v1", "Secret", TOKEN, namespace)
    found["metadata"]["annotations"] = {"kubernetes.io/service-account.name": ACCOUNT}
    return {**found, "type": "kubernetes.io/service-account-token"}
