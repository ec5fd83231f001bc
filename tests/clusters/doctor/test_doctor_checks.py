"""What the API server tells: version, identity, nodes, the namespace, its quota and its events."""

import copy

import pytest

from clusters.doctor import checks
from clusters.doctor.lines import Level
from clusters.models import KubernetesConnection, TeamSpace
from tests.clusters.doctor.stub_api import NODE, refused

FORBIDDEN = refused(403, "Forbidden")


def only(lines):
    (line,) = lines
    return line


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ("v1.36.0", Level.PASS),
        ("v1.37.1-gke.100", Level.PASS),
        ("v1.29.3-eks-1234", Level.WARN),
        ("v1.28.9", Level.FAIL),
        ("v0.21.0", Level.FAIL),
        ("v2.0.0", Level.PASS),
        ("", Level.WARN),
        ("custom", Level.WARN),
    ],
)
def test_a_version_without_sidecars_fails_and_one_without_fixes_warns(ground, api, told, level):
    api.answers["/version"] = {"gitVersion": told}
    line = only(checks.version(ground))
    assert line.level is level
    assert told in line.sentence
    assert ground.latency_ms >= 0


def test_the_identity_is_written_down_once_and_another_cluster_is_noticed(ground, api, row):
    assert only(checks.identity(ground)).level is Level.PASS
    row.refresh_from_db()
    assert row.identity == "uid-of-the-cluster"
    ground.row = row
    assert only(checks.identity(ground)).level is Level.PASS
    api.answers["/api/v1/namespaces/kube-system"] = {"metadata": {"uid": "uid-of-another"}}
    line = only(checks.identity(ground))
    assert line.level is Level.FAIL
    assert "Another cluster answers" in line.sentence
    assert KubernetesConnection.objects.get().identity == "uid-of-the-cluster"


def test_an_identity_that_may_not_be_read_is_skipped(ground, api):
    api.answers["/api/v1/namespaces/kube-system"] = FORBIDDEN
    assert only(checks.identity(ground)).level is Level.SKIP


def test_nodes_are_told_with_what_they_have_and_what_is_free(ground):
    line = only(checks.nodes(ground))
    assert line.level is Level.PASS
    assert "2 CPU, 4.0 GiB of memory, 2 × nvidia.com/gpu in 1 node; free: 2 CPU" in line.sentence
    assert ground.capacity["totals"]["gpus"] == {"nvidia.com/gpu": 2}


def test_without_the_pods_of_others_nothing_is_said_to_be_free(ground, api):
    api.answers["/api/v1/pods"] = FORBIDDEN
    assert "free" not in only(checks.nodes(ground)).sentence
    assert ground.capacity["free"] is None


def test_nodes_that_may_not_be_seen_warn(ground, api):
    api.answers["/api/v1/nodes"] = FORBIDDEN
    line = only(checks.nodes(ground))
    assert line.level is Level.WARN
    assert "cannot see the nodes" in line.sentence
    assert ground.capacity is None


@pytest.mark.parametrize(("grows", "level"), [(False, Level.FAIL), (True, Level.WARN)])
def test_a_cluster_without_an_open_node_is_told(ground, api, grows, level):
    shut = copy.deepcopy(NODE)
    shut["spec"]["unschedulable"] = True
    api.answers["/api/v1/nodes"] = {"items": [shut]}
    ground.cluster.adds_nodes = grows
    assert only(checks.nodes(ground)).level is level
    other = {**NODE, "metadata": {"name": "two"}}
    api.answers["/api/v1/nodes"] = {"items": [shut, other]}
    line = only(checks.nodes(ground))
    assert line.level is Level.WARN
    assert "cordoned: one" in line.sentence


def test_a_long_list_is_read_page_by_page(ground, api):
    def page(query):
        if "continue" not in query:
            return {"items": [NODE], "metadata": {"continue": "more"}}
        assert query["continue"] == "more"
        return {"items": [{**NODE, "metadata": {"name": "two"}}]}

    api.answers["/api/v1/nodes"] = page
    list(checks.nodes(ground))
    assert [node["name"] for node in ground.capacity["nodes"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("answer", "levels", "word"),
    [
        ({"metadata": {"labels": {checks.LEVEL_LABEL: "restricted"}}}, "pass pass", "restricted"),
        ({"metadata": {"labels": {checks.LEVEL_LABEL: "baseline"}}}, "pass warn", "only the level baseline"),
        ({"metadata": {}}, "pass warn", "enforces no level"),
        ({"metadata": {}, "status": {"phase": "Terminating"}}, "fail warn", "being deleted"),
        (refused(404, "NotFound"), "fail skip", "does not exist"),
        (FORBIDDEN, "skip skip", "may not look"),
    ],
)
def test_the_namespace_and_its_level(ground, api, answer, levels, word):
    api.answers[api.core] = answer
    lines = list(checks.namespace(ground))
    assert " ".join(line.level for line in lines) == levels
    assert word in " ".join(line.sentence for line in lines)
    if lines[0].level is Level.FAIL:
        assert "kind: Namespace" in lines[0].fix


def test_a_level_that_is_not_enforced_has_the_command_that_does_it(ground, api):
    api.answers[api.core] = {"metadata": {}}
    line = list(checks.namespace(ground))[1]
    assert (
        line.fix == "kubectl label --overwrite namespace jobs pod-security.kubernetes.io/enforce=restricted"
    )


@pytest.mark.parametrize(
    ("hard", "used", "level"),
    [
        ({"requests.cpu": "4"}, {"requests.cpu": "3500m"}, Level.PASS),
        ({"requests.cpu": "4"}, {"requests.cpu": "4000m"}, Level.WARN),
        ({"limits.memory": "1Gi"}, {"limits.memory": "1073741824"}, Level.WARN),
        ({"pods": "0"}, {"pods": "0"}, Level.WARN),
        ({"services": "1", "requests.nvidia.com/gpu": "0"}, {"services": "1"}, Level.PASS),
    ],
)
def test_a_quota_that_is_used_up_is_named(ground, api, hard, used, level):
    api.answers[f"{api.core}/resourcequotas"] = {"items": [{"status": {"hard": hard, "used": used}}]}
    line = only(checks.quota(ground))
    assert line.level is level
    assert level is Level.PASS or next(iter(hard)) in line.sentence


def test_what_may_not_be_read_and_needs_not_is_no_trouble(ground, api):
    api.answers[f"{api.core}/resourcequotas"] = FORBIDDEN
    assert only(checks.quota(ground)).level is Level.SKIP
    api.answers[f"{api.core}/events"] = FORBIDDEN
    assert only(checks.events(ground)).level is Level.WARN


def test_events_are_really_read(ground, api):
    assert only(checks.events(ground)).level is Level.PASS
    assert ("GET", f"{api.core}/events") in api.calls


def test_the_troubles_of_teams_namespaces_are_passed_on(ground, real, team):
    assert list(checks.spaces(ground)) == []
    ground.spaces = [TeamSpace(cluster=real, team=team, namespace="jobs-blue", trouble="It has no quota.")]
    line = only(checks.spaces(ground))
    assert (line.level, "jobs-blue: It has no quota." in line.sentence) == (Level.FAIL, True)
    ground.spaces[0].is_ready = True
    assert only(checks.spaces(ground)).level is Level.PASS
