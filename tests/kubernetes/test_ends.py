"""Why an attempt ended, on a real cluster: each end that the script is no, or not the only, cause of."""

import subprocess
from dataclasses import replace

import pytest

from clusters.driver import State
from clusters.kubernetes import manifests
from jobs.catalogue import Situation, explain
from jobs.lifecycle import Status
from jobs.waiting import Asked, facts_for
from tests.clusters.driver_lab import MIB

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside]
SMALL = {"cpu_millis": 50, "memory_bytes": 64 * MIB, "disk_bytes": 64 * MIB}
ASKED = Asked(50, 64 * MIB, 64 * MIB)
NO_SHELL = "test/no-shell:1"
NEVER_STARTS = "localhost:1/nothing:1"


@pytest.fixture
def no_shell(test_cluster, tmp_path):
    """An image that holds one file."""
    if not test_cluster.command:
        pytest.skip("images can be made on the test cluster only")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README").write_text("no shell here")
    subprocess.run(
        [test_cluster.command, "load", NO_SHELL, str(tmp_path / "empty")],
        check=True,
        capture_output=True,
        timeout=120,
    )


@pytest.fixture
def short_life(monkeypatch):
    """A pod that cannot start does not wait long for it."""
    make = manifests.job

    def mended(work, *more):
        job = make(work, *more)
        if work.image == NEVER_STARTS:
            job["spec"]["template"]["spec"]["activeDeadlineSeconds"] = 5
        return job

    monkeypatch.setattr(manifests, "job", mended)


def test_every_end_has_its_reason_and_a_sentence_with_the_limit(
    lab, no_shell, short_life, admin_api, namespace
):
    hog = "x = b'x' * (300 << 20); import time; time.sleep(60)"
    commands = {
        "out_of_memory": (["python3", "-c", hog], "test/python:3.11"),
        "disk_limit": (["sh", "-c", "head -c 200000000 /dev/zero > big; sleep 300"], "test/python:3.11"),
        "time_limit": (["sleep", "300"], "test/python:3.11"),
        "deadline": (["sleep", "300"], NEVER_STARTS),
        "deleted": (["sleep", "300"], "test/python:3.11"),
        "gone": (["sleep", "300"], "test/python:3.11"),
        "no_shell": (["true"], NO_SHELL),
        "fetch_failed": (["true"], "test/python:3.11"),
    }
    runs = {}
    for reason, (command, image) in commands.items():
        files = {"../up": b"x"} if reason == "fetch_failed" else {}
        # The kubelet looks at disks now and then only: the script's own limit must not come first.
        runs[reason] = lab.prepare(command, files=files, time_limit_seconds=300, **SMALL)
        lab.driver.create(replace(runs[reason].work, image=image, time_limit_seconds=300))
    for reason in ("time_limit", "deleted", "gone"):
        lab.intake.wait(lambda reason=reason: runs[reason].attempt.started, timeout=120)
    admin_api.patch(
        pod_path(admin_api, namespace, runs["time_limit"]), {"spec": {"activeDeadlineSeconds": 1}}
    )
    admin_api.delete(pod_path(admin_api, namespace, runs["deleted"]), {})
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    admin_api.delete(f"{jobs}/{runs['gone'].work.name}", {"propagationPolicy": "Background"})

    seen = {reason: lab.until_ended(run, timeout=180) for reason, run in runs.items() if reason != "gone"}
    told = {reason: each.reason for reason, each in seen.items()}
    if runs["out_of_memory"].attempt.ended:  # the kernel left the shell alive, and the runner said it
        told["out_of_memory"] = runs["out_of_memory"].attempt.ended[0]["reason"]
    if not told["disk_limit"]:  # the script ended while it was being evicted: only an event says why
        seen["disk_limit"] = lab.driver.explain(runs["disk_limit"].work.name)
        told["disk_limit"] = seen["disk_limit"].reason
    # Its pod is gone by now, and who comes so late finds nothing but events.
    told["deleted"] = lab.driver.explain(runs["deleted"].work.name).reason
    assert told == {reason: reason for reason in seen}
    for reason, each in seen.items():
        words = explain(sentence_of(reason, each.message))
        assert words.advice, reason
        assert {"out_of_memory": "64 MiB", "disk_limit": "64 MiB"}.get(reason, "") in words.sentence
    assert "not a plain path" in seen["fetch_failed"].message
    assert lab.driver.look(runs["gone"].work.name) is None
    assert lab.driver.explain(runs["gone"].work.name).reason == "deleted"
    assert {each.reason for each in lab.driver.explain(runs["deleted"].work.name).told} >= {"Killing"}


def pod_path(admin_api, namespace, run):
    """Where the run's pod is at the API server."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    (pod,) = admin_api.get(pods, {"labelSelector": f"job-name={run.work.name}"})["items"]
    return f"{pods}/{pod['metadata']['name']}"


def sentence_of(reason, message):
    is_failure = reason in ("out_of_memory", "disk_limit", "time_limit")
    return Situation(
        status=Status.FAILED if is_failure else Status.ERROR,
        reason=reason,
        detail=message,
        memory="64 MiB",
        facts=facts_for(reason, message, ASKED, {}),
    )


def test_what_ends_a_pod_is_known_before_it_is_over(lab, admin_api, namespace):
    run = lab.run(
        ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.2; done"], grace_seconds=8, **SMALL
    )
    lab.intake.wait(lambda: run.attempt.output["stdout"] == b"up\n", timeout=60)
    admin_api.delete(pod_path(admin_api, namespace, run), {})
    found = lab.driver.explain(run.work.name)
    lab.until(State.RUNNING, run)
    assert found.reason == "deleted"
