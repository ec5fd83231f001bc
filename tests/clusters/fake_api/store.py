"""The fake API server's memory: objects with versions, the history that watches read, and what follows by itself."""

import copy
import itertools
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from tests.clusters.fake_api.resources import RESOURCES, Resource

Object = dict[str, Any]
Key = tuple[str, str, str]  # plural, namespace, name
FIRST_VERSION = 100


class Refused(Exception):
    """What the API server answers instead: a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    @property
    def status(self) -> Object:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


def not_found(resource: Resource, name: str) -> Refused:
    return Refused(404, "NotFound", f'{resource.full_name} "{name}" not found')


class Store:
    """Everything under one lock. `controllers` are called after each change, with it held."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.objects: dict[Key, Object] = {}
        self.history: list[tuple[int, str, Key, Object]] = []
        self.version = FIRST_VERSION
        self.compacted = FIRST_VERSION
        self.is_closed = False
        self.controllers: list[Callable[[str, Key, Object], None]] = []

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        with self.lock:
            found = self.objects.get((resource.plural, namespace, name))
            if found is None:
                raise not_found(resource, name)
            return copy.deepcopy(found)

    def all(self, plural: str, namespace: str = "") -> list[Object]:
        """In the order of their names, as lists are."""
        with self.lock:
            keys = sorted(key for key in self.objects if key[0] == plural and namespace in ("", key[1]))
            return [copy.deepcopy(self.objects[key]) for key in keys]

    def create(self, resource: Resource, namespace: str, given: Object) -> Object:
        with self.lock:
            made = copy.deepcopy(given)
            metadata = made.setdefault("metadata", {})
            if "name" not in metadata and "generateName" in metadata:
                metadata["name"] = metadata["generateName"] + secrets.token_hex(3)[:5]
            key = (resource.plural, namespace, metadata["name"])
            if key in self.objects:
                raise Refused(
                    409, "AlreadyExists", f'{resource.full_name} "{metadata["name"]}" already exists'
                )
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
            metadata |= {"namespace": namespace} if resource.is_namespaced else {}
            metadata["managedFields"] = [{"manager": "fake", "operation": "Update"}]
            made |= {"apiVersion": resource.api_version, "kind": resource.kind}
            return self._put("ADDED", key, made)

    def change(self, key: Key, change: Callable[[Object], None]) -> Object:
        """`change` edits a copy in place; where nothing is different the version stays."""
        with self.lock:
            found = self.objects.get(key)
            if found is None:
                raise not_found(RESOURCES[key[0]], key[2])
            edited = copy.deepcopy(found)
            change(edited)
            if edited == found:
                return edited
            return self._put("MODIFIED", key, edited)

    def remove(self, key: Key) -> None:
        """At once, whatever a graceful deletion would wait for. A missing object is done."""
        with self.lock:
            if key in self.objects:
                self._put("DELETED", key, copy.deepcopy(self.objects[key]))

    def watch(self, plural: str, namespace: str, version: int) -> Iterator[tuple[str, Object] | int]:
        """(type, object) from `version` on; in between, at least every 20 ms, the version up to which all is told."""
        place = 0
        while not self.is_closed:
            with self.lock:
                if version < self.compacted:
                    raise Refused(410, "Expired", f"too old resource version: {version} ({self.compacted})")
                fresh = [copy.deepcopy(each) for each in itertools.islice(self.history, place, None)]
                place = len(self.history)
                told = self.version
                if not fresh:
                    self.changed.wait(0.02)
            for at, kind, key, item in fresh:
                if at > version and key[0] == plural and namespace in ("", key[1]):
                    yield kind, item
            yield told

    def compact(self) -> None:
        """Forget all history: a watch from before now is told 410."""
        with self.lock:
            self.version += 1
            self.compacted = self.version

    def close(self) -> None:
        with self.lock:
            self.is_closed = True
            self.changed.notify_all()

    def _put(self, kind: str, key: Key, item: Object) -> Object:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        if kind == "DELETED":
            del self.objects[key]
        else:
            self.objects[key] = item
        self.history.append((self.version, kind, key, copy.deepcopy(item)))
        for controller in self.controllers:
            controller(kind, key, copy.deepcopy(item))
        self.changed.notify_all()
        return copy.deepcopy(self.objects.get(key, item))


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
