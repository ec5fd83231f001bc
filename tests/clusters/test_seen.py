"""Jobs and pods as the API server tells them, in the driver protocol's words."""

import pytest

from clusters.driver import State
from clusters.kubernetes.pods import image_digest
from clusters.kubernetes.seen import seen_of
from tests.clusters.pod_dicts import LABELS, OK, RUNS, ended, job, pod, waits


@pytest.mark.parametrize(
    ("pods", "state"),
    [
        ([], State.PENDING),
        ([pod("Pending")], State.PENDING),
        ([pod("Pending", fetch=RUNS)], State.PENDING),
        ([pod(fetch=OK, collect=RUNS, main=RUNS)], State.RUNNING),
        ([pod(fetch=OK, collect=RUNS, main=ended(3))], State.RUNNING),
        ([pod("Unknown", fetch=OK, main=RUNS)], State.RUNNING),
        ([pod("Failed", fetch=OK, main=ended(3))], State.ENDED),
        ([pod("Failed", fetch=ended(86)), pod("Running", uid="b")], State.PENDING),
    ],
)
def test_ended_is_said_only_when_nothing_can_run_any_more(pods, state):
    assert seen_of(job(), pods).state is state


@pytest.mark.parametrize(
    ("pods", "end"),
    [
        ([pod("Succeeded", fetch=OK, main=OK)], (0, "")),
        ([pod("Failed", fetch=OK, main=ended(3, "Error"))], (3, "")),
        ([pod("Failed", fetch=OK, main=ended(137, "OOMKilled"))], (137, "out_of_memory")),
        ([pod("Failed", fetch=OK, main=ended(143), reason="DeadlineExceeded")], (143, "time_limit")),
        ([pod("Failed", fetch=OK, main=ended(143), deleted="2026-01-01T00:00:00Z")], (143, "deleted")),
        ([pod("Failed", fetch=ended(86))], (None, "refused")),
        ([pod("Failed", fetch=ended(1))], (None, "fetch_failed")),
        ([pod("Failed", reason="Evicted", message="The node was low on memory.")], (None, "evicted")),
        ([pod("Failed", fetch=OK, main=ended(128, "StartError"))], (None, "start_failed")),
        ([pod("Failed", fetch=OK, main=ended(137, started=None))], (None, "start_failed")),
    ],
)
def test_how_it_ended(pods, end):
    seen = seen_of(job(["Failed"]), pods)
    assert (seen.exit_code, seen.reason) == end
    assert seen.message or end[0] is not None


def test_an_exit_code_is_told_of_scripts_only():
    assert seen_of(job(), [pod("Failed", fetch=ended(1), main=waits("PodInitializing"))]).exit_code is None


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (job(suspend=True), State.PENDING, ""),
        (job(["Suspended"], suspend=True, active=1), State.PENDING, ""),
        (job(["Suspended"], suspend=True, terminating=1), State.PENDING, ""),
        (job(["Suspended"], suspend=True), State.ENDED, "stopped"),
        (job(["Failed"]), State.ENDED, "lost"),
        (job(["Complete"]), State.ENDED, "lost"),
    ],
)
def test_without_a_pod_the_job_has_to_say_that_there_will_be_none(found, state, reason):
    seen = seen_of(found, [])
    assert (seen.state, seen.reason, seen.exit_code) == (state, reason, None)


def test_of_two_pods_the_one_that_was_not_refused_counts():
    refused, right = (
        pod("Failed", fetch=ended(86), created="1"),
        pod("Failed", fetch=OK, main=ended(4), uid="b"),
    )
    for pods in ([refused, right], [right, refused]):
        seen = seen_of(job(), pods)
        assert (seen.uid, seen.exit_code) == ("b", 4)


def test_name_and_labels_are_the_jobs():
    seen = seen_of(job(), [])
    assert (seen.name, dict(seen.labels), seen.uid) == ("sw-i-7-1", LABELS, "job-uid")


@pytest.mark.parametrize(
    ("found", "reason", "words"),
    [
        (
            pod(
                "Pending",
                conditions=[
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3."}
                ],
            ),
            "unschedulable",
            "0/3.",
        ),
        (pod("Pending", fetch=OK, main=waits("ImagePullBackOff", "Back-off.")), "image_pull", "Back-off."),
        (pod("Pending", fetch=waits("ErrImagePull", "")), "image_pull", "ErrImagePull"),
        (pod("Pending", fetch=OK, main=waits("InvalidImageName")), "image_name", "Words."),
        (pod("Pending", fetch=OK, main=waits("ErrImageNeverPull")), "image_name", "Words."),
        (pod("Pending", fetch=waits("CreateContainerConfigError")), "container_config", "Words."),
        (pod("Pending", fetch=RUNS, main=waits("PodInitializing")), "", ""),
        (pod("Running", fetch=OK, main=RUNS), "", ""),
    ],
)
def test_what_it_waits_for(found, reason, words):
    seen = seen_of(job(), [found])
    assert (seen.state is not State.ENDED, seen.reason, seen.message) == (True, reason, words)


def test_the_digest_is_that_of_the_scripts_container():
    digest = "sha256:" + "a" * 64
    for told, known in (
        (f"docker.io/library/python@{digest}", digest),
        (digest, ""),
        ("", ""),
        ("x@sha256:1", ""),
    ):
        statuses = [{"name": "collect", "imageID": "x@sha256:" + "b" * 64}, {"name": "main", "imageID": told}]
        assert image_digest({"status": {"containerStatuses": statuses}}) == known
    assert image_digest({}) == ""
