"""Reading a Job and its pods: small questions to the API server's dicts. Pure."""

import re
from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REFUSED_EXIT = 86  # the runner's: the claim was refused, nothing was started


def conditions(thing: Object) -> dict[str, Object]:
    """All conditions of a Job or pod by type, whatever their status."""
    found = (thing.get("status") or {}).get("conditions") or []
    return {condition["type"]: condition for condition in found}


def true_conditions(thing: Object) -> dict[str, Object]:
    """Those that hold."""
    return {name: found for name, found in conditions(thing).items() if found.get("status") == "True"}


def statuses(pod: Object) -> dict[str, Object]:
    """The state of each container by its name: {"waiting" | "running" | "terminated": {…}}."""
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return {container["name"]: container.get("state") or {} for container in found}


def terminated(pod: Object, name: str) -> Object | None:
    """How that container ended; None when it did not."""
    return statuses(pod).get(name, {}).get("terminated")


def exit_of(pod: Object, name: str) -> int | None:
    """That container's exit code; None while there is none."""
    ended = terminated(pod, name)
    return None if ended is None else int(ended["exitCode"])


def image_digest(pod: Object) -> str:
    """Of the image that the script's container has: "sha256:…", "" while nobody knows it.

    `imageID` is the runtime's word, "docker.io/library/python@sha256:…"; without a repository it is a local id.
    """
    found = (pod.get("status") or {}).get("containerStatuses") or []
    main: Object = next((each for each in found if each["name"] == "main"), {})
    repository, _, digest = (main.get("imageID") or "").rpartition("@")
    return digest if repository and DIGEST.fullmatch(digest) else ""


def main_has_begun(pod: Object) -> bool:
    """Whether the script's container runs or ran."""
    state = statuses(pod).get("main", {})
    return "running" in state or "terminated" in state


def is_over(pod: Object) -> bool:
    """Nothing of the script can run any more.

    Kubernetes says so when all containers have ended. A script that could not be started is over at once: the
    sidecar may not have heard that it should end (the first process of a container misses a TERM that comes before its
    handler), and would be waited for, for an hour; it goes with the Job.
    """
    is_ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    main = terminated(pod, "main")
    return is_ended or (main is not None and not has_run(main))


def has_run(main: Object) -> bool:
    """A container that could not be started is told as ended as well, without a time at which it began."""
    return bool(main.get("startedAt")) and main.get("reason") not in ("ContainerCannotRun", "StartError")


def is_asked_to_stop(job: Object) -> bool:
    """Suspended: our way to stop one, and a queue's to hold one back."""
    return bool((job.get("spec") or {}).get("suspend"))


def is_finished(job: Object) -> bool:
    """The Job's controller is done with it."""
    return bool(true_conditions(job).keys() & {"Complete", "Failed"})


def is_stopped(job: Object) -> bool:
    """Suspended, and the controller has taken note: it starts no pod, and those there were are gone."""
    status = job.get("status") or {}
    return (
        is_asked_to_stop(job)
        and "Suspended" in true_conditions(job)
        and not status.get("active")
        and not status.get("terminating")
    )


def rank(pod: Object) -> tuple[bool, str]:
    """Of several pods (Kubernetes may start two) the first by this counts: one that was not refused."""
    return (exit_of(pod, "fetch") == REFUSED_EXIT, pod["metadata"].get("creationTimestamp") or "")
