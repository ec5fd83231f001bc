"""The doctor's test pod: a Job shaped like any job's, in which the runner calls the portal back. Pure.

`fetch` becomes the probe; `main` runs main.sh in a user's image; `collect` only waits for its end. The labels are not
those of works: watch and reconciler do not see it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clusters.driver import Work
from clusters.kubernetes import manifests
from clusters.kubernetes.bundle import runner_bundle

LABEL_DOCTOR, LABEL_VISIT = "stellwerk/doctor", "stellwerk/visit"
# Nothing is left although the worker died: Kubernetes ends it, and forgets it.
DEADLINE_SECONDS, TTL_SECONDS, GRACE_SECONDS = 240, 60, 5
MIB = 1 << 20
# The first process of a container ignores a signal that it did not ask for.
_WAIT = "import signal as s; s.pthread_sigmask(s.SIG_BLOCK, {s.SIGTERM}); s.sigwait({s.SIGTERM})"
# What main.sh needs of an image, tried without it: only one container of the pod can be a script's.
_HAS_SHELL = ["/bin/sh", "-c", "command -v sleep >/dev/null || exit 3"]
# Room for the test pod is no question of how many environments there are.
_HARDLY_ANYTHING = {"cpu": "1m", "memory": "4Mi", "ephemeral-storage": "1Mi"}


@dataclass(frozen=True)
class Tried:
    """One more user's image, in a container of the test pod called `name`."""

    name: str
    image: str
    label: str = ""


@dataclass(frozen=True)
class Probe:
    """Values of one test pod. `image` "" tries no user's image, but the runner's in its place."""

    name: str
    installation: str
    visit: int
    token: str = field(repr=False)
    portal_url: str
    runner_image: str
    image: str = ""
    space: str = ""
    pull_secret: str = ""
    runner_pull_secret: str = ""
    label: str = ""
    others: Sequence[Tried] = ()
    untried: Mapping[str, str] = field(default_factory=dict)
    node_labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, str]] = ()

    @property
    def labels(self) -> dict[str, str]:
        return {LABEL_DOCTOR: self.installation, LABEL_VISIT: str(self.visit)}


def job(probe: Probe) -> dict[str, Any]:
    """The Job; its pod needs the runner's ConfigMap and the Secret of `secret`."""
    made = manifests.job(_work(probe), _runner(probe))
    spec = made["spec"]
    spec["ttlSecondsAfterFinished"] = TTL_SECONDS
    spec["activeDeadlineSeconds"] = DEADLINE_SECONDS
    pod = spec["template"]["spec"]
    pod["activeDeadlineSeconds"] = DEADLINE_SECONDS
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    pod["containers"] += [_trying(tried, pod["containers"][0]) for tried in probe.others]
    for container in [*pod["initContainers"], *pod["containers"]]:
        container["terminationMessagePolicy"] = "FallbackToLogsOnError"
        if container["name"] == "fetch":
            container["command"] = ["probe" if word == "fetch" else word for word in container["command"]]
        elif container["name"] == "collect":
            container["command"] = ["python3", "-I", "-S", "-c", _WAIT]
    return made


def _trying(tried: Tried, main: Mapping[str, Any]) -> dict[str, Any]:
    """A container as small and as harmless as main, without a volume."""
    policy = manifests.pull_policy(tried.image)
    return {
        "name": tried.name,
        "image": tried.image,
        "imagePullPolicy": policy,
        "command": _HAS_SHELL,
        "resources": {"requests": _HARDLY_ANYTHING, "limits": main["resources"]["limits"]},
        "securityContext": main["securityContext"],
    }


def secret(probe: Probe, owner_uid: str) -> dict[str, Any]:
    """The token, which goes when the Job goes."""
    return manifests.token_secret(_work(probe), owner_uid)


def config_map(probe: Probe, labels: dict[str, str]) -> dict[str, Any]:
    """The runner: the same that jobs use, so it stays."""
    return manifests.runner_config_map(_runner(probe).bundle, labels)


def _runner(probe: Probe) -> manifests.Runner:
    return manifests.Runner(probe.runner_image, runner_bundle(), probe.runner_pull_secret)


def _work(probe: Probe) -> Work:
    return Work(
        name=probe.name,
        labels=probe.labels,
        image=probe.image or probe.runner_image,
        portal_url=probe.portal_url,
        token=probe.token,
        cpu_millis=50,
        memory_bytes=64 * MIB,
        disk_bytes=64 * MIB,
        max_processes=64,
        time_limit_seconds=60,
        grace_seconds=1,
        space=probe.space,
        pull_secret=probe.pull_secret,
        node_labels=probe.node_labels,
        tolerations=probe.tolerations,
    )
