"""The names and amounts that belong to a reason: from the cluster's words, what was asked, and what nodes have."""

import pytest

from jobs.waiting import Asked, facts_for, in_words

GIB = 1 << 30
ASKED = Asked(
    cpu_millis=4000,
    memory_bytes=64 * GIB,
    disk_bytes=10 * GIB,
    gpu_count=2,
    gpu_resource="nvidia.com/gpu",
    node_labels={"pool": "ml"},
)


def node(memory=256, free=16, gpus=4, free_gpus=1, labels=None, taints=()):
    return {
        "name": "n",
        "cpu_millis": 8000,
        "memory_bytes": memory * GIB,
        "disk_bytes": 100 * GIB,
        "gpus": {"nvidia.com/gpu": gpus},
        "labels": {"pool": "ml"} if labels is None else labels,
        "taints": list(taints),
        "free": {
            "cpu_millis": 1500,
            "memory_bytes": free * GIB,
            "disk_bytes": 50 * GIB,
            "gpus": {"nvidia.com/gpu": free_gpus},
        },
    }


def waits(message, *nodes, asked=ASKED):
    return facts_for("unschedulable", message, asked, {"nodes": list(nodes)} if nodes else {})


def test_how_much_is_missing_is_counted_on_the_node_with_most_room():
    facts = waits("0/2 nodes are available: 2 Insufficient memory.", node(free=16), node(free=24))
    assert (facts["noun"], facts["asked"], facts["free"], facts["missing"]) == (
        "memory",
        "64 GiB",
        "24 GiB",
        "40 GiB",
    )
    assert not facts["is_never"]


def test_more_than_any_node_has_is_never():
    facts = waits("0/1 nodes are available: 1 Insufficient memory.", node(memory=32))
    assert (facts["is_never"], facts["largest"], facts.get("missing")) == (True, "32 GiB", None)


def test_what_can_never_be_had_is_told_before_what_is_in_use():
    facts = waits(
        "0/1 nodes are available: 1 Insufficient memory, 1 Insufficient nvidia.com/gpu.", node(gpus=1)
    )
    assert (facts["noun"], facts["asked"], facts["largest"]) == ("GPUs (nvidia.com/gpu)", "2", "1")


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (node(labels={"pool": "web"}, free=200), "another label"),
        (node(free=200, taints=[{"key": "team", "value": "blue", "effect": "NoSchedule"}]), "a taint"),
    ],
)
def test_nodes_that_it_may_not_use_do_not_count(other, why):
    facts = waits("0/2 nodes are available: 1 Insufficient memory.", node(free=16), other)
    assert facts["free"] == "16 GiB", why


def test_a_tolerated_taint_keeps_nothing_away():
    asked = Asked(
        4000, 64 * GIB, GIB, node_labels={}, tolerations=[{"key": "team", "value": "", "effect": ""}]
    )
    tainted = node(free=20, taints=[{"key": "team", "value": "blue", "effect": "NoSchedule"}])
    facts = waits("0/1 nodes are available: 1 Insufficient memory.", tainted, asked=asked)
    assert facts["free"] == "20 GiB"


def test_without_a_check_of_the_nodes_what_was_asked_is_told():
    facts = waits("0/1 nodes are available: 1 Insufficient cpu.")
    assert (facts["asked"], facts.get("free"), facts.get("is_never")) == ("4 cores", None, None)


def test_other_obstacles_are_told_behind_the_first():
    message = (
        "0/4 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable, 2 node(s) had untolerated "
        "taint {team: blue}."
    )
    facts = waits(message)
    assert facts["kind"] == "resource"
    assert (
        facts["others"]
        == "1 other node takes no new work; 2 other nodes are kept for other work (taint team=blue)."
    )


@pytest.mark.parametrize(
    ("message", "kind", "name", "value"),
    [
        (
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
            "label",
            "labels",
            "pool=ml",
        ),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {gpu: }.", "taint", "taint", "gpu"),
        ("no nodes available to schedule pods", "none", "kind", "none"),
        ("0/1 nodes are available: 1 something that is new.", "other", "nodes", 1),
    ],
)
def test_other_kinds(message, kind, name, value):
    facts = waits(message)
    assert (facts["kind"], facts[name]) == (kind, value)


def test_a_quota_is_told_in_the_units_of_its_resource():
    message = "exceeded quota: q, requested: limits.cpu=4, used: limits.cpu=13500m, limited: limits.cpu=16"
    facts = facts_for("quota", message, ASKED, {})
    assert (facts["noun"], facts["asked"], facts["used"], facts["limit"]) == (
        "CPU",
        "4 cores",
        "13.5 cores",
        "16 cores",
    )
    assert facts["is_never"] is False
    never = facts_for("quota", message.replace("limits.cpu=16", "limits.cpu=2"), ASKED, {})
    assert never["is_never"] is True


def test_a_silent_node_has_a_time_that_people_read():
    facts = facts_for("node_silent", "Node gpu-7 does not answer since 2026-01-01T14:05:09Z.", ASKED, {})
    assert facts == {"node": "gpu-7", "since": "14:05 UTC"}


def test_a_disk_limit_is_told_in_bytes_that_people_read():
    assert facts_for("disk_limit", 'EmptyDir volume "v" exceeds the limit "64Mi". ', ASKED, {}) == {
        "limit": "64 MiB"
    }


def test_one_core_is_one():
    assert [in_words("cpu", amount) for amount in (1, 0.5, 2)] == ["1 core", "0.5 cores", "2 cores"]
