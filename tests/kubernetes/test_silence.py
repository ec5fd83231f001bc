"""Parts of the cluster that do not act are told as such. They are stopped: nothing else may use it meanwhile."""

import time

import pytest

from clusters.driver import State
from tests.clusters.driver_lab import MIB

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside]
SMALL = {"cpu_millis": 50, "memory_bytes": 64 * MIB, "disk_bytes": 64 * MIB}
LATE = 60.0


@pytest.fixture
def stop(test_cluster):
    """Stops a part; all are started again after the test."""
    if not test_cluster.command:
        pytest.skip("parts can be stopped on the test cluster only")
    stopped = []

    def do(part):
        stopped.append(part)
        test_cluster.part("stop", part)

    yield do
    for part in reversed(stopped):
        test_cluster.part("start", part)


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_scheduler_and_controllers_that_do_not_act_are_told_apart(
    lab, stop, test_cluster, admin_api, namespace
):
    stop("scheduler")
    unplaced = lab.run(["true"], **SMALL)
    until(lambda: admin_api.get(f"/api/v1/namespaces/{namespace}/pods")["items"], 60)
    stop("controllers")
    unmade = lab.run(["true"], **SMALL)
    assert lab.driver.explain(unplaced.work.name, age=3).reason == ""
    assert lab.driver.explain(unplaced.work.name, age=LATE).reason == "scheduler_silent"
    assert lab.driver.explain(unmade.work.name, age=3).reason == ""
    assert lab.driver.explain(unmade.work.name, age=LATE).reason == "controllers_silent"
    for part in ("controllers", "scheduler"):
        test_cluster.part("start", part)
    for run in (unplaced, unmade):
        assert lab.until_ended(run).exit_code == 0


def test_a_node_that_does_not_answer_is_named_and_ends_nothing(lab, stop, test_cluster):
    run = lab.run(["sh", "-c", f"{lab.say('ran')}; sleep 5000"], **SMALL)
    lab.intake.wait(lambda: lab.witnessed(), timeout=60)
    stop("kubelet")
    until(lambda: lab.driver.look(run.work.name).reason == "node_silent", 120)
    seen = lab.driver.look(run.work.name)
    assert seen.state is State.RUNNING
    assert seen.message.startswith("Node ")
    assert " does not answer since 20" in seen.message
    assert {each.reason for each in lab.driver.explain(run.work.name).told} >= {"NodeNotReady"}
    test_cluster.part("start", "kubelet")
    until(lambda: lab.driver.look(run.work.name).reason == "", 60)
    assert lab.witnessed() == ["ran"]
