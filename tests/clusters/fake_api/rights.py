"""Who may do what: an admin everything, an account what its roles say; a test can take single rights away."""

from typing import Any

from tests.clusters.fake_api.store import Object, Store

ADMIN = "admin"


class Rights:
    """`denied` holds (verb, resource) that nobody but the admin has, whatever roles say."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.denied: set[tuple[str, str]] = set()

    def allows(self, user: str, verb: str, group: str, resource: str, namespace: str, name: str = "") -> bool:
        """`resource` may have a subresource: pods/log."""
        if user == ADMIN:
            return True
        if (verb, resource) in self.denied:
            return False
        return any(_covers(rule, verb, group, resource, name) for rule in self.rules(user, namespace))

    def rules(self, user: str, namespace: str) -> list[Object]:
        """Of the roles that are bound to the user, in the namespace and everywhere."""
        found = []
        bindings = [(each, "") for each in self.store.all("clusterrolebindings")]
        if namespace:
            bindings += [(each, namespace) for each in self.store.all("rolebindings", namespace)]
        for binding, place in bindings:
            if any(_is_user(subject, user) for subject in binding.get("subjects") or []):
                kind = "roles" if binding["roleRef"]["kind"] == "Role" else "clusterroles"
                at = place if kind == "roles" else ""
                role = self.store.objects.get((kind, at, binding["roleRef"]["name"]))
                found += (role or {}).get("rules") or []
        return found

    def review(self, user: str, spec: Object) -> dict[str, Any]:
        """The status of a SelfSubjectAccessReview."""
        asked = spec.get("resourceAttributes") or {}
        resource = "/".join(part for part in (asked.get("resource"), asked.get("subresource")) if part)
        is_allowed = self.allows(
            user,
            asked.get("verb", ""),
            asked.get("group", ""),
            resource,
            asked.get("namespace", ""),
            asked.get("name", ""),
        )
        return {"allowed": is_allowed}

    def rules_review(self, user: str, namespace: str) -> dict[str, Any]:
        """The status of a SelfSubjectRulesReview."""
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        rules = [everything] if user == ADMIN else self.rules(user, namespace)
        return {"incomplete": False, "nonResourceRules": [], "resourceRules": rules}


def _covers(rule: Object, verb: str, group: str, resource: str, name: str) -> bool:
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("verbs"), verb)
        and _has(rule.get("apiGroups"), group)
        and _has(rule.get("resources"), resource)
        and (not names or name in names)
    )


def _has(listed: list[str] | None, wanted: str) -> bool:
    return wanted in (listed or []) or "*" in (listed or [])


def _is_user(subject: Object, user: str) -> bool:
    if subject.get("kind") == "ServiceAccount":
        return user == f"system:serviceaccount:{subject.get('namespace')}:{subject['name']}"
    return user == subject.get("name")
