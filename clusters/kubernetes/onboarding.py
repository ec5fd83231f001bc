"""What an admin pastes to give the portal its place in a cluster: a namespace, and an account with its rights only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

ACCOUNT = "stellwerk"
TOKEN = "stellwerk-token"  # noqa: S105 (the name of the Secret)
POD_SECURITY_VERSION = "latest"


@dataclass(frozen=True)
class Right:
    """Verbs on a kind of object in the portal's namespace, and what the portal does with them."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str


# The portal reads no secrets, runs nothing in pods, and changes nothing that it did not make.
RIGHTS = (
    Right(
        "batch",
        "jobs",
        ("create", "get", "list", "watch", "patch", "delete"),
        "start, follow, stop, remove jobs",
    ),
    Right("", "pods", ("list", "watch"), "see how the pods of its jobs are"),
    Right("", "secrets", ("create",), "give each job a token of its own"),
    Right("", "configmaps", ("create",), "bring the runner"),
)


def manifests(namespace: str) -> list[dict[str, Any]]:
    """The objects, in the order in which they are made."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    versions = {f"{key}-version": POD_SECURITY_VERSION for key in levels}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
    return [
        {**_head("v1", "Namespace", namespace), "metadata": {"name": namespace, "labels": levels | versions}},
        {**_head("v1", "ServiceAccount", ACCOUNT, namespace), "automountServiceAccountToken": False},
        {**_head("rbac.authorization.k8s.io/v1", "Role", ACCOUNT, namespace), "rules": _rules(RIGHTS)},
        {
            **_head("rbac.authorization.k8s.io/v1", "RoleBinding", ACCOUNT, namespace),
            "roleRef": role,
            "subjects": [subject],
        },
        _token(namespace),
    ]


def paste(namespace: str) -> str:
    """The same as YAML for `kubectl apply -f -`."""
    return "---\n".join(yaml.safe_dump(manifest, sort_keys=False) for manifest in manifests(namespace))


def token_command(namespace: str) -> str:
    """Prints the account's token."""
    return f"kubectl -n {namespace} get secret {TOKEN} -o go-template='{{{{.data.token | base64decode}}}}'"


def _rules(rights: Sequence[Right]) -> list[dict[str, Any]]:
    return [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
        for right in rights
    ]


def _token(namespace: str) -> dict[str, Any]:
    """A token that lasts until the Secret is deleted."""
    head = _head("v1", "Secret", TOKEN, namespace)
    head["metadata"]["annotations"] = {"kubernetes.io/service-account.name": ACCOUNT}
    return {**head, "type": "kubernetes.io/service-account-token"}


def _head(version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
