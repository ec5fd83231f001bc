"""Why a script has not begun: what a pod tells by itself, and what only events or the time tell."""

import pytest

from clusters.driver import State
from clusters.kubernetes.seen import seen_of
from clusters.kubernetes.waits import judge
from tests.clusters.pod_dicts import OK, RUNS, SCHEDULED, condition, ended, job, pod, told, waits

QUOTA = 'Error creating: pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
UNREADY = [condition("Ready"), condition("ContainersReady", "True"), SCHEDULED]


def waiting(*conditions, **more):
    return pod("Pending", conditions=list(conditions), **more)


@pytest.mark.parametrize(
    ("found", "reason", "words"),
    [
        (waiting(condition("PodScheduled", reason="SchedulingGated", message="Gated.")), "gated", "Gated."),
        (
            waiting(condition("PodScheduled", reason="Unschedulable", message="0/1."), nominatedNodeName="n"),
            "preempting",
            "0/1.",
        ),
        (
            pod("Pending", fetch=OK, main=waits("ErrImagePull", 'failed to resolve "x": not found')),
            "image_missing",
            'failed to resolve "x": not found',
        ),
        (
            pod("Pending", fetch=waits("CreateContainerConfigError", 'secret "s" not found')),
            "config_missing",
            None,
        ),
        (pod("Running", fetch=OK, main=RUNS, conditions=UNREADY), "node_silent", None),
        (pod("Unknown", fetch=OK, main=RUNS), "node_silent", None),
        (pod("Running", fetch=OK, main=RUNS, reason="NodeLost"), "node_silent", None),
        # A kubelet that says so itself: the container just is not ready.
        (
            pod(fetch=OK, main=RUNS, conditions=[condition("Ready"), condition("ContainersReady")]),
            "",
            "",
        ),
    ],
)
def test_a_pod_tells_by_itself(found, reason, words):
    seen = seen_of(job(), [found])
    assert seen.state is not State.ENDED
    assert seen.reason == reason
    assert words is None or seen.message == words


def test_a_silent_node_is_named_with_the_time_and_ends_nothing():
    found = pod(fetch=OK, main=RUNS, conditions=UNREADY, deleted="2026-01-01T10:05:00Z")
    found["spec"] = {"nodeName": "gpu-7"}
    seen = seen_of(job(), [found])
    assert (seen.state, seen.exit_code) == (State.RUNNING, None)
    assert seen.message == "Node gpu-7 does not answer since 2026-01-01T10:00:00Z."


NO_NAME = 'Failed to apply default image tag "Not/A/Name:1": couldn\'t parse image name "Not/A/Name:1"'
HAD = 'Container image "{}" already present on machine'
PULL = 'Failed to pull image "x:1": toomanyrequests: You have reached your pull rate limit.'
MOUNT = 'MountVolume.SetUp failed for volume "token" : secret "sw-1" not found'


@pytest.mark.parametrize(
    ("found", "events", "age", "reason"),
    [
        (None, [], 5, ""),
        (None, [], 13, "controllers_silent"),
        (None, [told("FailedCreate", QUOTA)], 1, "quota"),
        (None, [told("FailedCreate", "Error creating: something new")], 1, "pod_refused"),
        (waiting(), [], 5, ""),
        (waiting(), [], 16, "scheduler_silent"),
        (waiting(SCHEDULED), [], 5, ""),
        (waiting(SCHEDULED), [], 21, "preparing"),
        (waiting(SCHEDULED), [told("FailedMount", MOUNT)], 3, ""),
        (waiting(SCHEDULED), [told("FailedMount", MOUNT, count=3)], 3, "config_missing"),
        (waiting(SCHEDULED), [told("FailedCreatePodSandBox", "no IP", count=2)], 3, "volume"),
        (waiting(SCHEDULED, fetch=RUNS), [], 999, ""),
        (waiting(fetch=waits("ErrImagePull", "401 Unauthorized")), [], 3, "image_login"),
        (
            waiting(fetch=waits("ErrImagePull", "401 Unauthorized")),
            [told("FailedToRetrieveImagePullSecret")],
            3,
            "pull_secret_missing",
        ),
        (
            waiting(SCHEDULED, fetch=OK),
            [told("Failed", PULL), told("Failed", "Error: ErrImagePull")],
            6,
            "image_limit",
        ),
        (waiting(SCHEDULED, fetch=OK), [told("InspectFailed", NO_NAME)], 6, "image_name"),
        (
            waiting(SCHEDULED, fetch=OK),
            [told("FailedToRetrieveImagePullSecret"), told("Failed", PULL)],
            6,
            "pull_secret_missing",
        ),
        (
            waiting(SCHEDULED, fetch=OK),
            [told("Failed", PULL), told("Pulled", HAD.format("x:1"), kind="Normal", second=1)],
            6,
            "",
        ),
        # The runner's image came in the same second, or later.
        (
            waiting(SCHEDULED, fetch=OK),
            [told("Failed", PULL), told("Pulled", HAD.format("python:3.11"), kind="Normal", second=1)],
            6,
            "image_limit",
        ),
        (
            waiting(SCHEDULED, fetch=OK),
            [told("Failed", PULL), told("Pulled", HAD.format("x:1"), kind="Normal")],
            6,
            "image_limit",
        ),
        (pod(fetch=OK, main=RUNS), [told("Failed", PULL)], 99, ""),
        (pod(fetch=OK, main=RUNS), [told("FailedCreate", QUOTA)], 99, ""),
    ],
)
def test_events_and_the_time_tell_the_rest(found, events, age, reason):
    assert judge(job(), found, events, age)[0] == reason


def test_a_queues_suspended_job_is_held_back():
    assert judge(job(suspend=True), None, [], 1)[0] == "gated"


def test_the_last_refusal_counts():
    events = [told("FailedCreate", QUOTA), told("FailedCreate", 'violates PodSecurity "restricted:latest"')]
    assert judge(job(), None, events, 1)[0] == "admission"


def test_what_is_over_waits_for_nothing():
    seen = seen_of(job(), [pod("Failed", fetch=OK, main=ended(1), conditions=UNREADY)])
    assert (seen.state, seen.reason) == (State.ENDED, "")
