"""The doctor's test pod is listened to once, and nobody else is."""

import time

import pytest
from django.test import Client

from clusters.models import DoctorRun

FACTS = {"uid": "pod-1", "python": [3, 12, 1], "time": 0}


@pytest.fixture
def run(cluster):
    return DoctorRun.objects.create(cluster=cluster, nonce="n" * 32)


def call(token, facts=None, **more):
    client = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {token}"})
    return client.post("/intake/probe", facts or FACTS, content_type="application/json", **more)


def test_what_the_pod_told_is_kept(run):
    assert call(run.token, FACTS | {"time": time.time() + 100, "more": "x"}).status_code == 200
    run.refresh_from_db()
    assert run.called_back_at is not None
    assert set(run.called_back) == {"uid", "python", "skew_seconds"}
    assert (run.called_back["uid"], run.called_back["python"]) == ("pod-1", [3, 12, 1])
    assert 40 < run.called_back["skew_seconds"] <= 101
    assert run.started_at is None
    assert run.lines == []


def test_a_token_is_good_for_one_call(run):
    assert call(run.token).status_code == 200
    run.refresh_from_db()
    answer = call(run.token, FACTS | {"uid": "another"})
    assert (answer.status_code, "already" in answer.json()["error"]) == (409, True)
    run.refresh_from_db()
    assert run.called_back["uid"] == "pod-1"


def test_a_token_dies_with_its_visit(run):
    DoctorRun.objects.update(ended_at="2026-01-01T00:00Z")
    assert call(run.token).status_code == 401


def test_no_other_token_is_listened_to(run, cluster, make_job, make_attempt):
    other = DoctorRun.objects.create(cluster=cluster, nonce="o" * 32)
    without = DoctorRun.objects.create(cluster=cluster)
    forged = f"swd_{run.pk}_{other.token.rpartition('_')[2]}"
    attempt = make_attempt(make_job(status="starting"))
    for token in (
        " ",
        "nonsense",
        forged,
        run.token + "0",
        f"swd_{10**17}_{'0' * 64}",
        without.token,
        attempt.token,
    ):
        assert call(token).status_code == 401, token
    assert not DoctorRun.objects.exclude(called_back_at=None).exists()


@pytest.mark.parametrize(
    ("facts", "status"), [("[]", 400), ("{", 400), ('{"uid": "' + "x" * 65536 + '"}', 413), ("{}", 200)]
)
def test_what_is_no_small_object_is_refused(run, facts, status):
    assert call(run.token, facts).status_code == status


def test_odd_facts_are_left_out(run):
    odd = {"uid": "a\x00b", "python": [-1, "3", 10**9, 4], "time": 1e300}
    assert call(run.token, odd).status_code == 200
    run.refresh_from_db()
    assert run.called_back == {"uid": "", "python": [], "skew_seconds": None}
