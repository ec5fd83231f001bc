"""What the fake API server does for one call: rights, then create, read, change, delete, list, watch and reviews."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.clusters.fake_api.controllers import JOB_NAME, Controllers
from tests.clusters.fake_api.resources import REVIEWS, Place, place_of
from tests.clusters.fake_api.rights import Rights
from tests.clusters.fake_api.selecting import merged, selects
from tests.clusters.fake_api.store import Object, Refused, Store

NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?")
LABEL = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Object
    user: str


class Acts:
    """Answers are (HTTP status, object); a text is the log of a container."""

    def __init__(self, store: Store, controllers: Controllers, rights: Rights) -> None:
        self.store, self.controllers, self.rights = store, controllers, rights
        self.logs: dict[tuple[str, str], str] = {}

    def answer(self, call: Call) -> tuple[int, Object | str]:
        review = call.path.rpartition("/")[2]
        if review in REVIEWS and call.method == "POST":
            return 201, self._review(review, call)
        place = self._permitted(call)
        with self.store.lock:
            if call.method == "GET":
                return 200, self._read(place, call)
            if call.method == "POST":
                return 201, self._create(place, call)
            if call.method == "DELETE":
                return 200, self._delete(place, call)
            return 200, self._change(place, call)

    def watch(self, call: Call) -> Iterator[Object | int | None]:
        """Events that the selectors let through; None for others; the version up to which all is told."""
        place = self._permitted(call)
        version = int(call.query.get("resourceVersion") or 0)
        seen: set[str] = set()
        if version == 0:
            with self.store.lock:
                version, items = self.store.version, self._selected(place, call)
            for item in items:
                seen.add(item["metadata"]["uid"])
                yield {"type": "ADDED", "object": item}
        else:
            with self.store.lock:
                seen = {item["metadata"]["uid"] for item in self._selected(place, call)}
        for told in self.store.watch(place.resource.plural, place.namespace, version):
            yield told if isinstance(told, int) else self._event(call, told, seen)

    def bookmark(self, call: Call, version: int) -> Object:
        resource = self._place(call).resource
        metadata = {"resourceVersion": str(version)}
        item = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": item}

    def _event(self, call: Call, told: tuple[str, Object], seen: set[str]) -> Object | None:
        """Whoever leaves the selection is told as deleted."""
        kind, item = told
        uid = item["metadata"]["uid"]
        if self._is_selected(call, item):
            seen.add(uid)
            return {"type": kind, "object": item}
        if uid in seen and kind != "ADDED":
            seen.discard(uid)
            return {"type": "DELETED", "object": item}
        return None

    def _place(self, call: Call) -> Place:
        place = place_of(call.path)
        if place is None:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        return place

    def _permitted(self, call: Call) -> Place:
        place = self._place(call)
        verb = VERBS.get(call.method) or ("watch" if call.query.get("watch") else "")
        verb = verb or ("get" if place.name else "list")
        verb = "deletecollection" if verb == "delete" and not place.name else verb
        resource = place.resource.plural + (f"/{place.subresource}" if place.subresource else "")
        group = place.resource.group
        if not self.rights.allows(call.user, verb, group, resource, place.namespace, place.name):
            where = f'in the namespace "{place.namespace}"' if place.namespace else "at the cluster scope"
            full = f'{place.resource.full_name} "{place.name}"' if place.name else place.resource.full_name
            raise Refused(
                403,
                "Forbidden",
                f'{full} is forbidden: User "{call.user}" cannot {verb} resource "{resource}" '
                f'in API group "{group}" {where}',
            )
        return place

    def _read(self, place: Place, call: Call) -> Object | str:
        if place.name:
            found = self.store.get(place.resource, place.namespace, place.name)
            if place.subresource == "log":
                return self.logs.get((place.name, call.query.get("container", "")), "")
            return found
        items = self._selected(place, call)
        version, start = self.store.version, 0
        if token := call.query.get("continue"):
            version, start = json.loads(base64.b64decode(token))
            if version < self.store.compacted:
                raise Refused(410, "Expired", "The provided continue parameter is too old")
        metadata: Object = {"resourceVersion": str(version)}
        limit = int(call.query.get("limit") or 0)
        if limit and len(items) > start + limit:
            metadata["continue"] = base64.b64encode(json.dumps([version, start + limit]).encode()).decode()
            metadata["remainingItemCount"] = len(items) - start - limit
        shown = items[start : start + limit] if limit else items[start:]
        for item in shown:
            del item["kind"], item["apiVersion"]
        kind = f"{place.resource.kind}List"
        return {"kind": kind, "apiVersion": place.resource.api_version, "metadata": metadata, "items": shown}

    def _create(self, place: Place, call: Call) -> Object:
        given = call.body
        metadata = given.get("metadata") or {}
        name = metadata.get("name") or metadata.get("generateName", "") + "x"
        full = f'{place.resource.kind}{"." + place.resource.group if place.resource.group else ""} "{name}"'
        if not NAME.fullmatch(name):
            message = (
                f'{full} is invalid: metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain'
            )
            raise Refused(422, "Invalid", message)
        _check_labels(given, full)
        if place.resource.is_namespaced:
            self._living_namespace(place, name)
        if place.resource.plural == "jobs":
            given = _completed_job(given, full)
        if place.resource.plural == "secrets" and "stringData" in given:
            given = {key: value for key, value in given.items() if key != "stringData"} | {
                "data": {
                    key: base64.b64encode(value.encode()).decode()
                    for key, value in call.body["stringData"].items()
                }
            }
        return self.store.create(place.resource, place.namespace, given)

    def _living_namespace(self, place: Place, name: str) -> None:
        found = self.store.objects.get(("namespaces", "", place.namespace))
        if found is None:
            raise Refused(404, "NotFound", f'namespaces "{place.namespace}" not found')
        if found["metadata"].get("deletionTimestamp"):
            message = f'{place.resource.full_name} "{name}" is forbidden: unable to create new content '
            raise Refused(403, "Forbidden", f"{message}in namespace {place.namespace}: being terminated")

    def _change(self, place: Place, call: Call) -> Object:
        key = (place.resource.plural, place.namespace, place.name)
        wanted = (call.body.get("metadata") or {}).get("resourceVersion")
        found = self.store.get(place.resource, place.namespace, place.name)
        if wanted and wanted != found["metadata"]["resourceVersion"]:
            message = f'Operation cannot be fulfilled on {place.resource.full_name} "{place.name}": '
            raise Refused(409, "Conflict", f"{message}the object has been modified")
        if found.get("immutable") and {"data", "stringData", "binaryData"} & call.body.keys():
            raise Refused(422, "Invalid", f'{place.resource.kind} "{place.name}" is invalid: immutable')
        _check_labels(call.body, f'{place.resource.kind} "{place.name}"')
        if call.method == "PATCH":
            return self.store.change(key, lambda item: item.update(_applied(item, call.body)))
        kept = ("uid", "creationTimestamp", "namespace", "name", "managedFields", "resourceVersion")
        metadata = {**call.body["metadata"], **{name: found["metadata"].get(name) for name in kept}}
        return self.store.change(key, lambda item: item.update({**call.body, "metadata": metadata}))

    def _delete(self, place: Place, call: Call) -> Object:
        if not place.name:
            chosen = self._selected(place, call)
            for item in chosen:
                self._delete_one(place, item, call.body)
            kind = f"{place.resource.kind}List"
            return {"kind": kind, "apiVersion": place.resource.api_version, "metadata": {}, "items": chosen}
        found = self.store.get(place.resource, place.namespace, place.name)
        return self._delete_one(place, found, call.body)

    def _delete_one(self, place: Place, item: Object, options: Object) -> Object:
        name, uid = item["metadata"]["name"], item["metadata"]["uid"]
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted and wanted != uid:
            message = f'Operation cannot be fulfilled on {place.resource.full_name} "{name}": '
            raise Refused(409, "Conflict", f"{message}the UID in the precondition ({wanted}) does not match")
        key = (place.resource.plural, item["metadata"].get("namespace") or "", name)
        left = self.controllers.delete(key, options)
        details = {"name": name, "kind": place.resource.plural, "uid": uid}
        return left or {"kind": "Status", "status": "Success", "metadata": {}, "details": details}

    def _selected(self, place: Place, call: Call) -> list[Object]:
        found = self.store.all(place.resource.plural, place.namespace)
        return [item for item in found if self._is_selected(call, item)]

    def _is_selected(self, call: Call, item: Object) -> bool:
        return selects(call.query.get("labelSelector", ""), call.query.get("fieldSelector", ""), item)

    def _review(self, kind: str, call: Call) -> Object:
        spec = call.body.get("spec") or {}
        if kind == "selfsubjectaccessreviews":
            status = self.rights.review(call.user, spec)
        elif kind == "selfsubjectrulesreviews":
            status = self.rights.rules_review(call.user, spec.get("namespace", ""))
        else:
            status = {"userInfo": {"username": call.user}}
        return {**call.body, "status": status}


def _check_labels(given: Object, full: str) -> None:
    for value in ((given.get("metadata") or {}).get("labels") or {}).values():
        if value is not None and not LABEL.fullmatch(value):
            message = f'{full} is invalid: metadata.labels: Invalid value: "{value}": a valid label must be'
            raise Refused(422, "Invalid", message)


def _applied(item: Object, patch: Object) -> Object:
    result = merged(item, patch)
    # What a patch takes away is gone from the copy as well.
    for name in set(item) - set(result):
        del item[name]
    return result


def _completed_job(given: Object, full: str) -> Object:
    """As the API server fills it in. Raises Refused for what is no Job."""
    spec = given.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    if not pod.get("containers"):
        raise Refused(422, "Invalid", f"{full} is invalid: spec.template.spec.containers: Required value")
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        raise Refused(422, "Invalid", f"{full} is invalid: spec.template.spec.restartPolicy: Required value")
    name = given["metadata"].get("name", "")
    metadata = spec["template"].get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), JOB_NAME: name, "job-name": name}
    template = {**spec["template"], "metadata": {**metadata, "labels": labels}}
    return {**given, "spec": {"suspend": False, **spec, "template": template}, "status": {}}
