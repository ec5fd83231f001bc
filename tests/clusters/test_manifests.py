"""The Kubernetes objects of a work: the pod baseline, and that only the runner's containers have the token."""

import base64
import io
import json
import zipfile

import pytest

from clusters.driver import Work
from clusters.kubernetes import manifests
from clusters.kubernetes.bundle import runner_bundle
from clusters.kubernetes.names import is_job_name
from tests.clusters.pod_baseline import assert_baseline

LABELS = {
    "stellwerk/installation": "i",
    "stellwerk/job": "7",
    "stellwerk/attempt": "1",
    "stellwerk/team": "3",
}
RUNNER = manifests.Runner("python:3.11", runner_bundle())


def work(**more) -> Work:
    values = {
        "name": "sw-i-7-1",
        "labels": LABELS,
        "image": "registry.example/r:4.2",
        "portal_url": "http://portal:8000",
        "token": "canary-token",
        "cpu_millis": 1500,
        "memory_bytes": 2 << 30,
        "disk_bytes": 10 << 30,
        "max_processes": 100,
        "time_limit_seconds": 600,
        "grace_seconds": 30,
    }
    return Work(**(values | more))


@pytest.fixture
def job():
    return manifests.job(work(), RUNNER)


@pytest.fixture
def pod(job):
    return job["spec"]["template"]["spec"]


def test_the_job_keeps_the_baseline(job):
    assert_baseline(job)
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] > 600 + 30


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ((), "automountServiceAccountToken", True),
        ((), "serviceAccountName", "default"),
        ((), "hostNetwork", True),
        (("securityContext",), "runAsNonRoot", False),
        (("containers", 0, "securityContext"), "allowPrivilegeEscalation", True),
        (("containers", 0, "securityContext"), "capabilities", {}),
        (("containers", 0, "resources", "limits"), "ephemeral-storage", None),
        (("initContainers", 1, "securityContext"), "readOnlyRootFilesystem", False),
        (("volumes", 0), "hostPath", {"path": "/"}),
        (("volumes", 0, "emptyDir"), "sizeLimit", ""),
        (("containers", 0, "volumeMounts", 0), "name", "token"),
        (("containers", 0), "env", [{"name": "STELLWERK_TOKEN_FILE", "value": "x"}]),
    ],
)
def test_the_auditor_of_the_baseline_sees_what_breaks_it(job, where, name, value):
    place = job["spec"]["template"]["spec"]
    for step in where:
        place = place[step]
    place[name] = value
    if value is None:
        del place[name]
    with pytest.raises(AssertionError):
        assert_baseline(job)


def test_the_labels_are_on_all_that_is_made(job):
    assert job["metadata"]["labels"] == {**LABELS, "stellwerk/work": "sw-i-7-1"}
    assert job["spec"]["template"]["metadata"]["labels"] == LABELS
    assert manifests.token_secret(work(), "uid")["metadata"]["labels"] == LABELS


def test_the_script_gets_the_profile_and_nothing_of_the_portal(pod):
    (main,) = pod["containers"]
    assert main["resources"]["limits"] == {
        "cpu": "1500m",
        "memory": str(2 << 30),
        "ephemeral-storage": str(10 << 30),
    }
    assert main["image"] == "registry.example/r:4.2"
    assert "env" not in main
    assert {mount["name"] for mount in main["volumeMounts"]} == {"volume", "runner"}


def test_the_token_is_in_its_secret_only(job):
    assert "canary-token" not in json.dumps(job) + repr(work())
    secret = manifests.token_secret(work(), "the-job's-uid")
    assert secret["stringData"] == {"token": "canary-token"}
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", "sw-i-7-1", "the-job's-uid")


def test_gpus_are_asked_for_by_the_name_of_their_resource():
    job = manifests.job(work(gpu_count=2, gpu_resource="nvidia.com/gpu"), RUNNER)
    resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "2"


def test_it_runs_on_the_nodes_and_with_the_logins_that_were_asked_for():
    plain = manifests.job(work(), RUNNER)["spec"]["template"]["spec"]
    assert not plain.keys() & {"nodeSelector", "tolerations", "imagePullSecrets"}
    asked = work(
        node_labels={"gpu": "a100"},
        tolerations=[
            {"key": "gpu", "value": "", "effect": ""},
            {"key": "team", "value": "blue", "effect": "NoSchedule"},
        ],
        pull_secret="scripts",
    )
    for secret, logins in (("runners", ["scripts", "runners"]), ("scripts", ["scripts"]), ("", ["scripts"])):
        runner = manifests.Runner("python:3.11", runner_bundle(), secret)
        pod = manifests.job(asked, runner)["spec"]["template"]["spec"]
        assert pod["imagePullSecrets"] == [{"name": name} for name in logins]
    assert pod["nodeSelector"] == {"gpu": "a100"}
    assert pod["tolerations"] == [
        {"key": "gpu", "operator": "Exists"},
        {"key": "team", "operator": "Equal", "value": "blue", "effect": "NoSchedule"},
    ]


@pytest.mark.parametrize(
    ("reference", "policy"),
    [
        ("python", "Always"),
        ("python:latest", "Always"),
        ("registry:5000/team/python", "Always"),
        ("python:3.11", "IfNotPresent"),
        ("registry:5000/team/python:3.11", "IfNotPresent"),
        ("python@sha256:" + "a" * 64, "IfNotPresent"),
    ],
)
def test_what_may_be_another_image_tomorrow_is_pulled_each_time(reference, policy):
    assert manifests.pull_policy(reference) == policy


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("sw-1a2b-7-1", True),
        ("a", True),
        ("", False),
        ("-a", False),
        ("a-", False),
        ("A", False),
        ("a/b", False),
    ]
    + [("a" * 57, True), ("a" * 58, False), ("../up", False), ("a\n", False)],
)
def test_what_can_be_the_name_of_a_job(name, is_one):
    assert is_job_name(name) is is_one


def test_the_runner_travels_as_three_files_with_a_name_that_tells_their_content():
    bundle = runner_bundle()
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle.files["runner.pyz"])))
    assert "__main__.py" in archive.namelist()
    assert "runner/containers.py" in archive.namelist()
    assert base64.b64decode(bundle.files["main.sh"]).startswith(b"# Runs the script")
    assert base64.b64decode(bundle.files["facts.sh"]).startswith(b"# What the script had around it")
    runner_bundle.cache_clear()
    assert runner_bundle() == bundle
    config_map = manifests.runner_config_map(bundle, LABELS)
    assert config_map["immutable"] is True
    assert len(json.dumps(config_map)) < 512 * 1024
