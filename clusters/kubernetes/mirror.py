"""What the API server knows of our Jobs and pods, kept current by one list and one watch each.

A picture that may lag: it tells what to look at, and never proves that something is gone. Rules of watches:
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes

How often an idle cluster is asked, and how soon a dead watch is noticed: a watch on which nothing happens says so by
a bookmark about once a minute, which is too late to notice within a minute that it is dead. So one or two keys are
watched for 50 s at a time (2.8 requests a minute for two): silence beyond 55 s is death. More keys would cost too many
requests: they are watched for five minutes (0.4 a minute each); a connection whose other end is gone is noticed by
the kernel in 45 s (transport.py), a server that is there and says nothing in 75 s, by the bookmark that did not come.
"""

import logging
import random
import threading
import time
from collections.abc import Iterable
from typing import Any

from clusters.driver import ClusterUnreachable, DriverError, NotReadYet
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.transport import Deadline

log = logging.getLogger(__name__)
# A new list so often, whatever the watch says: what it kept back or garbled is wrong for no longer than this.
RELIST_SECONDS = 300.0
FEW_KEYS = 2
SHORT_WATCH_SECONDS, SHORT_QUIET_SECONDS = 50.0, 55.0
LONG_WATCH_SECONDS, LONG_QUIET_SECONDS = 290.0, 75.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A server that ends a watch or forgets the past sooner than this is not asked again at once.
SOON_SECONDS = 2.0
# Shorter troubles are a stream that was cut and opened again.
TROUBLE_SECONDS = 10.0
MOST_OBJECTS = 50_000
GONE = 410
# Of a specification: whether a Job is stopped, and what tells why a pod waits or ended.
KEPT_OF_SPEC = ("suspend", "nodeName", "nodeSelector", "activeDeadlineSeconds")
KEPT_OF_CONTAINER = ("name", "image", "resources")
Object = dict[str, Any]


class Mirror:
    """Objects with one label, as last told, under keys such as "jobs:team-a". Safe to share between threads.

    `version` counts the changes of all keys.
    """

    def __init__(self, api: Api, paths: dict[str, str], selector: str) -> None:
        self._api, self._selector = api, selector
        self._changed = threading.Condition()
        self._is_started = False
        self._is_closed = False
        self.version = 0
        self.kinds: dict[str, Followed] = {}
        for key, path in paths.items():
            self.add(key, path)

    def start(self) -> "Mirror":
        """Begin to follow, each key in a thread of its own."""
        with self._changed:
            self._is_started = True
            begun = list(self.kinds.values())
        for followed in begun:
            followed.start()
        return self

    def close(self) -> None:
        """Follow no longer."""
        with self._changed:
            self._is_closed = True
            ended = list(self.kinds.values())
        for followed in ended:
            followed.close()
        self._news()

    def add(self, key: str, path: str) -> None:
        """Follow what is listed at `path` too; nothing happens where the key is followed already."""
        with self._changed:
            if key in self.kinds or self._is_closed:
                return
            followed = Followed(self, key, path)
            self.kinds[key] = followed
            is_started = self._is_started
        if is_started:
            followed.start()

    def drop(self, key: str) -> None:
        """Follow it no longer. An unknown key is done."""
        with self._changed:
            followed = self.kinds.pop(key, None)
        if followed is not None:
            followed.close()
            self._news()

    def read(self, key: str) -> list[Object]:
        """All objects as last told. Raises ClusterUnreachable, or ClusterRefused, while they cannot be followed.

        KeyError for a key that was not added.
        """
        return self.kinds[key].read()

    def generation(self, key: str) -> int:
        """Another number whenever `read(key)` would give something else. Costs nothing."""
        return self.kinds[key].generation

    def wait(self, version: int, seconds: float) -> None:
        """Until there is something newer than `version`, for so many seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version or self._is_closed, seconds)

    def _news(self) -> None:
        with self._changed:
            self.version += 1
            self._changed.notify_all()

    @property
    def _patience(self) -> tuple[float, float]:
        """How long a watch is asked for, and how long it may be silent."""
        if len(self.kinds) <= FEW_KEYS:
            return SHORT_WATCH_SECONDS, SHORT_QUIET_SECONDS
        return LONG_WATCH_SECONDS, LONG_QUIET_SECONDS


class Followed:
    """One key: listed, then watched from there on, for ever."""

    def __init__(self, mirror: Mirror, key: str, path: str) -> None:
        self._mirror, self.key, self._path = mirror, key, path
        self._api, self._selector = mirror._api, mirror._selector
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, str], Object] = {}
        self._resource_version = ""
        self._is_listed = False
        self._trouble: DriverError | None = None
        self._troubled_since = 0.0
        self._stream: Deadline | None = None
        self.generation = 0

    def start(self) -> None:
        """In a thread of its own."""
        threading.Thread(target=self.run, name=f"mirror-{self.key}", daemon=True).start()

    def close(self) -> None:
        """Now, in the middle of a stream too."""
        self._closing.set()
        if (stream := self._stream) is not None:
            stream.cut()

    def read(self) -> list[Object]:
        """The objects. Raises DriverError while they are not followed."""
        with self._lock:
            trouble, is_listed, objects = self._trouble, self._is_listed, list(self._objects.values())
        is_lasting = trouble is not None and time.monotonic() - self._troubled_since > TROUBLE_SECONDS
        if trouble is not None and (is_lasting or not is_listed):
            # Another one each time: an exception that is raised again and again remembers every raise.
            raise type(trouble)(str(trouble))
        if not is_listed:
            raise NotReadYet("The cluster has not been read yet.")
        return objects

    def run(self) -> None:
        """Until it is closed. Whatever comes, this thread lives: nobody would start another."""
        pause = FIRST_PAUSE
        while not self._closing.is_set():
            began, asked = time.monotonic(), 0.0
            try:
                self._list()
                self._watch_until(began + RELIST_SECONDS)
                pause = FIRST_PAUSE
                continue
            except ApiRefused as refused:
                if refused.status != GONE:
                    self._note(refused.in_our_words("its Jobs and pods"))
                    asked = refused.retry_after or 0.0
            except DriverError as error:
                self._note(error)
            except Exception:
                log.exception("mirror: %s", self.key)
                self._note(ClusterUnreachable("Reading the cluster failed; the log of watch says more."))
            if time.monotonic() - began > SOON_SECONDS:
                pause = FIRST_PAUSE
            # Not all clusters' watches come back at the same moment.
            self._closing.wait(max(min(asked, 2 * LONGEST_PAUSE), pause) * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    def _list(self) -> None:
        """The newest there is, and the version from which on a watch tells what comes after."""
        objects: dict[tuple[str, str], Object] = {}
        version = ""
        for page in self._api.list(self._path, {"labelSelector": self._selector}):
            objects.update(_named(page.get("items") or []))
            version = str((page.get("metadata") or {}).get("resourceVersion") or "")
            if len(objects) > MOST_OBJECTS:
                raise ClusterUnreachable(f"The cluster has more than {MOST_OBJECTS} {self.key}.")
        with self._lock:
            is_changed = not self._is_listed or objects != self._objects
            self._objects, self._is_listed, self._resource_version = objects, True, version
        self._note(None)
        if is_changed:
            self._news()

    def _watch_until(self, end: float) -> None:
        """Raises ApiRefused with GONE where the server no longer knows what comes next."""
        pause = FIRST_PAUSE
        while not self._closing.is_set() and (left := end - time.monotonic()) > 1:
            longest, quiet = self._mirror._patience
            began, version = time.monotonic(), self._resource_version
            query: dict[str, str | int] = {
                "labelSelector": self._selector,
                "resourceVersion": version,
                "allowWatchBookmarks": "true",
                # Not all at the same moment, here too.
                "timeoutSeconds": max(1, int(min(left, longest) * random.uniform(0.8, 1.0))),  # noqa: S311
            }
            for event in self._api.watch(self._path, query, quiet, opened=self._opened):
                self._take(event)
                if self._closing.is_set():
                    return
            if version == self._resource_version and time.monotonic() - began < min(
                SOON_SECONDS, longest / 2
            ):
                self._closing.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE

    def _opened(self, stream: Deadline) -> None:
        self._stream = stream
        self._note(None)
        if self._closing.is_set():
            stream.cut()

    def _take(self, event: Object) -> None:
        kind, item = event.get("type"), event.get("object")
        if not isinstance(item, dict):
            raise ClusterUnreachable("What the cluster told is no change of an object.")
        if kind == "ERROR":
            code = item.get("code")
            raise ApiRefused(
                code if isinstance(code, int) else 500,
                str(item.get("reason") or ""),
                str(item.get("message") or ""),
            )
        metadata = item.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        with self._lock:
            self._resource_version = str(version or self._resource_version)
            if kind == "BOOKMARK":
                return
            is_changed = self._apply(_named([item]), is_deleted=kind == "DELETED")
        if is_changed:
            self._news()

    def _apply(self, items: dict[tuple[str, str], Object], *, is_deleted: bool) -> bool:
        is_changed = False
        for name, item in items.items():
            if is_deleted:
                is_changed |= self._objects.pop(name, None) is not None
            elif self._objects.get(name) != item:
                self._objects[name] = item
                is_changed = True
        return is_changed

    def _news(self) -> None:
        self.generation += 1
        self._mirror._news()

    def _note(self, trouble: DriverError | None) -> None:
        with self._lock:
            if trouble is not None and self._trouble is None:
                self._troubled_since = time.monotonic()
            self._trouble = trouble


def _named(items: Iterable[Any]) -> dict[tuple[str, str], Object]:
    """By namespace and name, slim. What is no object with a name is left out: one of them must not hide the others."""
    found: dict[tuple[str, str], Object] = {}
    for item in items:
        metadata = item.get("metadata") if isinstance(item, dict) else None
        if isinstance(metadata, dict) and isinstance(name := metadata.get("name"), str):
            found[(str(metadata.get("namespace") or ""), name)] = _slim(item)
    return found


def _slim(item: Object) -> Object:
    """Without what nobody asks: the bookkeeping of fields and versions, and most of the specification."""
    dropped = ("managedFields", "resourceVersion")
    metadata = {name: value for name, value in item["metadata"].items() if name not in dropped}
    spec: Object = found if isinstance(found := item.get("spec"), dict) else {}
    kept = {name: spec[name] for name in KEPT_OF_SPEC if name in spec}
    for kind in ("initContainers", "containers"):
        if isinstance(containers := spec.get(kind), list):
            kept[kind] = [
                {name: each[name] for name in KEPT_OF_CONTAINER if name in each}
                for each in containers
                if isinstance(each, dict)
            ]
    return {"metadata": metadata, "spec": kept, "status": item.get("status") or {}}
