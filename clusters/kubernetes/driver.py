"""The driver protocol on the namespaces of a Kubernetes cluster."""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from clusters.driver import (
    LABEL_INSTALLATION,
    LABEL_WORK,
    ClusterRefused,
    Explained,
    NameTaken,
    Seen,
    State,
    Work,
    WorkInvalid,
)
from clusters.failpoints import failpoint
from clusters.kubernetes import manifests
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.bundle import runner_bundle
from clusters.kubernetes.calls import (
    JOB_NAME,
    Object,
    batch,
    core,
    in_our_words,
    list_all,
    unless_missing,
    unless_there,
)
from clusters.kubernetes.events import jobs_with_warnings
from clusters.kubernetes.inquiry import inquire
from clusters.kubernetes.names import is_job_name
from clusters.kubernetes.observer import Observer, orphans, seen_at, seen_orphaned
from clusters.kubernetes.places import Places

# The runner is brought again so often: somebody may have deleted it. It costs a request.
BRING_AGAIN_SECONDS = 300.0
# A cluster that does not let us delete many Jobs with one request is asked again so often.
ASK_AGAIN_SECONDS = 300.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class RunnerImage:
    """An image with Python 3.9 or newer for what runs beside the script, and its registry's login."""

    image: str
    pull_secret: str = ""


class KubernetesDriver:
    """Jobs in `places`, known by the label of this installation. A work without a space is in the default one."""

    def __init__(self, api: Api, places: Places, installation: str, runner: RunnerImage) -> None:
        self.api = api
        self.places = places
        self.installation = installation
        self._runner = manifests.Runner(runner.image, runner_bundle(), runner.pull_secret)
        self._brought: dict[str, float] = {}
        self._forbidden: dict[str, float] = {}
        self._uids = _Uids()
        self._observer = Observer(api, places, f"{LABEL_INSTALLATION}={installation}")

    def create(self, work: Work) -> None:
        if not is_job_name(work.name):
            raise WorkInvalid(f"{work.name!r} cannot be the name of a Job.")
        space = work.space or self.places.default
        with in_our_words(work.name):
            if time.monotonic() - self._brought.get(space, -BRING_AGAIN_SECONDS) >= BRING_AGAIN_SECONDS:
                self.bring_runner(space)
            job = self._create_job(work, space)
            self._uids.remember(space, work.name, job["metadata"]["uid"])
            failpoint("create.half_made")
            if not _is_over(job):
                self._create_if_missing(
                    "secrets", manifests.token_secret(work, job["metadata"]["uid"]), space
                )

    def stop(self, name: str, space: str = "") -> None:
        # A suspended Job has no pods and gets none: its pod is told to end, with all the time it was promised.
        space = space or self.places.default
        with in_our_words(name):
            job = self._own_job(name, space) if is_job_name(name) else None
            if job is None:
                self._end(self._orphans(name, space), space)
            elif not job["spec"].get("suspend"):
                path = f"{batch(space)}/jobs/{name}"
                unless_missing(lambda: self.api.patch(path, {"spec": {"suspend": True}}))

    def remove(self, name: str, space: str = "", *, is_ended: bool = False) -> None:
        space = space or self.places.default
        if not is_job_name(name):
            return
        with in_our_words(name):
            # What has ended stays ended, although the Job's own status may tell it later than its pods did.
            is_ended = is_ended or self._uids.end_of(space, name) is not None
            uid = self._uids.of(space, name) if is_ended else ""
            job = self._own_job(name, space) if not uid else None
            if not uid and job is None:
                self._remove_orphans(name, space, is_ended)
                return
            if job is not None:
                if not is_ended and self._seen(job, space).state is not State.ENDED:
                    raise ClusterRefused(f"The Job {name} has not ended and cannot be removed yet.")
                uid = job["metadata"]["uid"]
            if not self._delete(name, space, uid):
                self._remove_orphans(name, space, is_ended=True)

    def remove_ended(self, names: Collection[str], space: str = "") -> set[str]:
        space, chosen = space or self.places.default, sorted(filter(is_job_name, names))
        if not chosen or time.monotonic() < self._forbidden.get(space, 0.0):
            return set()
        selector = f"{LABEL_INSTALLATION}={self.installation},{LABEL_WORK} in ({','.join(chosen)})"
        options = {"propagationPolicy": "Background"}
        try:
            answer = self.api.call("DELETE", f"{batch(space)}/jobs", {"labelSelector": selector}, options)
        except ApiRefused as refused:
            if refused.status == 403:
                self._forbidden[space] = time.monotonic() + ASK_AGAIN_SECONDS
            return set()
        gone = {job["metadata"]["name"] for job in answer.get("items") or []}
        for name in gone:
            self._uids.forget(space, name)
        return gone

    def warned(self, space: str = "") -> set[str] | None:
        try:
            return jobs_with_warnings(self.api, space or self.places.default)
        except ApiRefused:
            return None

    def bring_runner(self, space: str) -> None:
        """The runner's code is in the namespace: made where it is missing. Raises ClusterRefused and the like."""
        labels = {LABEL_INSTALLATION: self.installation}
        config_map = manifests.runner_config_map(self._runner.bundle, labels)
        with in_our_words(f"the runner's ConfigMap in {space}"):
            self._create_if_missing("configmaps", config_map, space)
        self._brought[space] = time.monotonic()

    def follow(self) -> "KubernetesDriver":
        """From now on `observe` reads a picture that a list and a watch keep current. For the watch process."""
        self._observer.follow()
        return self

    def close(self) -> None:
        """Follow no longer."""
        self._observer.close()
        self.api.close()

    def wait(self, seconds: float) -> None:
        self._observer.wait(seconds)

    def observe(self) -> list[Seen]:
        return self._observer.observe()

    def look(self, name: str, space: str = "") -> Seen | None:
        if not is_job_name(name):
            return None
        space = space or self.places.default
        with in_our_words(name):
            job = self._own_job(name, space)
            if job is not None:
                return self._seen(job, space)
            left = self._orphans(name, space)
            return seen_orphaned(left) if left else None

    def explain(self, name: str, space: str = "", age: float = 0.0) -> Explained | None:
        return inquire(self.api, space or self.places.default, name, age) if is_job_name(name) else None

    def _seen(self, job: Object, space: str) -> Seen:
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        end = self._uids.end_of(space, name)
        if end is not None and self._uids.of(space, name) == uid:
            return end
        selector = {"labelSelector": f"{JOB_NAME}={name}"}
        seen = seen_at(job, list_all(self.api, f"{core(space)}/pods", selector))
        if seen.state is State.ENDED:
            self._uids.remember(space, name, uid, seen)
        return seen

    def _orphans(self, name: str, space: str) -> list[Object]:
        """The pods of a Job that somebody deleted without them."""
        selector = f"{JOB_NAME}={name},{LABEL_INSTALLATION}={self.installation}"
        return orphans(list_all(self.api, f"{core(space)}/pods", {"labelSelector": selector}))

    def _end(self, pods: list[Object], space: str) -> None:
        """They are told to end as a Job would tell them, with the time they were promised."""
        for pod in pods:
            metadata = pod["metadata"]
            if not metadata.get("deletionTimestamp"):
                path = f"{core(space)}/pods/{metadata['name']}"
                unless_missing(partial(self.api.delete, path, {"preconditions": {"uid": metadata["uid"]}}))

    def _remove_orphans(self, name: str, space: str, is_ended: bool) -> None:
        left = self._orphans(name, space)
        if left and not is_ended and seen_orphaned(left).state is not State.ENDED:
            raise ClusterRefused(
                f"The pods of {name}, whose Job is gone, have not ended and cannot be removed yet."
            )
        self._end(left, space)

    def _delete(self, name: str, space: str, uid: str) -> bool:
        """This very Job, and in the background what it owns. False where it was gone already."""
        is_there = True
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            answer = unless_missing(lambda: self.api.delete(f"{batch(space)}/jobs/{name}", options))
            is_there = answer is not None
        except ApiRefused as refused:
            # Another Job has the name: ours is gone, and that one is somebody else's.
            if refused.status != 409 or "uid" not in refused.message.lower():
                raise
        self._uids.forget(space, name)
        return is_there

    def _create_job(self, work: Work, space: str) -> Object:
        """The Job, new or adopted. Raises NameTaken."""
        try:
            return self.api.post(f"{batch(space)}/jobs", manifests.job(work, self._runner))
        except ApiRefused as refused:
            # A quota may refuse a name that exists already: read before it is believed.
            job = self._job(work.name, space) if refused.status in (403, 409) else None
            if job is None:
                raise
        labels = dict(work.labels)
        if labels.items() <= (job["metadata"].get("labels") or {}).items():
            return job
        raise NameTaken(f"A Job called {work.name} exists in {space} with other labels.")

    def _create_if_missing(self, kind: str, manifest: dict[str, Any], space: str) -> None:
        unless_there(lambda: self.api.post(f"{core(space)}/{kind}", manifest))

    def _own_job(self, name: str, space: str) -> Object | None:
        """The Job of that name if it is of this installation."""
        job = self._job(name, space)
        if job is None:
            return None
        labels = job["metadata"].get("labels") or {}
        return job if labels.get(LABEL_INSTALLATION) == self.installation else None

    def _job(self, name: str, space: str) -> Object | None:
        return unless_missing(lambda: self.api.get(f"{batch(space)}/jobs/{name}"))


class _Uids:
    """Which Job a name stood for when this process made or saw it: it is removed with one request, and no other is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[str, Seen | None]] = OrderedDict()

    def remember(self, space: str, name: str, uid: str, end: Seen | None = None) -> None:
        with self._lock:
            before, known_end = self._known.get((space, name), ("", None))
            self._known[space, name] = (uid, end or (known_end if before == uid else None))
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)

    def of(self, space: str, name: str) -> str:
        """ "" where this process does not know it."""
        with self._lock:
            return self._known.get((space, name), ("", None))[0]

    def end_of(self, space: str, name: str) -> Seen | None:
        """As it was seen first; its pod may be gone since, and what it told."""
        with self._lock:
            return self._known.get((space, name), ("", None))[1]

    def forget(self, space: str, name: str) -> None:
        with self._lock:
            self._known.pop((space, name), None)


def _is_over(job: Object) -> bool:
    return seen_at(job, []).state is State.ENDED
