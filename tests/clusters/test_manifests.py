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


def containers(pod):
    return [*pod["initContainers"], *pod["containers"]]


def test_kubernetes_starts_it_once_and_never_again(job, pod):
    assert job["spec"]["backoffLimit"] == 0
    assert pod["restartPolicy"] == "Never"
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (1, 1)
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    assert pod["activeDeadlineSeconds"] > 600 + 30


def test_the_labels_are_on_all_that_is_made(job):
    assert job["metadata"]["labels"] == LABELS
    assert job["spec"]["template"]["metadata"]["labels"] == LABELS
    assert manifests.token_secret(work(), "uid")["metadata"]["labels"] == LABELS


def test_the_pod_keeps_the_baseline(pod):
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"}
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    for container in containers(pod):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() >= {"cpu", "memory", "ephemeral-storage"}
    for volume in pod["volumes"]:
        if "emptyDir" in volume:
            assert volume["emptyDir"]["sizeLimit"]


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


def test_the_runner_travels_as_two_files_with_a_name_that_tells_their_content():
    bundle = runner_bundle()
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle.files["runner.pyz"])))
    assert "__main__.py" in archive.namelist()
    assert "runner/containers.py" in archive.namelist()
    assert base64.b64decode(bundle.files["main.sh"]).startswith(b"# Runs the script")
    runner_bundle.cache_clear()
    assert runner_bundle() == bundle
    config_map = manifests.runner_config_map(bundle, LABELS)
    assert config_map["immutable"] is True
    assert len(json.dumps(config_map)) < 512 * 1024
