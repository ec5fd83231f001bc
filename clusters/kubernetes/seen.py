"""What a Job and its pods amount to. Pure: the API server's dicts in, the driver protocol's words out."""

from collections.abc import Iterable, Mapping
from typing import Any

from clusters.driver import Seen, State

REFUSED_EXIT = 86  # the runner's: the claim was refused, nothing was started
Object = Mapping[str, Any]
# The kubelet's words for containers that wait: pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go.
_WAITING = {
    "ErrImagePull": "image_pull",
    "ImagePullBackOff": "image_pull",
    "ImageInspectError": "image_pull",
    "RegistryUnavailable": "image_pull",
    "ErrImageNeverPull": "image_name",
    "InvalidImageName": "image_name",
    "CreateContainerConfigError": "container_config",
    "CreateContainerError": "container_config",
}


def seen_of(job: Object, pods: Iterable[Object]) -> Seen:
    """One work. Of several pods (Kubernetes may start two) the one that was not refused counts."""
    pods = sorted(pods, key=_rank)
    pod = pods[0] if pods else None
    ended = all(_is_over(each) for each in pods) and (bool(pods) or _is_finished(job) or _is_stopped(job))
    exit_code, reason, message = _end(job, pod) if ended else (None, *waiting_for(pod))
    living = State.RUNNING if pod is not None and _main_has_begun(pod) else State.PENDING
    metadata = job["metadata"]
    uid = pod["metadata"]["uid"] if pod is not None else metadata["uid"]
    return Seen(
        metadata["name"],
        metadata.get("labels") or {},
        uid,
        State.ENDED if ended else living,
        exit_code,
        reason,
        message,
    )


def waiting_for(pod: Object | None) -> tuple[str, str]:
    """Why the script has not begun, as far as the pod tells: a word for machines and Kubernetes' own words."""
    if pod is None or _main_has_begun(pod):
        return "", ""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return "unschedulable", str(condition.get("message") or "")
    for state in _statuses(pod).values():
        waiting = state.get("waiting") or {}
        if reason := _WAITING.get(str(waiting.get("reason") or "")):
            return reason, str(waiting.get("message") or waiting["reason"])
    return "", ""


def _rank(pod: Object) -> tuple[bool, str]:
    return (_exit_of(pod, "fetch") == REFUSED_EXIT, pod["metadata"].get("creationTimestamp") or "")


def _is_over(pod: Object) -> bool:
    """Kubernetes says so of a pod when none of its containers can run any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _conditions(job: Object) -> dict[str, Object]:
    found = (job.get("status") or {}).get("conditions") or []
    return {condition["type"]: condition for condition in found if condition.get("status") == "True"}


def _is_finished(job: Object) -> bool:
    return bool(_conditions(job).keys() & {"Complete", "Failed"})


def _is_stopped(job: Object) -> bool:
    """Suspended, and the controller has taken note: it starts no pod, and those there were are gone."""
    status = job.get("status") or {}
    is_asked = bool((job.get("spec") or {}).get("suspend"))
    return (
        is_asked
        and "Suspended" in _conditions(job)
        and not status.get("active")
        and not status.get("terminating")
    )


def _end(job: Object, pod: Object | None) -> tuple[int | None, str, str]:
    """Exit code, reason and sentence of what is over."""
    if pod is None:
        return _end_without_pod(job)
    main = _terminated(pod, "main")
    if main is not None and _has_run(main):
        return int(main["exitCode"]), _reason_of(main, pod), ""
    fetch = _terminated(pod, "fetch")
    if fetch is not None and fetch.get("exitCode") == REFUSED_EXIT:
        return None, "refused", "The portal refused the claim; nothing was started."
    if fetch is not None and fetch.get("exitCode"):
        return None, "start_failed", "The files could not be brought into the pod; its log says more."
    status = pod.get("status") or {}
    sentence = str(status.get("message") or status.get("reason") or "The pod ended before the script began.")
    return None, "start_failed", sentence


def _end_without_pod(job: Object) -> tuple[int | None, str, str]:
    if _is_stopped(job):
        return None, "stopped", "Stopped; its pod is gone."
    failed = _conditions(job).get("Failed")
    sentence = str((failed or {}).get("message") or "Its pod is gone, and nobody saw how it ended.")
    return None, "lost", sentence


def _reason_of(main: Object, pod: Object) -> str:
    if main.get("reason") == "OOMKilled":
        return "out_of_memory"
    status = pod.get("status") or {}
    if status.get("reason") == "DeadlineExceeded":
        return "time_limit"
    return "stopped" if pod["metadata"].get("deletionTimestamp") else ""


def _statuses(pod: Object) -> dict[str, Object]:
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return {container["name"]: container.get("state") or {} for container in found}


def _terminated(pod: Object, name: str) -> Object | None:
    return _statuses(pod).get(name, {}).get("terminated")


def _exit_of(pod: Object, name: str) -> int | None:
    ended = _terminated(pod, name)
    return None if ended is None else int(ended["exitCode"])


def _has_run(main: Object) -> bool:
    """A container that could not be started is told as ended as well, without a time at which it began."""
    return bool(main.get("startedAt")) and main.get("reason") not in ("ContainerCannotRun", "StartError")


def _main_has_begun(pod: Object) -> bool:
    state = _statuses(pod).get("main", {})
    return "running" in state or "terminated" in state
