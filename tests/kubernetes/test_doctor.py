"""The doctor on a real cluster: what is right passes, what is wrong is named, nothing is left behind."""

import time

import pytest
from pytest_django.live_server_helper import LiveServer

from clusters.doctor import request_visit, visit
from clusters.doctor.ground import ground_of
from clusters.doctor.health import check
from clusters.doctor.lines import Level
from clusters.doctor.probing import remove_leftovers
from clusters.doctor.rights import rights
from clusters.kubernetes import onboarding, probe
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.kubeconfig import read_kubeconfig
from clusters.models import Cluster, ClusterHealth, Image, KubernetesConnection
from tests.kubernetes.conftest import token_of

pytestmark = pytest.mark.kubernetes
ROLE = "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/" + onboarding.ACCOUNT
# Every node has it: one program, no shell, no Python.
EMPTY = "registry.k8s.io/pause:3.6"
PROBE_LINES = ("test_pod", "image_pull", "logs", "runner_image", "callback", "clock", "environment")


@pytest.fixture
def portal(transactional_db, test_cluster, settings):
    settings.ALLOWED_HOSTS = [test_cluster.portal_host]
    server = LiveServer(test_cluster.portal_host)
    yield server
    server.stop()


@pytest.fixture
def connected(transactional_db, admin_api, namespace, test_cluster):
    """The cluster as an admin connected it with the pasted account."""
    cluster = Cluster.objects.create(name="Real", slug="real", driver="kubernetes")
    row = KubernetesConnection(
        cluster=cluster,
        namespace=namespace,
        runner_image="test/python:3.11",
        portal_url="http://10.255.255.1",
    )
    admin = read_kubeconfig(test_cluster.kubeconfig).connection()
    row.take(Connection(admin.server, admin.ca, token_of(admin_api, namespace)))
    Image.objects.create(cluster=cluster, label="Python", reference="test/python:3.11")
    return row


@pytest.fixture
def visited(connected, dana):
    """`visited(**fields)`: the lines by key after a whole visit, with the connection so changed."""

    def do(**fields):
        KubernetesConnection.objects.filter(pk=connected.pk).update(**fields)
        run = request_visit(connected.cluster, dana)
        visit(run.pk)
        run.refresh_from_db()
        assert run.ended_at is not None
        return {line["key"]: line for line in run.lines}

    return do


def test_with_the_pasted_rights_nothing_fails_and_nothing_is_left(
    visited, portal, admin_api, namespace, connected
):
    lines = visited(portal_url=portal.url)
    bad = {key: line for key, line in lines.items() if line["level"] in ("warn", "fail")}
    assert {line["level"] for line in bad.values()} <= {"warn"}, bad
    # What only shows more is the admin's choice.
    assert all(key in ("nodes", "events") or key.startswith("right:cluster:") for key in bad), bad
    assert [lines[key]["level"] for key in PROBE_LINES] == ["pass"] * 7
    until_gone(admin_api, namespace)
    check(connected.cluster)
    health = ClusterHealth.objects.get()
    assert (health.level, health.version[:3]) == ("pass", "v1.")
    assert health.latency_ms > 0


def until_gone(admin_api, namespace):
    """What the test pod was made of goes; the runner's ConfigMap stays for the jobs."""
    deadline = time.monotonic() + 60
    while left := names(admin_api, namespace):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def names(admin_api, namespace):
    paths = (f"/apis/batch/v1/namespaces/{namespace}/jobs", f"/api/v1/namespaces/{namespace}/pods")
    found = [item["metadata"]["name"] for path in paths for item in admin_api.get(path)["items"]]
    secrets = admin_api.get(f"/api/v1/namespaces/{namespace}/secrets")["items"]
    return found + [
        each["metadata"]["name"] for each in secrets if each["metadata"]["name"].startswith("sw-")
    ]


def test_a_pod_that_cannot_call_back_says_why(visited, test_cluster, admin_api, namespace):
    # Port 1 is closed on any machine; the name is in no DNS.
    lines = visited(portal_url=f"http://{test_cluster.portal_host}:1")
    assert lines["test_pod"]["level"] == "pass"
    assert lines["callback"]["level"] == "fail"
    assert "connection refused" in lines["callback"]["sentence"]
    lines = visited(portal_url="http://no-such-portal.invalid:8000")
    assert "no-such-portal.invalid" in lines["callback"]["sentence"]
    assert "DNS" in lines["callback"]["sentence"]
    until_gone(admin_api, namespace)


def test_an_image_that_is_not_there_is_named(visited, portal, admin_api, namespace):
    lines = visited(portal_url=portal.url, runner_image="test/no-such-image:1")
    assert lines["image_pull"]["level"] == "fail"
    assert "test/no-such-image:1" in lines["image_pull"]["sentence"]
    assert lines["callback"]["level"] == "skip"
    until_gone(admin_api, namespace)


def test_an_image_with_nothing_in_it_is_neither_a_runner_image_nor_an_environment(visited, portal):
    lines = visited(portal_url=portal.url, runner_image=EMPTY)
    assert (lines["image_pull"]["level"], lines["runner_image"]["level"]) == ("pass", "fail")
    assert "python3" in lines["runner_image"]["sentence"]
    Image.objects.update(reference=EMPTY)
    lines = visited(portal_url=portal.url, runner_image="test/python:3.11")
    assert (lines["callback"]["level"], lines["environment"]["level"]) == ("pass", "fail")
    assert "POSIX shell" in lines["environment"]["sentence"]


def test_every_environment_is_tried_and_a_broken_one_hides_no_other(visited, portal, connected):
    commands = {".sh": ["sh"]}
    for label, reference in (("Void", EMPTY), ("Lost", "test/no-such-image:1"), ("Well", "test/r:4.2")):
        Image.objects.create(
            cluster=connected.cluster, label=label, reference=reference, entry_commands=commands
        )
    lines = visited(portal_url=portal.url)
    found = {line["title"]: line for line in lines.values() if line["key"].startswith("environment")}
    levels = {title: line["level"] for title, line in found.items()}
    assert levels == {
        "Environment Lost": "fail",
        "Environment Python": "pass",
        "Environment Void": "fail",
        "Environment Well": "pass",
    }
    assert "cannot be pulled" in found["Environment Lost"]["sentence"]
    assert "POSIX shell" in found["Environment Void"]["sentence"]


@pytest.mark.parametrize(
    ("hard", "word"), [({"count/jobs.batch": "0"}, "exceeded quota"), ({"pods": "0"}, "exceeded quota")]
)
def test_what_the_cluster_refuses_is_told_in_its_words(visited, portal, admin_api, namespace, hard, word):
    allow(admin_api, namespace, {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]})
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": hard},
    }
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    admin_api.post(path, quota)
    deadline = time.monotonic() + 30
    while "hard" not in (admin_api.get(f"{path}/none").get("status") or {}):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    lines = visited(portal_url=portal.url)
    assert lines["test_pod"]["level"] == "fail"
    assert word in lines["test_pod"]["sentence"]


def allow(admin_api, namespace, rule):
    path = ROLE.format(namespace=namespace)
    admin_api.patch(path, {"rules": [*admin_api.get(path)["rules"], rule]})


def test_each_verb_that_is_taken_away_is_named_with_the_yaml_that_gives_it_back(
    connected, admin_api, namespace
):
    path = ROLE.format(namespace=namespace)
    rules = admin_api.get(path)["rules"]
    ground = ground_of(connected.cluster, 300)
    everything = named(ground)
    taken = [(rule, verb) for rule in rules for verb in rule["verbs"]]
    assert len(taken) >= 10
    for rule, verb in taken:
        left = [
            {**each, "verbs": [one for one in each["verbs"] if (each, one) != (rule, verb)]} for each in rules
        ]
        admin_api.patch(path, {"rules": [each for each in left if each["verbs"]]})
        words = f": {verb} on {rule['resources'][0]}"
        # The verb before it comes back in the same moment in which this one goes.
        fix = until(lambda words=words: the_only_fix(named(ground), everything, words))
        assert rule["resources"][0] in fix
        assert verb in fix
    admin_api.patch(path, {"rules": rules})
    until(lambda: named(ground) == everything)


def the_only_fix(lines, before, words):
    """The YAML of the one line that is new, if its sentence has the words."""
    new = [line for key, line in lines.items() if key not in before]
    return new[0][1] if len(new) == 1 and words in new[0][0] else ""


def named(ground):
    """What lines say that do not pass."""
    return {line.key: (line.sentence, line.fix) for line in rights(ground) if line.level is not Level.PASS}


def until(look):
    """The API server's picture of the rights follows in a moment."""
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_what_a_dead_worker_left_is_removed_by_the_next_short_check(connected, dana, admin_api, namespace):
    ground = ground_of(connected.cluster, 60, request_visit(connected.cluster, dana))
    from clusters.doctor.probing import _make, probe_of

    left = probe_of(ground)
    _make(ground, left)
    assert probe.job(left)["spec"]["ttlSecondsAfterFinished"] <= 60
    assert remove_leftovers(ground) == 0, "its visit is still under way"
    type(ground.run).objects.update(ended_at="2026-01-01T00:00Z")
    check(connected.cluster)
    until_gone(admin_api, namespace)
