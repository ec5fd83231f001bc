"""The driver protocol on one namespace of a Kubernetes cluster."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from clusters.driver import (
    LABEL_INSTALLATION,
    ClusterRefused,
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
from clusters.kubernetes.mirror import Mirror
from clusters.kubernetes.names import is_job_name
from clusters.kubernetes.seen import seen_of

PAGE = 500
# The Job controller writes them on every pod of a Job.
JOB_NAME = "batch.kubernetes.io/job-name"


class KubernetesDriver:
    """Jobs in `namespace`, known by the label of this installation."""

    def __init__(self, api: Api, namespace: str, installation: str, runner_image: str) -> None:
        self.api = api
        self.namespace = namespace
        self.installation = installation
        self._jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._core = f"/api/v1/namespaces/{namespace}"
        self._runner = manifests.Runner(runner_image, runner_bundle())
        self._has_runner = False
        self._selector = f"{LABEL_INSTALLATION}={installation}"
        self._mirror: Mirror | None = None
        self._observed: tuple[int, list[Seen]] = (0, [])

    def create(self, work: Work) -> None:
        if not is_job_name(work.name):
            raise WorkInvalid(f"{work.name!r} cannot be the name of a Job.")
        with _in_our_words(work.name):
            self._bring_runner()
            job = self._create_job(work)
            failpoint("create.half_made")
            if not _is_over(job):
                self._create_if_missing("secrets", manifests.token_secret(work, job["metadata"]["uid"]))

    def stop(self, name: str, space: str = "") -> None:
        # A suspended Job has no pods and gets none: its pod is told to end, with all the time it was promised.
        with _in_our_words(name):
            if is_job_name(name) and self._own_job(name) is not None:
                _unless_missing(lambda: self.api.patch(f"{self._jobs}/{name}", {"spec": {"suspend": True}}))

    def remove(self, name: str, space: str = "") -> None:
        with _in_our_words(name):
            seen = self.look(name)
            if seen is None:
                return
            if seen.state is not State.ENDED:
                raise ClusterRefused(f"The Job {name} has not ended and cannot be removed yet.")
            options = {"propagationPolicy": "Background"}
            _unless_missing(lambda: self.api.delete(f"{self._jobs}/{name}", options))

    def follow(self) -> "KubernetesDriver":
        """From now on `observe` reads a picture that a list and a watch keep current. For the watch process."""
        paths = {"jobs": self._jobs, "pods": f"{self._core}/pods"}
        self._mirror = Mirror(self.api, paths, self._selector).start()
        return self

    def close(self) -> None:
        """Follow no longer."""
        if self._mirror is not None:
            self._mirror.close()

    def wait(self, seconds: float) -> None:
        if self._mirror is None:
            time.sleep(seconds)
        else:
            self._mirror.wait(self._observed[0], seconds)

    def observe(self) -> list[Seen]:
        if self._mirror is not None:
            return self._observe_mirror(self._mirror)
        query = {"labelSelector": self._selector}
        with _in_our_words("its Jobs and pods"):
            # Jobs first: a pod without its Job is of one that was removed meanwhile.
            jobs = list(self._list(self._jobs, query))
            return _seen(jobs, self._list(f"{self._core}/pods", query))

    def _observe_mirror(self, mirror: Mirror) -> list[Seen]:
        version = mirror.version
        jobs, pods = mirror.read("jobs"), mirror.read("pods")
        if version != self._observed[0]:
            self._observed = (version, _seen(jobs, pods))
        return self._observed[1]

    def look(self, name: str, space: str = "") -> Seen | None:
        if not is_job_name(name):
            return None
        with _in_our_words(name):
            job = self._own_job(name)
            if job is None:
                return None
            pods = self._list(f"{self._core}/pods", {"labelSelector": f"{JOB_NAME}={name}"})
            return seen_of(job, pods)

    def _create_job(self, work: Work) -> dict[str, Any]:
        """The Job, new or adopted. Raises NameTaken."""
        try:
            return self.api.post(self._jobs, manifests.job(work, self._runner))
        except ApiRefused as refused:
            # A quota may refuse a name that exists already: read before it is believed.
            job = self._job(work.name) if refused.status in (403, 409) else None
            if job is None:
                raise
        labels = dict(work.labels)
        if labels.items() <= (job["metadata"].get("labels") or {}).items():
            return job
        raise NameTaken(f"A Job called {work.name} exists in {self.namespace} with other labels.")

    def _bring_runner(self) -> None:
        if self._has_runner:
            return
        labels = {LABEL_INSTALLATION: self.installation}
        self._create_if_missing("configmaps", manifests.runner_config_map(self._runner.bundle, labels))
        self._has_runner = True

    def _create_if_missing(self, kind: str, manifest: dict[str, Any]) -> None:
        try:
            self.api.post(f"{self._core}/{kind}", manifest)
        except ApiRefused as refused:
            if refused.reason != "AlreadyExists":
                raise

    def _own_job(self, name: str) -> dict[str, Any] | None:
        """The Job of that name if it is of this installation."""
        job = self._job(name)
        if job is None:
            return None
        labels = job["metadata"].get("labels") or {}
        return job if labels.get(LABEL_INSTALLATION) == self.installation else None

    def _job(self, name: str) -> dict[str, Any] | None:
        return _unless_missing(lambda: self.api.get(f"{self._jobs}/{name}"))

    def _list(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        """All objects, page by page."""
        more: dict[str, str | int] = {**query, "limit": PAGE}
        while True:
            answer = self.api.get(path, more)
            yield from answer.get("items") or []
            token = (answer.get("metadata") or {}).get("continue")
            if not token:
                return
            more["continue"] = token


def _seen(jobs: Iterable[dict[str, Any]], pods: Iterable[dict[str, Any]]) -> list[Seen]:
    by_job: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for pod in pods:
        by_job[(pod["metadata"].get("labels") or {}).get(JOB_NAME, "")].append(pod)
    return [seen_of(job, by_job[job["metadata"]["name"]]) for job in jobs]


def _is_over(job: dict[str, Any]) -> bool:
    return seen_of(job, []).state is State.ENDED


def _unless_missing(call: Any) -> Any:
    try:
        return call()
    except ApiRefused as refused:
        if refused.status == 404:
            return None
        raise


@contextmanager
def _in_our_words(name: str) -> Iterator[None]:
    """The API server's refusals as the driver protocol's."""
    try:
        yield
    except ApiRefused as refused:
        raise refused.in_our_words(name) from refused
