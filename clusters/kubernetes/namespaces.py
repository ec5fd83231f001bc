"""A team's namespace, made by the portal and kept as it should be: what is missing is made, what drifted is mended."""

import time
from collections.abc import Mapping
from typing import Any

from clusters.driver import LABEL_INSTALLATION, LABEL_TEAM, ClusterRefused
from clusters.kubernetes import fences
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.calls import Object, in_our_words, unless_missing, unless_there
from clusters.kubernetes.fences import Space
from clusters.kubernetes.names import LABEL_ACCOUNT, SPACE_ROLE
from clusters.kubernetes.quantities import number
from clusters.kubernetes.rights import RBAC

# A right that was given a moment ago is not known to every API server yet.
RIGHTS_SECONDS, RIGHTS_PAUSE = 5.0, 0.2
_COLLECTIONS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "LimitRange": "/api/v1/namespaces/{}/limitranges",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "RoleBinding": f"/apis/{RBAC}/v1/namespaces/{{}}/rolebindings",
}


class NotOurs(ClusterRefused):
    """A namespace of that name exists, and it is somebody else's: it was left alone."""


def own_labels(installation: str, team_id: int, account_namespace: str) -> dict[str, str]:
    """By which a team's namespace is known to be ours, and to the cluster as one where the portal may act."""
    return {
        LABEL_INSTALLATION: installation,
        LABEL_TEAM: str(team_id),
        LABEL_ACCOUNT: account_namespace,
    }


def settle(api: Api, space: Space) -> list[str]:
    """Make or mend all of it; what had to be done, in words. `space.labels` are `own_labels`.

    Raises NotOurs, other DriverErrors.
    """
    with in_our_words(f"the namespace {space.name}"):
        done = _settle_namespace(api, space)
        binding = fences.role_binding(
            space.name, space.account_namespace, role=SPACE_ROLE, kind="ClusterRole"
        )
        done += _settle(api, binding)
        deadline = time.monotonic() + RIGHTS_SECONDS
        for manifest in fences.fences(space):
            done += _settle_with_patience(api, manifest, deadline)
    return done


def bring_jobs_account(api: Api, namespace: str) -> None:
    """Make the account as which jobs run, where an admin gave a namespace that was not made for the portal.

    Raises ApiRefused: 404 without the namespace; 403 where the portal may not make it, whether or not it is there.
    """
    manifest = fences.jobs_account(namespace)
    unless_there(lambda: api.post(collection_of(manifest), manifest))


def is_ours(namespace: Mapping[str, Any], space: Space) -> bool:
    """Whether it was made by this installation for this team."""
    labels = namespace["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in space.labels.items())


def collection_of(manifest: Object) -> str:
    """The path under which such an object is made."""
    return _COLLECTIONS[manifest["kind"]].format(manifest["metadata"]["namespace"])


def _settle_namespace(api: Api, space: Space) -> list[str]:
    path = f"/api/v1/namespaces/{space.name}"
    wanted = fences.namespace(space.name, space.labels)
    found = unless_missing(lambda: api.get(path))
    if found is None:
        try:
            api.post("/api/v1/namespaces", wanted)
        except ApiRefused as refused:
            if refused.reason != "AlreadyExists":
                raise
            found = api.get(path)
        else:
            return [f"made the namespace {space.name}"]
    if not is_ours(found, space):
        raise NotOurs(
            f"There is a namespace {space.name} already, and it is not this portal's. Rename or remove it, or prepare"
            " the teams' namespaces by hand."
        )
    if (found.get("status") or {}).get("phase") == "Terminating":
        raise ClusterRefused(
            f"The namespace {space.name} is being deleted. It is made again when it is gone."
        )
    labels = found["metadata"].get("labels") or {}
    drift = {name: value for name, value in wanted["metadata"]["labels"].items() if labels.get(name) != value}
    if not drift:
        return []
    api.patch(path, {"metadata": {"labels": drift}})
    return [f"put back {', '.join(sorted(drift))}"]


def _settle_with_patience(api: Api, manifest: Object, deadline: float) -> list[str]:
    while True:
        try:
            return _settle(api, manifest)
        except ApiRefused as refused:
            if refused.status != 403 or time.monotonic() > deadline:
                raise
        time.sleep(RIGHTS_PAUSE)


def _settle(api: Api, manifest: Object) -> list[str]:
    """One object of the namespace: made, or what is ours in it put back."""
    name, kind = manifest["metadata"]["name"], manifest["kind"]
    collection = collection_of(manifest)
    found = unless_missing(lambda: api.get(f"{collection}/{name}"))
    if found is None:
        api.post(collection, manifest)
        return [f"made the {kind} {name}"]
    wanted = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")}
    drift = {key: value for key, value in wanted.items() if not is_same(value, found.get(key))}
    if not drift:
        return []
    if "spec" in drift:
        # A merge patch keeps what it does not name: what somebody added has to be named to go.
        drift["spec"] = _replaced(found.get("spec") or {}, drift["spec"])
    api.patch(f"{collection}/{name}", drift)
    return [f"mended the {kind} {name}"]


def is_same(wanted: Any, found: Any) -> bool:
    """Equal as Kubernetes sees it: amounts by their value, and what is empty may be left out."""
    if isinstance(wanted, Mapping):
        found = found or {}
        return isinstance(found, Mapping) and all(
            is_same(wanted.get(key), found.get(key)) for key in wanted.keys() | found.keys()
        )
    if isinstance(wanted, list):
        found = found or []
        return len(wanted) == len(found) and all(map(is_same, wanted, found))
    if wanted is None or found is None:
        return (found if wanted is None else wanted) in (None, "", [], {})
    if isinstance(wanted, str) and isinstance(found, str):
        amounts = number(wanted), number(found)
        return wanted == found or (amounts[0] is not None and amounts[0] == amounts[1])
    return bool(wanted == found)


def _replaced(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that makes `found` into `wanted`."""
    patch: dict[str, Any] = dict.fromkeys(found.keys() - wanted.keys())
    for key, value in wanted.items():
        is_map = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        patch[key] = _replaced(found[key], value) if is_map else value
    return patch
