"""All Jobs of this installation with their pods, in every namespace where they may be."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import is_
from typing import NamedTuple

from clusters.causes import End
from clusters.driver import ClusterRefused, ClusterUnreachable, Seen, State
from clusters.kubernetes.api import Api
from clusters.kubernetes.calls import JOB_NAME, Object, batch, core, in_our_words, list_all
from clusters.kubernetes.mirror import Mirror
from clusters.kubernetes.places import Places
from clusters.kubernetes.seen import seen_of

log = logging.getLogger(__name__)
# So long a namespace that has just been added may take to be read for the first time.
FIRST_READ_SECONDS = 10.0
ALL = ""
# The Job controller writes it on every pod of a Job.
JOB_UID = "batch.kubernetes.io/controller-uid"


class Observer:
    """Reads when it is asked, or from a picture that lists and watches keep current. Used by one thread at a time.

    A namespace that refuses to be read costs the others nothing: its works are shown as they were last.
    """

    def __init__(self, api: Api, places: Places, selector: str) -> None:
        self.api = api
        self.places = places
        self.selector = selector
        self._mirror: Mirror | None = None
        self._added: dict[str, float] = {}
        self._last: dict[str, list[Seen]] = {}
        self._version = 0
        self._read_at: dict[str, int] = {}
        self._kept: dict[str, Kept] = {}

    def follow(self) -> None:
        """From now on read the picture."""
        self._mirror = Mirror(self.api, {}, self.selector).start()

    def close(self) -> None:
        """Follow no longer."""
        if self._mirror is not None:
            self._mirror.close()

    def wait(self, seconds: float) -> None:
        """Until the picture is another one than was shown, for so many seconds at most."""
        if self._mirror is None:
            time.sleep(seconds)
        else:
            self._mirror.wait(self._version, seconds)

    def observe(self) -> list[Seen]:
        """Raises ClusterUnreachable; ClusterRefused where no namespace can be read."""
        spaces = self._spaces()
        if self._mirror is None:
            return self._of_all(spaces, self._read)
        self._adjust(self._mirror, spaces)
        mirror, self._version = self._mirror, self._mirror.version
        return self._of_all(spaces, lambda space: self._read_mirror(mirror, space))

    def _spaces(self) -> Sequence[str]:
        found = self.places.observed()
        return (ALL,) if found is None else tuple(dict.fromkeys(found))

    def _adjust(self, mirror: Mirror, spaces: Sequence[str]) -> None:
        """Follow the namespaces that are wanted now and no others."""
        for space in [space for space in self._added if space not in spaces]:
            del self._added[space]
            self._read_at.pop(space, None)
            self._kept.pop(space, None)
            for key in _paths(space):
                mirror.drop(key)
        for space in [space for space in spaces if space not in self._added]:
            self._added[space] = time.monotonic() if self._added else -FIRST_READ_SECONDS
            for key, path in _paths(space).items():
                mirror.add(key, path)

    def _of_all(self, spaces: Sequence[str], read: Callable[[str], list[Seen]]) -> list[Seen]:
        refused: ClusterRefused | None = None
        found: dict[str, list[Seen]] = {}
        for space in spaces:
            try:
                found[space] = read(space)
            except ClusterRefused as error:
                log.warning("The namespace %s cannot be read: %s", space, error)
                refused = error
        if refused is not None and not found:
            raise refused
        self._last = {space: found.get(space, self._last.get(space, [])) for space in spaces}
        return [seen for space in spaces for seen in self._last[space]]

    def _read(self, space: str) -> list[Seen]:
        query = {"labelSelector": self.selector}
        with in_our_words("its Jobs and pods"):
            # Jobs first: a pod without its Job is of one that was removed meanwhile.
            jobs = list(list_all(self.api, f"{batch(space)}/jobs", query))
            found = seen_in(jobs, list_all(self.api, f"{core(space)}/pods", query))
            return [work.seen for work in found.values()]

    def _read_mirror(self, mirror: Mirror, space: str) -> list[Seen]:
        jobs_key, pods_key = _paths(space)
        try:
            jobs, pods = mirror.read(jobs_key), mirror.read(pods_key)
        except ClusterUnreachable:
            if time.monotonic() - self._added[space] > FIRST_READ_SECONDS:
                raise
            # A namespace that was added a moment ago.
            return self._last.get(space, [])
        if self._read_at.get(space) == self._version:
            return self._last[space]
        self._read_at[space] = self._version
        kept = self._kept[space] = seen_in(jobs, pods, self._kept.get(space))
        return [work.seen for work in kept.values()]


class Known(NamedTuple):
    """A work as it was seen, and what it was seen of."""

    job: Object | None
    pods: list[Object]
    seen: Seen


Kept = dict[tuple[str, str], Known]


def seen_in(jobs: Iterable[Object], pods: Iterable[Object], before: Kept | None = None) -> Kept:
    """Each Job with its pods, as the driver protocol has it; and the pods whose Job was deleted without them.

    By namespace and name. What is made of the very objects that it was made of `before` is taken from there.
    """
    before = before or {}
    by_job: dict[tuple[str, str], list[Object]] = defaultdict(list)
    for pod in pods:
        metadata = pod["metadata"]
        by_job[metadata.get("namespace", ""), (metadata.get("labels") or {}).get(JOB_NAME, "")].append(pod)
    found: Kept = {}
    for job in jobs:
        key = (job["metadata"].get("namespace", ""), job["metadata"]["name"])
        own, known = by_job.pop(key, []), before.get(key)
        is_same = known is not None and known.job is job and _are_same(known.pods, own)
        found[key] = known if known and is_same else Known(job, own, seen_at(job, own))
    for key, own in by_job.items():
        if key[1] and (left := orphans(own)):
            found[key] = Known(None, own, seen_orphaned(left))
    return found


def _are_same(one: list[Object], other: list[Object]) -> bool:
    """The very same objects."""
    return len(one) == len(other) and all(map(is_, one, other))


def seen_at(job: Object, pods: Iterable[Object]) -> Seen:
    """One work, with its namespace. Pods of an earlier Job of that name, which are just going, are not its own."""
    metadata = job["metadata"]
    uid = metadata.get("uid")
    own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(JOB_UID, uid) == uid]
    return replace(seen_of(job, own), space=metadata.get("namespace", ""))


def orphans(pods: Iterable[Object]) -> list[Object]:
    """Those that nobody owns: what a deletion with propagationPolicy Orphan leaves, running as before.

    The pods of a Job that was deleted as usual name it as their owner until they are gone.
    """
    return [pod for pod in pods if not pod["metadata"].get("ownerReferences")]


def seen_orphaned(pods: Sequence[Object]) -> Seen:
    """The work that pods are of which have lost their Job: nobody holds them to its limits any more."""
    of_pod = pods[0]["metadata"]
    labels = of_pod.get("labels") or {}
    metadata = {"name": labels[JOB_NAME], "uid": of_pod["uid"], "labels": labels}
    seen = replace(seen_of({"metadata": metadata}, pods), space=of_pod.get("namespace", ""))
    if seen.state is State.ENDED:
        return seen
    return replace(seen, reason=End.DELETED, message="Its Job was deleted, and its pod was left behind.")


def _paths(space: str) -> dict[str, str]:
    """What is followed of a namespace, Jobs before pods."""
    return {f"jobs:{space}": f"{batch(space)}/jobs", f"pods:{space}": f"{core(space)}/pods"}
