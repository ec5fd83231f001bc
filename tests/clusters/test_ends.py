"""Why it is over, or what is ending it: from the pod's own words."""

import pytest

from clusters.driver import State
from clusters.kubernetes.ends import end_of, interruption
from clusters.kubernetes.seen import seen_of
from tests.clusters.pod_dicts import OK, RUNS, condition, ended, job, pod

DELETED = "2026-01-01T10:00:00Z"
EMPTY_DIR = 'Usage of EmptyDir volume "volume" exceeds the limit "64Mi". '
LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
# containerd 2 with runc, as the test cluster says it.
NO_SHELL = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: error during container init: exec: "/bin/sh": '
    "stat /bin/sh: no such file or directory"
)


def disrupted(reason):
    return [condition("DisruptionTarget", "True", reason, "Words of the condition.")]


# What the kubelet says of a container that it never made, or does not find again.
UNKNOWN = {
    "terminated": {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": "The container could not be located when the pod was terminated",
        "startedAt": None,
    }
}


def not_started(reason, message=""):
    return {
        "terminated": {
            "exitCode": 128,
            "reason": reason,
            "message": message,
            "startedAt": "1970-01-01T00:00:00Z",
        }
    }


def fetched(message):
    return {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": DELETED, "message": message}}


@pytest.mark.parametrize(
    ("found", "exit_code", "reason", "words"),
    [
        (
            pod("Failed", fetch=OK, main=ended(137), reason="Evicted", message=EMPTY_DIR),
            137,
            "disk_limit",
            EMPTY_DIR,
        ),
        (pod("Failed", fetch=OK, main=ended(137), reason="Evicted", message=LOW), 137, "evicted", LOW),
        (pod("Failed", reason="Evicted", message=LOW), None, "evicted", LOW),
        (
            pod(
                "Failed",
                fetch=OK,
                main=ended(143),
                conditions=disrupted("EvictionByEvictionAPI"),
                deleted=DELETED,
            ),
            143,
            "drained",
            "Words of the condition.",
        ),
        (
            pod("Failed", fetch=OK, main=ended(143), conditions=disrupted("PreemptionByScheduler")),
            143,
            "preempted",
            None,
        ),
        (
            pod("Failed", fetch=OK, main=ended(143), conditions=disrupted("DeletionByTaintManager")),
            143,
            "node_lost",
            None,
        ),
        (
            pod(
                "Failed",
                fetch=OK,
                main=ended(143),
                conditions=disrupted("TerminationByKubelet"),
                reason="NodeShutdown",
            ),
            143,
            "drained",
            None,
        ),
        (pod("Failed", reason="DeadlineExceeded", message="Pod was active too long"), None, "deadline", None),
        (
            pod(
                "Failed",
                main=UNKNOWN,
                reason="DeadlineExceeded",
            ),
            None,
            "deadline",
            None,
        ),
        (
            pod("Failed", reason="OutOfcpu", message="Node didn't have enough resource: cpu"),
            None,
            "node_refused",
            None,
        ),
        (pod("Failed", fetch=OK, main=not_started("StartError", NO_SHELL)), None, "no_shell", NO_SHELL),
        (
            pod("Failed", fetch=OK, main=not_started("StartError", "exec format error")),
            None,
            "wrong_platform",
            None,
        ),
        (pod("Failed", fetch=OK, main=not_started("ContainerCannotRun", "?")), None, "start_failed", "?"),
        (
            pod("Failed", fetch=fetched("trace\nThe script was not started: no route to the portal.\n")),
            None,
            "fetch_failed",
            "The script was not started: no route to the portal.",
        ),
    ],
)
def test_how_it_ended_and_why(found, exit_code, reason, words):
    assert end_of(job(), found)[:2] == (exit_code, reason)
    assert words is None or end_of(job(), found)[2] == words


@pytest.mark.parametrize(
    ("suspend", "found", "reason"),
    [
        (False, pod(fetch=OK, main=RUNS, deleted=DELETED), "deleted"),
        (True, pod(fetch=OK, main=RUNS, deleted=DELETED), "stopped"),
        (True, pod(fetch=OK, main=RUNS, deleted=DELETED, reason="Evicted", message=EMPTY_DIR), "disk_limit"),
        (False, pod(fetch=OK, main=RUNS), None),
    ],
)
def test_what_is_ending_it_is_known_while_it_still_runs(suspend, found, reason):
    told = interruption(job(suspend=suspend), found)
    assert (told and told[0]) == reason


def test_what_could_not_be_started_is_over_although_the_sidecar_is_not():
    seen = seen_of(job(), [pod("Running", fetch=OK, collect=RUNS, main=not_started("StartError", NO_SHELL))])
    assert (seen.state, seen.exit_code, seen.reason) == (State.ENDED, None, "no_shell")
