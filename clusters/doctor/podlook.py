"""How the test pod is: the API server's dicts in, one word and the cluster's own sentence out. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
# The kubelet's words for containers that wait: pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go.
_NEVER = ("InvalidImageName", "ErrImageNeverPull")
_PULL = ("ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable")
_MAKE = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
# Such a word may be followed by success a moment later.
PATIENCE_SECONDS = 10.0
NO_POD_SECONDS = 20.0
# The containers that every job's pod has.
OF_A_JOB = ("fetch", "collect", "main")


@dataclass(frozen=True)
class Trouble:
    """`stage`: refused, no_pod, unschedulable, image, container, over. `container` and `image` where it is one's."""

    stage: str
    words: str
    container: str = ""
    image: str = ""


@dataclass(frozen=True)
class Ended:
    """A container that is over. `has_run` is False where its first process could not be started."""

    exit_code: int
    has_run: bool
    message: str

    @property
    def told(self) -> dict[str, Any]:
        """What the runner's probe wrote; {} where it is not its JSON."""
        try:
            facts = json.loads(self.message)
        except ValueError:
            return {}
        return facts if isinstance(facts, dict) else {}


def in_trouble(pod: Object | None) -> set[str]:
    """The containers for which a word stands that success may still follow."""
    states = _states(pod or {})
    return {
        name for name, state in states.items() if (state.get("waiting") or {}).get("reason") in _PULL + _MAKE
    }


def is_scheduled(pod: Object | None) -> bool:
    """Whether a node has taken it."""
    return pod is not None and bool((pod.get("spec") or {}).get("nodeName"))


def trouble_of(
    job: Object,
    pod: Object | None,
    events: Iterable[Object],
    age: float,
    containers: Collection[str] = OF_A_JOB,
) -> Trouble | None:
    """What keeps these containers from going on, if anything; `age`: for how many seconds they were waited for."""
    if pod is None:
        return _without_pod(job, events, age)
    return (
        (None if is_scheduled(pod) else _unscheduled(pod, age))
        or _waiting(pod, age, containers)
        or _over(pod)
        or _job_over(job)
    )


def ended(pod: Object | None, name: str) -> Ended | None:
    """A container's end; None while it has none."""
    state = _states(pod or {}).get(name, {}).get("terminated")
    if state is None:
        return None
    has_run = bool(state.get("startedAt")) and state.get("reason") not in ("ContainerCannotRun", "StartError")
    return Ended(int(state.get("exitCode") or 0), has_run, str(state.get("message") or ""))


def _without_pod(job: Object, events: Iterable[Object], age: float) -> Trouble | None:
    for event in events:
        if event.get("reason") == "FailedCreate" and age > PATIENCE_SECONDS / 2:
            return Trouble("refused", str(event.get("message") or ""))
    return _job_over(job) or (Trouble("no_pod", "") if age > NO_POD_SECONDS else None)


def _unscheduled(pod: Object, age: float) -> Trouble | None:
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            words = str(condition.get("message") or "")
            return Trouble("unschedulable", words) if age > PATIENCE_SECONDS else None
    return Trouble("unschedulable", "") if age > NO_POD_SECONDS else None


def _waiting(pod: Object, age: float, containers: Collection[str]) -> Trouble | None:
    for name, state in _states(pod).items():
        if name not in containers:
            continue
        waiting = state.get("waiting") or {}
        reason = str(waiting.get("reason") or "")
        words = str(waiting.get("message") or reason)
        if reason in _NEVER or (reason in _PULL and age > PATIENCE_SECONDS):
            return Trouble("image", words, name, _image(pod, name))
        if reason in _MAKE and age > PATIENCE_SECONDS:
            return Trouble("container", words, name, _image(pod, name))
    return None


def _over(pod: Object) -> Trouble | None:
    """The whole pod ended without its containers telling: evicted, deleted, past its deadline."""
    status = pod.get("status") or {}
    told = any("terminated" in state for state in _states(pod).values())
    if status.get("phase") == "Failed" and not told:
        return Trouble("over", str(status.get("message") or status.get("reason") or ""))
    return None


def _job_over(job: Object) -> Trouble | None:
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Failed" and condition.get("reason") == "DeadlineExceeded":
            return Trouble("over", str(condition.get("message") or ""))
    return None


def _states(pod: Object) -> dict[str, Object]:
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return {container["name"]: container.get("state") or {} for container in found}


def _image(pod: Object, name: str) -> str:
    spec = pod.get("spec") or {}
    found = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return next((str(each.get("image") or "") for each in found if each.get("name") == name), "")
