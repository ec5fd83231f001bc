"""An API server's objects in a dict, behind the methods of clusters.kubernetes.api.Api: for rules, not for HTTP.

tests/kubernetes/test_team_namespaces.py shows the same on a real one.
"""

import itertools

from clusters.driver import ClusterUnreachable
from clusters.kubernetes.api import ApiRefused

COLLECTIONS = {
    *("pods", "jobs", "secrets", "configmaps", "namespaces", "serviceaccounts"),
    *("resourcequotas", "limitranges", "networkpolicies", "rolebindings"),
}


class ObjectStore:
    """`objects` by path. `refuse[(verb, part of a path)]` is raised while it is there; `calls` are those made."""

    def __init__(self):
        self.objects = {}
        self.calls = []
        self.refuse = {}
        self.rules = []
        self._uids = itertools.count(1)

    def get(self, path, query=None):
        self._called("get", path)
        if path in self.objects:
            return self.objects[path]
        if path.rpartition("/")[2] in COLLECTIONS:
            return {"items": self._listed(path, query or {}), "metadata": {"resourceVersion": "1"}}
        raise ApiRefused(404, "NotFound", f"{path} not found")

    def post(self, path, body):
        self._called("create", path)
        if "selfsubjectrulesreviews" in path:
            return {"status": {"resourceRules": self.rules}}
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            raise ApiRefused(409, "AlreadyExists", f"{place} already exists")
        namespace = path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in path else ""
        metadata = {"uid": f"uid-{next(self._uids)}", **({"namespace": namespace} if namespace else {})}
        self.objects[place] = {**body, "metadata": {**body["metadata"], **metadata}}
        return self.objects[place]

    def patch(self, path, body):
        self._called("patch", path)
        self.objects[path] = _merged(self.objects[path], body)
        return self.objects[path]

    def delete(self, path, body):
        self._called("delete", path)
        if path not in self.objects:
            raise ApiRefused(404, "NotFound", f"{path} not found")
        wanted = body.get("preconditions", {}).get("uid")
        if wanted and wanted != self.objects[path]["metadata"]["uid"]:
            raise ApiRefused(409, "Conflict", f"Precondition failed: UID in precondition: {wanted}")
        return self.objects.pop(path)

    def verbs(self, part=""):
        """The verbs of the calls to paths with `part` in them, in order."""
        return [verb for verb, path in self.calls if part in path]

    def _called(self, verb, path):
        self.calls.append((verb, path))
        for (refused, part), error in self.refuse.items():
            if verb == refused and part in path:
                raise error

    def _listed(self, path, query):
        selector = str(query.get("labelSelector", ""))
        found = [each for place, each in self.objects.items() if self._is_in(place, path)]
        return [each for each in found if _selects(selector, each["metadata"].get("labels") or {})]

    @staticmethod
    def _is_in(place, path):
        folder, _, kind = path.rpartition("/")
        return place.rpartition("/")[0] == path or (
            place.startswith(f"{folder}/namespaces/") and place.split("/")[-2] == kind
        )


def forbidden(what="that"):
    return ApiRefused(403, "Forbidden", f"you may not do {what}")


def unreachable():
    return ClusterUnreachable("It is away.")


def _merged(old, new):
    found = dict(old)
    for key, value in new.items():
        if value is None:
            found.pop(key, None)
        else:
            is_map = isinstance(value, dict) and isinstance(found.get(key), dict)
            found[key] = _merged(found[key], value) if is_map else value
    return found


def _selects(selector, labels):
    for part in filter(None, selector.split(",")):
        if "!=" in part:
            key, value = part.split("!=")
            if labels.get(key) == value:
                return False
        elif "=" in part:
            key, value = part.split("=")
            if labels.get(key) != value:
                return False
        elif part not in labels:
            return False
    return True
