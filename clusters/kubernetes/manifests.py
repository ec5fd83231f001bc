"""A work as Kubernetes objects. Pure: values in, plain dicts out.

The pod: `fetch` (init) claims the attempt and brings its files; `main` runs the script in the user's image by a
shell; `collect` (native sidecar) ships output and results. Only fetch and collect have the attempt's token and the
portal's address. Everything fits Pod Security "restricted".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from clusters.driver import LABEL_WORK, Work
from clusters.kubernetes.bundle import Bundle
from clusters.kubernetes.names import JOBS_ACCOUNT

VOLUME, RUNNER, TOKEN = "/stellwerk/volume", "/stellwerk/runner", "/stellwerk/token"
# No user of the image: "restricted" wants a number that is not root, and the volume belongs to it.
USER = 10001
# Claim and input files; the script's own limit begins after it.
FETCH_SECONDS = 3600
# An ended Job that the portal did not remove removes itself.
TTL_SECONDS = 7 * 24 * 3600
_PYTHON = ["python3", "-I", "-S", "-c", f"open('{VOLUME}/stop', 'w').close()"]
_STAGE_LIMITS = {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "64Mi"}
_STAGE_REQUESTS = {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "64Mi"}


@dataclass(frozen=True)
class Runner:
    """What runs beside the script: an image with Python 3.9 or newer, its registry's login, and our code for it."""

    image: str
    bundle: Bundle
    pull_secret: str = ""


def job(work: Work, runner: Runner) -> dict[str, Any]:
    """The Job of one attempt. It is never retried by Kubernetes: whether to try again is the portal's to decide."""
    labels = dict(work.labels)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": work.name, "labels": {**labels, LABEL_WORK: work.name}},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podReplacementPolicy": "Failed",
            "ttlSecondsAfterFinished": TTL_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": _pod(work, runner)},
        },
    }


def token_secret(work: Work, owner_uid: str) -> dict[str, Any]:
    """The attempt's token, which goes when its Job goes."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": work.name, "uid": owner_uid}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": work.name, "labels": dict(work.labels), "ownerReferences": [owner]},
        "type": "Opaque",
        "immutable": True,
        "stringData": {"token": work.token},
    }


def runner_config_map(bundle: Bundle, labels: dict[str, str]) -> dict[str, Any]:
    """The runner, one for all attempts of a namespace. Its name tells its content, which never changes."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": bundle.name, "labels": labels},
        "immutable": True,
        "binaryData": {name: content for name, content in bundle.files.items()},
    }


def _pod(work: Work, runner: Runner) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": JOBS_ACCOUNT,
        "activeDeadlineSeconds": work.time_limit_seconds + work.grace_seconds + FETCH_SECONDS,
        # After the script's end `collect` may take so long to bring everything home (the runner's own deadline).
        "terminationGracePeriodSeconds": work.grace_seconds + settings.RESULT_WAIT_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [
            _stage("fetch", work, runner),
            {**_stage("collect", work, runner), "restartPolicy": "Always", "lifecycle": _leave_mark(_PYTHON)},
        ],
        "containers": [_main(work)],
        "volumes": [
            {"name": "volume", "emptyDir": {"sizeLimit": str(work.disk_bytes)}},
            {"name": "runner", "configMap": {"name": runner.bundle.name, "defaultMode": 0o444}},
            {"name": "token", "secret": {"secretName": work.name, "defaultMode": 0o440}},
        ],
        **_placement(work, runner),
    }


def _placement(work: Work, runner: Runner) -> dict[str, Any]:
    """Which nodes it may run on, and the registries' logins: only what was asked for."""
    logins = dict.fromkeys(name for name in (work.pull_secret, runner.pull_secret) if name)
    found = {
        "nodeSelector": dict(work.node_labels),
        "tolerations": [_toleration(each) for each in work.tolerations],
        "imagePullSecrets": [{"name": name} for name in logins],
    }
    return {name: value for name, value in found.items() if value}


def _toleration(asked: Mapping[str, str]) -> dict[str, str]:
    """Without a value any will do, and without an effect all."""
    value, effect = asked.get("value", ""), asked.get("effect", "")
    found = {"key": asked.get("key", ""), "operator": "Equal" if value else "Exists"}
    return found | ({"value": value} if value else {}) | ({"effect": effect} if effect else {})


def _stage(name: str, work: Work, runner: Runner) -> dict[str, Any]:
    """fetch or collect, in an image with Python."""
    return {
        "name": name,
        "image": runner.image,
        "imagePullPolicy": pull_policy(runner.image),
        # Words instead of variables: the API server keeps books on each field of each variable.
        "command": [
            *("python3", "-I", "-S", "-B", f"{RUNNER}/runner.pyz", name, VOLUME),
            f"STELLWERK_PORTAL_URL={work.portal_url}",
            f"STELLWERK_TOKEN_FILE={TOKEN}/token",
        ],
        "workingDir": VOLUME,
        "env": [
            {"name": "STELLWERK_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        ],
        "resources": {"requests": _STAGE_REQUESTS, "limits": _STAGE_LIMITS},
        "securityContext": _container_security(read_only=True),
        # What it said last is told with how it ended.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "volume", "mountPath": VOLUME},
            {"name": "runner", "mountPath": RUNNER, "readOnly": True},
            {"name": "token", "mountPath": TOKEN, "readOnly": True},
        ],
    }


def _main(work: Work) -> dict[str, Any]:
    """The user's image. It gets neither the token nor the portal's address."""
    return {
        "name": "main",
        "image": work.image,
        "imagePullPolicy": pull_policy(work.image),
        "command": ["/bin/sh", f"{RUNNER}/main.sh", VOLUME],
        "workingDir": VOLUME,
        "lifecycle": _leave_mark(["/bin/sh", "-c", f": >{VOLUME}/stop"]),
        "resources": _resources(work),
        "securityContext": _container_security(read_only=False),
        "volumeMounts": [
            {"name": "volume", "mountPath": VOLUME},
            {"name": "runner", "mountPath": RUNNER, "readOnly": True},
        ],
    }


def _leave_mark(command: list[str]) -> dict[str, Any]:
    """Before TERM: the first process of a container hears none before it has asked for it, and looks for the mark then.

    A TERM too early would keep the pod for all of its grace time, and the kubelet (1.36) does not shorten that.
    """
    return {"preStop": {"exec": {"command": command}}}


def _resources(work: Work) -> dict[str, Any]:
    amounts = {
        "cpu": f"{work.cpu_millis}m",
        "memory": str(work.memory_bytes),
        "ephemeral-storage": str(work.disk_bytes),
    }
    if work.gpu_count:
        amounts[work.gpu_resource] = str(work.gpu_count)
    return {"requests": amounts, "limits": amounts}


def _container_security(*, read_only: bool) -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only,
    }


def pull_policy(reference: str) -> str:
    """A digest or a tag with a version stays what it is; `latest`, or no tag, may be another image tomorrow."""
    name = reference.rpartition("/")[2]
    is_moving = "@" not in name and (":" not in name or name.endswith(":latest"))
    return "Always" if is_moving else "IfNotPresent"
