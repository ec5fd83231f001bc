"""The test pod: whatever becomes of it is told apart, in words, and it is always removed."""

import json

import pytest

from clusters.doctor import podlook, probing, watcher
from clusters.doctor.lines import Level
from clusters.doctor.probing import probe_of, remove_leftovers
from clusters.doctor.steps import Step, walk
from clusters.driver import ClusterUnreachable
from clusters.kubernetes import probe as manifests
from clusters.models import DoctorRun, Image, Profile
from tests.clusters.doctor.stub_api import refused

RUNNER, USERS = "images.example/python:3.12", "images.example/r:4.2"
FINE = json.dumps({"python": [3, 12, 1], "time": 1.0})
PAST = "2026-01-01T00:00:00Z"
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes: taint",
}


def pod(fetch=None, main=None, node="one", **status):
    """A pod with the states of its containers."""
    spec = {
        "initContainers": [{"name": "fetch", "image": RUNNER}],
        "containers": [{"name": "main", "image": USERS}],
    }
    return {
        "metadata": {"name": "it"},
        "spec": spec | ({"nodeName": node} if node else {}),
        "status": {
            "initContainerStatuses": [{"name": "fetch", "state": fetch or {}}],
            "containerStatuses": [{"name": "main", "state": main or {}}],
            **status,
        },
    }


def over(code=0, message="", **more):
    return {"terminated": {"exitCode": code, "message": message, "startedAt": PAST, **more}}


def waiting(reason, message=""):
    return {"waiting": {"reason": reason, "message": message}}


@pytest.fixture
def old(monkeypatch):
    """Each look at the pod is long after its begin."""
    monkeypatch.setattr(watcher.Watcher, "age", 60.0)


@pytest.fixture
def look(ground, api):
    """`look(pod, …)`: the lines by key when the cluster shows these pods, one after the other, the last for ever."""

    def do(*pods, called_back=None):
        shown = list(pods)

        def next_pods():
            if called_back is not None:
                DoctorRun.objects.update(called_back_at=PAST, called_back=called_back)
            found = shown.pop(0) if len(shown) > 1 else shown[0]
            return [found] if found else []

        api.pods = next_pods if pods else list
        lines = {line.key: line for line in walk(ground, [Step(probing.probing, probing.TITLES)])}
        assert set(lines) == {title.key for title in probing.TITLES}
        assert api.deleted == [f"{api.jobs}/{probe_of(ground).name}"], "nothing may be left"
        return lines

    return do


def test_when_all_is_well_every_line_passes(look):
    lines = look(
        None,
        pod(node=""),
        pod(),
        pod(over(0, FINE), waiting("PodInitializing")),
        pod(over(0, FINE), over()),
        called_back={"skew_seconds": 0.2},
    )
    assert {line.level for line in lines.values()} == {Level.PASS}
    assert "3.12.1" in lines["runner_image"].sentence
    assert USERS in lines["environment"].sentence


def test_a_log_that_cannot_be_read_is_a_warning_with_the_cause(look, api):
    api.answers[f"{api.core}/pods/it/log"] = refused(500, "", "dial tcp 10.0.0.7:10250: i/o timeout")
    lines = look(pod(over(0, FINE), over()), called_back={"skew_seconds": 0.0})
    assert lines["logs"].level is Level.WARN
    assert "10.0.0.7:10250: i/o timeout" in lines["logs"].sentence
    assert [key for key, line in lines.items() if line.level is not Level.PASS] == ["logs"]


@pytest.mark.parametrize(
    ("skew", "level", "word"),
    [(29.0, "pass", "agree"), (31.0, "warn", "31 s ahead of"), (-3600.0, "warn", "behind")],
)
def test_a_clock_that_is_off_warns(look, skew, level, word):
    lines = look(pod(over(0, FINE), over()), called_back={"skew_seconds": skew})
    assert (lines["clock"].level, word in lines["clock"].sentence) == (level, True)


@pytest.mark.parametrize(
    ("pods", "key", "words"),
    [
        ([pod(node="", conditions=[UNSCHEDULABLE])], "test_pod", ["No node takes", "0/3 nodes: taint"]),
        ([pod(waiting("ImagePullBackOff", "no such image"))], "image_pull", [RUNNER, "no such image"]),
        ([pod(waiting("InvalidImageName", "bad name"))], "image_pull", ["bad name"]),
        ([pod(waiting("CreateContainerConfigError", "no secret"))], "image_pull", ["does not start", "no secret"]),
        ([pod(phase="Failed", reason="Evicted", message="The node was low on disk.")], "image_pull", ["low on disk"]),
        ([pod(over(128, 'exec: "python3": not found', reason="StartError"))], "runner_image", ["no python3"]),
        ([pod(over(1, "SyntaxError: future feature"))], "runner_image", ["3.9 or newer", "SyntaxError"]),
        ([pod(over(1, json.dumps({"python": [3, 8, 10], "reason": "python"})))], "runner_image", ["Python 3.8.10"]),
        ([pod(over(0, FINE), waiting("ErrImagePull", "denied"))], "environment", [USERS, "cannot be pulled", "denied"]),
        ([pod(over(0, FINE), over(128, "no sh", reason="StartError"))], "environment", ["POSIX shell", "no sh"]),
        ([pod(over(0, FINE), over(3))], "environment", ["no `sleep`"]),
        ([pod(over(0, FINE), over(127, "main.sh: 1"))], "environment", ["code 127", "main.sh: 1"]),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_at_its_own_line(look, old, pods, key, words):
    lines = look(*pods, called_back={"skew_seconds": 0.0})
    assert lines[key].level is Level.FAIL
    for word in words:
        assert word in lines[key].sentence
    bad = [line.key for line in lines.values() if line.level is Level.FAIL]
    assert bad == [key]


@pytest.mark.parametrize(
    ("reason", "detail", "words"),
    [
        ("dns", "Name or service not known", ["portal.example", "DNS"]),
        ("refused", "Connection refused", ["nothing listens on port 8000"]),
        ("timeout", "timed out", ["timeout", "firewall"]),
        ("unroutable", "No route to host", ["no way from a pod"]),
        ("certificate", "self-signed certificate", ["does not trust the certificate", "self-signed"]),
        ("tls", "WRONG_VERSION_NUMBER", ["https"]),
        ("answer", "<html>Sign in", ["sign-in page"]),
        ("broken", "ConnectionResetError", ["ConnectionResetError"]),
        ("never heard of", "x", ["does not get an answer"]),
        ("status", "400 Bad Request", ["STELLWERK_ALLOWED_HOSTS"]),
        ("status", "401 no", ["another one"]),
        ("status", "502 Bad Gateway", ["502 Bad Gateway", "not the portal"]),
    ],
)
def test_a_pod_that_cannot_call_says_why(look, reason, detail, words):
    told = json.dumps({"python": [3, 12, 1], "reason": reason, "detail": detail})
    lines = look(pod(over(1, told)))
    assert lines["callback"].level is Level.FAIL
    for word in words:
        assert word in lines["callback"].sentence
    assert [lines[key].level for key in ("runner_image", "clock", "environment")] == ["pass", "skip", "skip"]


def test_an_address_that_is_the_pod_itself_is_told(look, row):
    type(row).objects.update(portal_url="http://127.0.0.1:8000")
    told = json.dumps({"python": [3, 12, 1], "reason": "refused", "detail": ""})
    assert "the pod itself" in look(pod(over(1, told)))["callback"].sentence


def test_a_pod_that_reached_another_portal_is_not_believed(look):
    lines = look(pod(over(0, FINE), over()))
    assert lines["callback"].level is Level.FAIL
    assert "not from this portal" in lines["callback"].sentence


@pytest.mark.parametrize(
    ("where", "answer", "word"),
    [
        ("jobs", refused(403, "Forbidden", 'User cannot create resource "jobs"'), "no right"),
        (
            "secrets",
            refused(403, "Forbidden", 'admission webhook "policy" denied'),
            'webhook "policy" denied',
        ),
        ("jobs", refused(422, "Invalid", "spec: wrong"), "spec: wrong"),
        ("jobs", refused(404, "NotFound", 'namespaces "jobs" not found'), "Make the namespace first"),
    ],
)
def test_a_job_that_is_refused_is_told_in_the_clusters_words(look, api, where, answer, word):
    api.answers["POST " + (api.jobs if where == "jobs" else f"{api.core}/{where}")] = answer
    assert word in look()["test_pod"].sentence


def test_a_pod_that_is_refused_is_told_by_the_event(look, api, old):
    api.answers[f"{api.core}/events"] = {
        "items": [{"reason": "FailedCreate", "message": 'pods "x" is forbidden: exceeded quota'}]
    }
    lines = look()
    assert "exceeded quota" in lines["test_pod"].sentence
    api.answers[f"{api.core}/events"] = refused(403)
    api.deleted.clear()
    assert "no pod came of it" in look()["test_pod"].sentence


def test_a_namespace_without_the_jobs_account_is_told_with_the_command_that_makes_it(look, api, old):
    words = 'pods "x" is forbidden: error looking up service account jobs/stellwerk-jobs: not found'
    api.answers[f"{api.core}/events"] = {"items": [{"reason": "FailedCreate", "message": words}]}
    line = look()["test_pod"]
    assert "no ServiceAccount stellwerk-jobs" in line.sentence
    assert line.fix == "kubectl -n jobs create serviceaccount stellwerk-jobs"


def test_a_large_image_that_is_on_its_way_warns(look, monkeypatch):
    monkeypatch.setattr(watcher, "PROBE_SECONDS", 0.0)
    lines = look(pod(over(0, FINE), waiting("PodInitializing")), called_back={})
    assert lines["environment"].level is Level.WARN
    assert "large image" in lines["environment"].sentence


def test_without_an_environment_there_is_none_to_try(look):
    Image.objects.all().delete()
    lines = look(pod(over(0, FINE), over()), called_back={"skew_seconds": 0.0})
    assert lines["environment"].level is Level.SKIP


def test_an_api_server_that_goes_away_meanwhile_ends_the_walk_and_the_job_is_still_deleted(ground, api):
    def gone():
        raise ClusterUnreachable("Nobody answers.")

    api.pods = gone
    lines = list(walk(ground, [Step(probing.probing, probing.TITLES)]))
    assert [line.level for line in lines] == ["fail"] + ["skip"] * 6
    assert "stopped answering" in lines[0].sentence
    assert len(api.deleted) == 1


def test_what_dead_workers_left_goes_and_a_living_visits_pod_stays(ground, api, visited):
    ended = DoctorRun.objects.create(cluster=ground.cluster, ended_at=PAST)
    items = [
        {"metadata": {"name": f"sw-doctor-{number}", "labels": {manifests.LABEL_VISIT: str(visit)}}}
        for number, visit in enumerate([visited.pk, ended.pk, 10**6, "odd"])
    ]
    api.answers[api.jobs] = {"items": items}
    assert remove_leftovers(ground) == 3
    assert api.deleted == [f"{api.jobs}/sw-doctor-{number}" for number in (1, 2, 3)]


def test_the_job_has_the_shape_of_a_job_and_ends_by_itself(ground, api):
    Profile.objects.create(
        cluster=ground.cluster,
        name="GPU",
        cpu_millis=1,
        memory_bytes=1,
        disk_bytes=1,
        node_labels={"pool": "jobs"},
    )
    Image.objects.update(pull_secret="of-images")
    ground.row.runner_pull_secret = "of-runner"
    probe = probe_of(ground)
    assert probe.node_labels == {"pool": "jobs"}
    assert (probe.pull_secret, probe.runner_pull_secret) == ("of-images", "of-runner")
    job = manifests.job(probe)
    pod_spec = job["spec"]["template"]["spec"]
    containers = {each["name"]: each for each in [*pod_spec["initContainers"], *pod_spec["containers"]]}
    assert set(containers) == {"fetch", "collect", "main"}
    assert containers["fetch"]["command"][5:7] == ["probe", "/stellwerk/volume"]
    assert containers["main"]["command"][0] == "/bin/sh"
    assert job["spec"]["ttlSecondsAfterFinished"] <= 60
    assert job["spec"]["activeDeadlineSeconds"] == pod_spec["activeDeadlineSeconds"] > watcher.PROBE_SECONDS
    assert "stellwerk/installation" not in job["metadata"]["labels"], (
        "the reconciler would take it for a ghost"
    )
    assert {each["name"] for each in pod_spec["imagePullSecrets"]} == {"of-images", "of-runner"}
    secret = manifests.secret(probe, "uid")
    assert secret["stringData"] == {"token": ground.run.token}
    assert ground.run.token not in json.dumps(job) + repr(probe)


@pytest.mark.parametrize("message", ["", "no json", "[1]", '"text"'])
def test_last_words_that_are_not_the_probes_are_nothing(message):
    assert podlook.Ended(1, True, message).told == {}
