"""Why a script has not begun. Pure: the API server's dicts in, a word of clusters.causes and Kubernetes' own words out.

`waiting_for` needs what a watch shows anyway. `judge` reads the events too, and how long it takes already.
"""

from collections.abc import Sequence

from clusters.causes import Wait
from clusters.driver import Told
from clusters.kubernetes import images, pods, refusals
from clusters.kubernetes.pods import Object

# Seconds: so long all is well although nothing happens.
CONTROLLERS_PATIENCE, SCHEDULER_PATIENCE, START_PATIENCE = 12.0, 15.0, 20.0
Why = tuple[str, str]
NOTHING: Why = ("", "")
# The kubelet's words for containers that wait: pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go.
_PULLS = ("ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable")
_NAMES = ("InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError")
# pkg/kubelet/images/image_manager.go
_NO_NAME = "Failed to apply default image tag"
_PULL_FAILED = ("Failed to pull image", "Failed to inspect image", _NO_NAME)
# Of its events these tell what holds up a pod that has a node.
_HOLDUPS = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady", "FailedSync")


def waiting_for(pod: Object | None) -> Why:
    """What the pod itself tells; nothing where it waits for nothing unusual, or does not wait."""
    if pod is None:
        return NOTHING
    if pods.main_has_begun(pod) or is_on_silent_node(pod):
        return silence(pod)
    return _placing(pod) or _containers(pod) or NOTHING


def judge(job: Object, pod: Object | None, told: Sequence[Told], age: float) -> Why:
    """As `waiting_for`, and what only events or the time tell. `age`: seconds since the Job was made."""
    if pod is None:
        return _without_pod(job, told, age)
    why = waiting_for(pod)
    if why[0].startswith("image_"):
        return _pull_secret(told) or why
    if why != NOTHING or pods.main_has_begun(pod):
        return why
    if failed := _failed_pull(told):
        return _pull_secret(told) or failed
    if "PodScheduled" not in pods.conditions(pod):
        is_late = age >= SCHEDULER_PATIENCE
        return (Wait.SCHEDULER_SILENT, "Nobody has looked for a node.") if is_late else NOTHING
    return _preparing(pod, told, age)


def silence(pod: Object) -> Why:
    """NODE_SILENT while its node does not answer, in a form that words.silent_node reads."""
    if not is_on_silent_node(pod):
        return NOTHING
    node = str((pod.get("spec") or {}).get("nodeName") or "?")
    since = str((pods.conditions(pod).get("Ready") or {}).get("lastTransitionTime") or "?")
    return Wait.NODE_SILENT, f"Node {node} does not answer since {since}."


def is_on_silent_node(pod: Object) -> bool:
    """The node controller took its readiness away, and no kubelet told why.

    A kubelet always changes Ready together with ContainersReady; the controller changes Ready alone
    (pkg/controller/util/node/controller_utils.go, MarkPodsNotReady).
    """
    status = pod.get("status") or {}
    if pods.is_over(pod):
        return False
    if status.get("phase") == "Unknown" or status.get("reason") == "NodeLost":
        return True
    found = pods.conditions(pod)
    ready, containers = found.get("Ready") or {}, found.get("ContainersReady") or {}
    return ready.get("status") == "False" and containers.get("status") == "True"


def _placing(pod: Object) -> Why | None:
    scheduled = pods.conditions(pod).get("PodScheduled") or {}
    if scheduled.get("status") != "False":
        return None
    message = str(scheduled.get("message") or "")
    if scheduled.get("reason") == "SchedulingGated":
        return Wait.GATED, message
    if scheduled.get("reason") != "Unschedulable":
        return None
    is_promised = bool((pod.get("status") or {}).get("nominatedNodeName"))
    return Wait.PREEMPTING if is_promised else Wait.UNSCHEDULABLE, message


def _containers(pod: Object) -> Why | None:
    for state in pods.statuses(pod).values():
        waiting = state.get("waiting") or {}
        reason = str(waiting.get("reason") or "")
        message = str(waiting.get("message") or reason)
        if reason in _PULLS:
            return images.cause_of(f"{reason} {message}"), message
        if reason in _NAMES:
            return Wait.IMAGE_NAME, message
        if reason in _CONFIG:
            is_missing = "not found" in message or "couldn't find key" in message
            return Wait.CONFIG_MISSING if is_missing else Wait.CONTAINER_CONFIG, message
    return None


def _without_pod(job: Object, told: Sequence[Told], age: float) -> Why:
    if pods.is_asked_to_stop(job):
        return Wait.GATED, "The Job is suspended."
    refused = _last(told, ("FailedCreate",))
    if refused is not None:
        cause = refusals.cause_of(refused.message) or Wait.POD_REFUSED
        return cause, refusals.bare(refused.message)
    if age >= CONTROLLERS_PATIENCE:
        return Wait.CONTROLLERS_SILENT, "Nobody has made a pod for the Job."
    return NOTHING


def _pull_secret(told: Sequence[Told]) -> Why | None:
    found = _last(told, ("FailedToRetrieveImagePullSecret",))
    return None if found is None else (Wait.PULL_SECRET_MISSING, found.message)


def _failed_pull(told: Sequence[Told]) -> Why | None:
    """The kubelet's event of a pull that failed comes about ten seconds before the container's status says so.

    It generates a pod's status before it tries to start it (pkg/kubelet/kubelet.go, SyncPod).
    """
    failed = next((each for each in reversed(told) if each.message.startswith(_PULL_FAILED)), None)
    if failed is None or any(_came_after(failed, each) for each in told):
        return None
    is_name = failed.message.startswith(_NO_NAME)
    return Wait.IMAGE_NAME if is_name else images.cause_of(failed.message), failed.message


def _came_after(failed: Told, each: Told) -> bool:
    """The image that failed was had later. Events tell whole seconds, and other containers have images, too."""
    is_same = _quoted(each.message) == _quoted(failed.message)
    return each.reason == "Pulled" and is_same and each.last_at > failed.last_at


def _quoted(message: str) -> str:
    """The first word in quotes: of a pull, its image."""
    return next(iter(message.split('"')[1:2]), "")


def _preparing(pod: Object, told: Sequence[Told], age: float) -> Why:
    if pods.exit_of(pod, "fetch") is None and "running" in pods.statuses(pod).get("fetch", {}):
        return NOTHING
    holdup = _last(told, _HOLDUPS)
    # One failure is nothing: the kubelet tries again, and a Secret that is made meanwhile is found.
    if holdup is not None and (holdup.count > 1 or age >= START_PATIENCE):
        is_missing = "not found" in holdup.message and (
            "secret" in holdup.message or "configmap" in holdup.message
        )
        return Wait.CONFIG_MISSING if is_missing else Wait.VOLUME, holdup.message
    if age < START_PATIENCE:
        return NOTHING
    last = told[-1].message if told else "Its node has not said anything about it."
    return Wait.PREPARING, last


def _last(told: Sequence[Told], reasons: tuple[str, ...]) -> Told | None:
    return next((each for each in reversed(told) if each.reason in reasons), None)
