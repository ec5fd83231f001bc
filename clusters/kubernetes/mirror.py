"""What the API server knows of our Jobs and pods, kept current by one list and one watch each.

A picture that may lag: it tells what to look at, and never proves that something is gone. Rules of watches:
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from clusters.driver import ClusterUnreachable, DriverError
from clusters.kubernetes.api import Api, ApiRefused

# A new list so often, whatever the watch says: a watch that died unnoticed is stale for no longer than this.
RELIST_SECONDS = 60.0
# The server ends a watch a little earlier; without a word for longer than this the connection is dead.
QUIET_SECONDS = 70.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# Shorter troubles are a stream that was cut and opened again.
TROUBLE_SECONDS = 10.0
GONE = 410
Object = dict[str, Any]


class Mirror:
    """Jobs and pods of one namespace with one label, as last told. Safe to share between threads."""

    def __init__(self, api: Api, paths: dict[str, str], selector: str) -> None:
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self.version = 0
        self.kinds = {
            kind: Followed(api, path, selector, self._news, self._closing) for kind, path in paths.items()
        }

    def start(self) -> "Mirror":
        """Begin to follow, each kind in a thread of its own."""
        for kind, followed in self.kinds.items():
            threading.Thread(target=followed.run, name=f"mirror-{kind}", daemon=True).start()
        return self

    def close(self) -> None:
        """Follow no longer. Streams that are open end with their next event."""
        self._closing.set()
        self._news()

    def read(self, kind: str) -> list[Object]:
        """All objects as last told. Raises ClusterUnreachable, or ClusterRefused, while they cannot be followed."""
        return self.kinds[kind].read()

    def wait(self, version: int, seconds: float) -> None:
        """Until there is something newer than `version`, for so many seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version or self._closing.is_set(), seconds)

    def _news(self) -> None:
        with self._changed:
            self.version += 1
            self._changed.notify_all()


class Followed:
    """One kind of object: listed, then watched from there on, for ever."""

    def __init__(
        self, api: Api, path: str, selector: str, news: Callable[[], None], closing: threading.Event
    ) -> None:
        self._api, self._path, self._selector = api, path, selector
        self._news, self._closing = news, closing
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}
        self._resource_version = ""
        self._is_listed = False
        self._trouble: DriverError | None = None
        self._troubled_since = 0.0

    def read(self) -> list[Object]:
        """The objects. Raises DriverError while they are not followed."""
        with self._lock:
            trouble, is_listed, objects = self._trouble, self._is_listed, list(self._objects.values())
        is_lasting = trouble is not None and time.monotonic() - self._troubled_since > TROUBLE_SECONDS
        if trouble is not None and (is_lasting or not is_listed):
            # Another one each time: an exception that is raised again and again remembers every raise.
            raise type(trouble)(str(trouble))
        if not is_listed:
            raise ClusterUnreachable("The cluster has not been read yet.")
        return objects

    def run(self) -> None:
        """Until the mirror is closed."""
        pause = FIRST_PAUSE
        while not self._closing.is_set():
            try:
                self._list()
                pause = FIRST_PAUSE
                self._watch_until(time.monotonic() + RELIST_SECONDS)
            except ApiRefused as refused:
                if refused.status == GONE:
                    continue
                self._note(refused.in_our_words("its Jobs and pods"))
                pause = max(refused.retry_after or 0.0, pause)
            except DriverError as error:
                self._note(error)
            else:
                continue
            # Not all clusters' watches come back at the same moment.
            self._closing.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    def _list(self) -> None:
        # From the server's own cache: cheap for it, and the watch goes on from exactly there.
        answer = self._api.get(self._path, {"labelSelector": self._selector, "resourceVersion": "0"})
        objects = {item["metadata"]["name"]: _slim(item) for item in answer.get("items") or []}
        with self._lock:
            is_changed = not self._is_listed or objects != self._objects
            self._objects, self._is_listed = objects, True
            self._resource_version = answer["metadata"]["resourceVersion"]
        self._note(None)
        if is_changed:
            self._news()

    def _watch_until(self, end: float) -> None:
        """Raises ApiRefused with GONE where the server no longer knows what comes next."""
        while not self._closing.is_set() and (left := end - time.monotonic()) > 1:
            query: dict[str, str | int] = {
                "labelSelector": self._selector,
                "resourceVersion": self._resource_version,
                "allowWatchBookmarks": "true",
                "timeoutSeconds": int(left),
            }
            for event in self._api.watch(self._path, query, QUIET_SECONDS, opened=lambda: self._note(None)):
                self._take(event)
                if self._closing.is_set():
                    return

    def _take(self, event: Object) -> None:
        kind, item = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            raise ApiRefused(
                int(item.get("code") or 500), item.get("reason") or "", item.get("message") or ""
            )
        metadata = item["metadata"]
        with self._lock:
            self._resource_version = metadata["resourceVersion"]
            if kind == "BOOKMARK":
                return
            if kind == "DELETED":
                self._objects.pop(metadata["name"], None)
            else:
                self._objects[metadata["name"]] = _slim(item)
        self._news()

    def _note(self, trouble: DriverError | None) -> None:
        with self._lock:
            if trouble is not None and self._trouble is None:
                self._troubled_since = time.monotonic()
            self._trouble = trouble


def _slim(item: Object) -> Object:
    """Without what nobody asks: the bookkeeping of fields, and most of a pod's specification."""
    metadata = {name: value for name, value in item["metadata"].items() if name != "managedFields"}
    spec = {
        name: value for name, value in (item.get("spec") or {}).items() if name in ("suspend", "nodeName")
    }
    return {"metadata": metadata, "spec": spec, "status": item.get("status") or {}}
