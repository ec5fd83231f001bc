"""The Kubernetes driver on a real cluster: the contract, and what is special about pods."""

import time
from dataclasses import replace

import pytest

from clusters.driver import ClusterRefused, ClusterUnreachable, State
from clusters.kubernetes import onboarding
from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
from clusters.kubernetes.places import OnePlace
from tests.clusters.driver_contract import DriverContract
from tests.clusters.driver_lab import MIB
from tests.runner.test_runner_children import LATE, NUMBERED

pytestmark = pytest.mark.kubernetes


class TestKubernetesDriver(DriverContract):
    pass


def test_what_is_followed_shows_the_same_as_a_look(lab, portal_api, namespace):
    runner = RunnerImage(lab.image)
    watcher = KubernetesDriver(portal_api, OnePlace(namespace), lab.installation, runner).follow()
    try:
        run = lab.run(["sh", "-c", "echo up; sleep 1"])
        looked = lab.until_ended(run)
        lab.intake.wait(lambda: shown_by(watcher, run.work.name) is not None)
        deadline = time.monotonic() + 10
        while shown_by(watcher, run.work.name) != looked:
            assert time.monotonic() < deadline
            watcher.wait(1)
        lab.driver.remove(run.work.name)
        while shown_by(watcher, run.work.name) is not None:
            assert time.monotonic() < deadline + 10
            watcher.wait(1)
    finally:
        watcher.close()


def test_with_the_portals_rights_ended_works_are_removed_together(lab):
    runs = [lab.run(["true"]) for _ in range(3)]
    for run in runs:
        lab.until_ended(run)
    first, second, third = (run.work.name for run in runs)
    assert lab.driver.remove_ended([first, second]) == {first, second}
    assert [seen.name for seen in lab.driver.observe()] == [third]


def test_of_whom_there_are_warnings_the_cluster_tells_at_once(lab, admin_api, namespace):
    fine, doomed = lab.run(["true"]), lab.prepare(["true"])
    lab.driver.create(replace(doomed.work, image="nowhere.invalid/nothing:1"))
    lab.until_ended(fine)
    lab.intake.wait(lambda: doomed.work.name in (lab.driver.warned() or ()))
    events = f"/api/v1/namespaces/{namespace}/events"
    before = admin_api.get(events)["items"]
    told = lab.driver.warned()
    # A pod whose Secret came a moment after it may have been warned of, too.
    is_warned = [each["type"] for each in before if each["involvedObject"]["name"].startswith(fine.work.name)]
    assert (fine.work.name in told) == ("Warning" in is_warned)


def shown_by(driver, name):
    try:
        return next((seen for seen in driver.observe() if seen.name == name), None)
    except ClusterUnreachable:
        return None


def test_too_much_memory_is_told_by_the_runner_or_by_the_cluster(lab):
    script = "x = b'x' * (300 << 20); import time; time.sleep(30)"
    run = lab.run(["python3", "-c", script], memory_bytes=128 * MIB)
    seen = lab.until_ended(run)
    told = run.attempt.ended[0]["reason"] if run.attempt.ended else seen.reason
    assert told == "out_of_memory"
    assert run.attempt.is_collected


def test_a_script_that_opens_its_output_again_loses_nothing(lab):
    """As in any container: what it has written before `> /dev/stderr` stays."""
    run = lab.run(
        ["sh", "-c", "echo 1 >&2; echo 2 > /dev/stderr; echo 3 | tee /dev/stderr; echo 4 > /dev/stdout"]
    )
    assert lab.until_ended(run).exit_code == 0
    assert (run.attempt.output["stdout"], run.attempt.output["stderr"]) == (b"3\n4\n", b"1\n2\n3\n")


def test_what_a_script_leaves_behind_is_waited_for(lab):
    """As on this machine: what it still prints and writes comes home, and the end is the script's."""
    run = lab.run(["bash", "-c", f"{NUMBERED}\n{LATE}"])
    assert lab.until_ended(run).exit_code == 0
    lines = bytes(run.attempt.output["stdout"]).splitlines()
    assert (len(lines), lines[-1]) == (5001, b"5001 late")
    assert run.attempt.results == {"results/late.txt": b"x\n"}


@pytest.mark.parametrize("pause", ["time.sleep(0.02)", "n % 30 == 29 and time.sleep(0.5)"])
def test_both_streams_arrive_in_the_order_in_which_they_were_written(lab, pause):
    """Fifty lines a second, and thirty at once: in any order of streams, whoever looks when."""
    line = f"os.write(random.choice((1, 2)), f'{{n}}\\n'.encode()); {pause}"
    run = lab.run(["python3", "-c", f"import os, random, time\nfor n in range(90): {line}"])
    lab.until_ended(run)
    lab.intake.wait(lambda: run.attempt.is_collected)
    pieces = (run.attempt.output[stream][at : at + size] for stream, at, size, _ in run.attempt.chunks)
    numbers = [int(line) for line in b"".join(pieces).split()]
    assert sorted(numbers) == list(range(90))
    # A machine that is busy may tear a burst into two looks.
    assert sum(place != number for place, number in enumerate(numbers)) <= 4, numbers


def test_a_time_limit_is_told_as_one(lab):
    run = lab.run(["sleep", "60"], time_limit_seconds=2)
    lab.until_ended(run)
    assert run.attempt.ended[0]["reason"] == "time_limit"


def test_an_r_script_runs_in_an_image_without_python(lab):
    run = lab.prepare(["Rscript", "-e", "write.csv(data.frame(a=1:2), 'results/t.csv'); cat('done\n')"])
    lab.driver.create(replace(run.work, image="test/r:4.2"))
    assert lab.until_ended(run).exit_code == 0
    assert run.attempt.output["stdout"] == b"done\n"
    assert run.attempt.results["results/t.csv"].startswith(b'"","a"')


def test_a_gpu_is_asked_for_and_given(lab, admin_api, namespace):
    run = lab.prepare(["true"])
    lab.driver.create(replace(run.work, gpu_count=1, gpu_resource="nvidia.com/gpu"))
    assert lab.until_ended(run).exit_code == 0
    (pod,) = admin_api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    (main,) = pod["spec"]["containers"]
    assert main["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_the_script_finds_neither_the_token_nor_an_account(lab):
    look = "cat /stellwerk/token/token /var/run/secrets/kubernetes.io/serviceaccount/token; env; id -u"
    run = lab.run(["sh", "-c", look])
    lab.until_ended(run)
    output = bytes(run.attempt.output["stdout"])
    assert run.work.token.encode() not in output
    assert b"STELLWERK_PORTAL_URL" not in output
    assert b"KUBERNETES_SERVICE" not in output
    assert output.strip().endswith(b"10001")


def test_a_pod_that_is_deleted_by_hand_ends_the_attempt(lab, admin_api, namespace):
    run = lab.run(["sh", "-c", f"{lab.say('ran')}; sleep 60"], grace_seconds=1)
    lab.intake.wait(lambda: lab.witnessed(), timeout=60)
    (pod,) = admin_api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    admin_api.delete(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}", {})
    lab.until_ended(run)
    assert run.attempt.ended[0]["reason"] == "stopped"
    assert lab.witnessed() == ["ran"]


def test_a_pod_whose_job_is_deleted_without_it_is_still_the_work_and_ends_when_told(
    lab, admin_api, namespace
):
    run = lab.run(["sh", "-c", f"{lab.say('ran')}; sleep 60"], grace_seconds=1)
    lab.intake.wait(lambda: lab.witnessed(), timeout=60)
    name = run.work.name
    admin_api.delete(f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}", {"propagationPolicy": "Orphan"})
    lab.intake.wait(
        lambda: not admin_api.get(f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"], timeout=30
    )
    assert lab.driver.look(name).state is State.RUNNING
    assert [seen.name for seen in lab.driver.observe()] == [name]
    with pytest.raises(ClusterRefused, match="have not ended"):
        lab.driver.remove(name)
    lab.driver.stop(name)
    lab.intake.wait(lambda: run.attempt.ended, timeout=60)
    assert run.attempt.ended[0]["reason"] == "stopped"
    lab.intake.wait(lambda: lab.driver.look(name) is None, timeout=60)
    assert lab.witnessed() == ["ran"]


def test_a_create_that_made_the_job_only_is_completed_by_the_next(lab, monkeypatch):
    run = lab.prepare(["sh", "-c", lab.say("ran")])
    with monkeypatch.context() as crash:
        crash.setattr(lab.driver, "_create_if_missing", lambda kind, manifest, space: None)
        lab.driver.create(run.work)
    lab.driver._brought.clear()
    assert lab.driver.look(run.work.name).state is State.PENDING
    lab.driver.create(run.work)
    assert lab.until_ended(run).exit_code == 0
    assert lab.witnessed() == ["ran"]


@pytest.mark.parametrize(
    ("resource", "verb", "act"),
    [
        ("jobs", "create", lambda lab, run: lab.driver.create(run.work)),
        ("secrets", "create", lambda lab, run: lab.driver.create(run.work)),
        ("configmaps", "create", lambda lab, run: lab.driver.create(run.work)),
        ("jobs", "list", lambda lab, run: lab.driver.observe()),
        ("pods", "list", lambda lab, run: lab.driver.observe()),
        ("jobs", "get", lambda lab, run: lab.driver.look(run.work.name)),
    ],
)
def test_a_right_that_is_missing_is_named(lab, admin_api, namespace, resource, verb, act):
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{onboarding.ACCOUNT}"
    rules = [
        {**rule, "verbs": [each for each in rule["verbs"] if (rule["resources"], each) != ([resource], verb)]}
        for rule in admin_api.get(path)["rules"]
    ]
    admin_api.patch(path, {"rules": [rule for rule in rules if rule["verbs"]]})
    time.sleep(1)  # the API server's picture of the rights follows
    with pytest.raises(ClusterRefused, match=f'cannot {verb} resource "{resource}"'):
        act(lab, lab.prepare(["true"]))
