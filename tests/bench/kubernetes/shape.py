"""Jobs of the portal's shape that need no portal: three containers, their volumes and a Secret, and nothing in them."""

from collections.abc import Collection, Iterable
from typing import Any

from clusters.driver import Work
from clusters.kubernetes import manifests
from clusters.kubernetes.bundle import runner_bundle
from tests.bench.kubernetes.ground import FAKE_LABELS, FAKE_TOLERATIONS
from tests.bench.kubernetes.portal import CODE, PROFILES, RUNNER_IMAGE

RUNNER = manifests.Runner(RUNNER_IMAGE, runner_bundle())
QUICK = ["python3", "-I", "-S", "-c"]
# What may be left out of our pods, to see what it costs the cluster.
PARTS = SECRET, VOLUMES, HELPERS = ("the Secret", "volumes", "fetch and collect")
COMMANDS = {
    "fetch": [*QUICK, "pass"],
    "collect": [*QUICK, "import signal; signal.signal(15, lambda *_: exit(0)); signal.pause()"],
    "main": ["python3", "-c", CODE],
}


def work(job_id: int, profile: str) -> Work:
    """As the portal would give it to its driver."""
    sizes = next(each for each in PROFILES if each["name"] == profile)
    labels = {"stellwerk/installation": "bare", "stellwerk/job": str(job_id)}
    return Work(
        name=f"bare-{job_id}",
        labels=labels | {"stellwerk/attempt": "1", "stellwerk/team": "1"},
        image=RUNNER_IMAGE,
        portal_url="http://127.0.0.1:1",
        token="none",  # noqa: S106
        cpu_millis=sizes["cpu_millis"],
        memory_bytes=32 << 20,
        disk_bytes=32 << 20,
        max_processes=100,
        time_limit_seconds=3600,
        grace_seconds=10,
        node_labels=FAKE_LABELS if "node_labels" in sizes else {},
        tolerations=FAKE_TOLERATIONS if "tolerations" in sizes else (),
    )


def job(made: Work, without: Collection[str] = ()) -> dict[str, Any]:
    """The portal's Job, with containers that end by themselves; `without` parts of PARTS."""
    found = manifests.job(made, RUNNER)
    pod = found["spec"]["template"]["spec"]
    if HELPERS in without:
        del pod["initContainers"]
    dropped = {each["name"] for each in pod["volumes"]} if VOLUMES in without else set()
    dropped |= {"token"} if SECRET in without else set()
    pod["volumes"] = [each for each in pod["volumes"] if each["name"] not in dropped]
    for container in [*pod.get("initContainers", ()), *pod["containers"]]:
        container["command"] = COMMANDS[container["name"]]
        container["volumeMounts"] = [
            each for each in container["volumeMounts"] if each["name"] not in dropped
        ]
    return found


def secrets_of(works: Iterable[Work]) -> dict[str, Any]:
    """By name; the Job's uid is for the client to fill in."""
    return {made.name: manifests.token_secret(made, "") for made in works}


def config_map() -> dict[str, Any]:
    """What the pods mount beside their Secrets."""
    return manifests.runner_config_map(RUNNER.bundle, {})
