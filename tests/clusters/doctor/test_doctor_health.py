"""The short check of every cluster, every few minutes; a sick one holds up no other."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clusters import tasks
from clusters.doctor import health
from clusters.models import Cluster, ClusterHealth
from portal.beat import app
from tests.clusters.doctor.stub_api import refused


@pytest.fixture
def asked(monkeypatch):
    """The checks that were sent, with their options."""
    found = []
    monkeypatch.setattr(tasks.check, "apply_async", lambda **options: found.append(options))
    return found


def checked(cluster):
    health.check(cluster)
    return ClusterHealth.objects.get(cluster=cluster)


def test_a_cluster_that_is_well_is_told_with_version_latency_and_what_is_free(row, api):
    found = checked(row.cluster)
    assert (found.level, found.version) == ("pass", "v1.36.0")
    assert found.sentence.startswith("Kubernetes v1.36.0 answers in")
    assert found.latency_ms >= 0
    assert found.capacity["free"]["gpus"] == {"nvidia.com/gpu": 2}
    assert ("CLOSE", "") in api.calls


def test_nodes_that_may_not_be_seen_are_no_illness(row, api):
    api.answers["/api/v1/nodes"] = refused(403)
    assert checked(row.cluster).level == "pass"


@pytest.mark.parametrize(
    ("path", "answer", "level", "word"),
    [
        ("/version", refused(401), "fail", "credentials"),
        ("/version", {"gitVersion": "v1.28.0"}, "fail", "too old"),
        ("/api/v1/namespaces/kube-system", {"metadata": {"uid": "other"}}, "fail", "Another cluster"),
        ("/api/v1/nodes", {"items": []}, "fail", "No node"),
        ("/api/v1/nodes", refused(500), "fail", "not answer as expected"),
    ],
)
def test_what_is_wrong_is_the_clusters_sentence(row, api, path, answer, level, word):
    type(row).objects.update(identity="uid-of-the-cluster")
    api.answers[path] = answer
    found = checked(row.cluster)
    assert (found.level, word in found.sentence) == (level, True)


def test_what_was_known_stays_while_the_cluster_is_away(row, api):
    checked(row.cluster)
    api.vanish()
    found = checked(row.cluster)
    assert (found.level, found.latency_ms) == ("fail", None)
    assert found.version == "v1.36.0"
    assert found.capacity["totals"]["cpu_millis"] == 2000


def test_a_cluster_that_nobody_connected_is_told(real):
    assert "no connection" in checked(real).sentence


def test_this_machine_is_always_well(cluster):
    found = checked(cluster)
    assert found.level == "pass"
    (node,) = found.capacity["nodes"]
    assert node["cpu_millis"] == found.capacity["totals"]["cpu_millis"] > 0
    assert 0 <= found.capacity["free"]["memory_bytes"] <= node["memory_bytes"]


def test_every_enabled_cluster_is_asked_for_when_it_is_due_and_no_other(real, cluster, asked):
    Cluster.objects.create(name="Off", slug="off", driver="kubernetes", is_enabled=False)
    tasks.health()
    assert {each["args"] for each in asked} == {(real.pk,), (cluster.pk,)}
    assert all(each["expires"] <= 30 for each in asked)
    asked.clear()
    ClusterHealth.objects.create(cluster=real, checked_at=timezone.now() - timedelta(minutes=1))
    ClusterHealth.objects.create(cluster=cluster, checked_at=timezone.now() - timedelta(minutes=2))
    tasks.health()
    assert [each["args"] for each in asked] == [(cluster.pk,)]


def test_the_beat_asks_every_half_minute():
    entries = {entry["task"]: entry for entry in app.conf.beat_schedule.values()}
    assert entries["clusters.health"]["schedule"] == 30
    assert entries["clusters.health"]["options"]["expires"] == 30


def test_two_workers_do_not_check_one_cluster_at_once(real, monkeypatch):
    done = []

    def check(cluster):
        done.append(cluster.pk)
        tasks.check(cluster.pk)

    monkeypatch.setattr(tasks.short_form, "check", check)
    tasks.cache.delete(f"cluster-check:{real.pk}")
    tasks.check(real.pk)
    tasks.check(real.pk)
    assert done == [real.pk, real.pk]
    tasks.cache.add(f"cluster-check:{real.pk}", "another worker")
    tasks.check(real.pk)
    assert done == [real.pk, real.pk]
    assert tasks.cache.get(f"cluster-check:{real.pk}") == "another worker"
    tasks.cache.delete(f"cluster-check:{real.pk}")


def test_a_cluster_that_was_shut_off_meanwhile_is_left_alone(real, monkeypatch):
    monkeypatch.setattr(tasks.short_form, "check", lambda cluster: pytest.fail("it is shut off"))
    Cluster.objects.update(is_enabled=False)
    tasks.check(real.pk)
    tasks.check(10**9)


def test_a_broken_check_gives_its_lock_back(real, monkeypatch):
    def broken(cluster):
        raise RuntimeError("a defect")

    monkeypatch.setattr(tasks.short_form, "check", broken)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            tasks.check(real.pk)
