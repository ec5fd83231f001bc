"""Why it is over. Pure: the API server's dicts in; an exit code, a word of clusters.causes and a sentence out."""

import re

from clusters.causes import End
from clusters.kubernetes import pods
from clusters.kubernetes.pods import Object

How = tuple[int | None, str, str]
# Who let a pod go: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
_DISRUPTIONS = {
    "PreemptionByScheduler": End.PREEMPTED,
    "DeletionByTaintManager": End.NODE_LOST,
    "EvictionByEvictionAPI": End.DRAINED,
    "DeletionByPodGC": End.NODE_LOST,
    "TerminationByKubelet": End.EVICTED,
}
# The kubelet's limits for one pod: pkg/kubelet/eviction/eviction_manager.go, localStorageEviction.
_OWN_DISK = re.compile(r"EmptyDir volume|local ephemeral storage")
_NOT_ADMITTED = re.compile(r"OutOf\w+|UnexpectedAdmissionError|NodeAffinity|NodePorts|Topology\w+Error")
_NO_SHELL = re.compile(
    r'exec: "?/bin/sh"?.*no such file|/bin/sh.*(?:no such file|not found)|executable file not found'
)
_PLATFORM = re.compile(r"exec format error", re.I)


def end_of(job: Object, pod: Object | None) -> How:
    """How it ended, when it did."""
    if pod is None:
        return _without_pod(job)
    main = pods.terminated(pod, "main")
    if main is not None and pods.has_run(main):
        reason, message = _why_main_ended(job, pod, main)
        return int(main["exitCode"]), reason, message
    fetch = pods.terminated(pod, "fetch")
    if fetch is not None and fetch.get("exitCode") == pods.REFUSED_EXIT:
        return None, End.REFUSED, "The portal refused the claim; nothing was started."
    if outside := interruption(job, pod):
        return None, *outside
    return None, *_start_failed(pod, main, fetch)


def interruption(job: Object, pod: Object) -> tuple[str, str] | None:
    """What is ending the pod, or has, from outside of it: known while it still runs. None: nothing is."""
    status = pod.get("status") or {}
    message = str(status.get("message") or "")
    if status.get("reason") == "Evicted":
        return evicted(message), message
    disruption = pods.true_conditions(pod).get("DisruptionTarget")
    if disruption is not None:
        reason = _DISRUPTIONS.get(str(disruption.get("reason")), End.DRAINED)
        return _kubelets(reason, status), message or str(disruption.get("message") or "")
    if status.get("reason") in ("NodeShutdown", "Terminated", "Shutdown"):
        return End.DRAINED, message
    if status.get("reason") == "Preempting":
        return End.PREEMPTED, message
    if pod["metadata"].get("deletionTimestamp"):
        if pods.is_asked_to_stop(job):
            return End.STOPPED, "Stopped; its pod was told to end."
        return End.DELETED, "Its pod was deleted."
    return None


def evicted(message: str) -> End:
    """What an eviction with these words was for: the pod's own use of disk, or its node's need."""
    return End.DISK_LIMIT if _OWN_DISK.search(message) else End.EVICTED


def _kubelets(reason: End, status: Object) -> End:
    """A kubelet that ends a pod may be short of something, or be told to shut the node down."""
    is_shutdown = (
        reason is End.EVICTED and "shutdown" in f"{status.get('reason')} {status.get('message')}".lower()
    )
    return End.DRAINED if is_shutdown else reason


def _why_main_ended(job: Object, pod: Object, main: Object) -> tuple[str, str]:
    if main.get("reason") == "OOMKilled":
        return End.OUT_OF_MEMORY, ""
    if (pod.get("status") or {}).get("reason") == "DeadlineExceeded":
        return End.TIME_LIMIT, ""
    return interruption(job, pod) or ("", "")


def _start_failed(pod: Object, main: Object | None, fetch: Object | None) -> tuple[str, str]:
    """Nothing was started, and nobody outside is to blame."""
    status = pod.get("status") or {}
    reason, message = str(status.get("reason") or ""), str(status.get("message") or "")
    # First: of a container that was never made the kubelet may then say that it "could not be located".
    if reason == "DeadlineExceeded":
        return End.DEADLINE, message
    if main is not None and main.get("message"):
        return _bad_image(str(main["message"]))
    if _NOT_ADMITTED.fullmatch(reason):
        return End.NODE_REFUSED, message or reason
    if fetch is not None and fetch.get("exitCode"):
        return End.FETCH_FAILED, _last_line(str(fetch.get("message") or "")) or "Its log says more."
    return End.START_FAILED, message or reason or "The pod ended before the script began."


def _bad_image(message: str) -> tuple[str, str]:
    if _PLATFORM.search(message):
        return End.WRONG_PLATFORM, message
    return End.NO_SHELL if _NO_SHELL.search(message) else End.START_FAILED, message


def _without_pod(job: Object) -> How:
    if pods.is_stopped(job):
        return None, End.STOPPED, "Stopped; its pod is gone."
    failed = pods.true_conditions(job).get("Failed")
    sentence = str((failed or {}).get("message") or "Its pod is gone, and nobody saw how it ended.")
    return None, End.LOST, sentence


def _last_line(message: str) -> str:
    return message.strip().rpartition("\n")[2]
