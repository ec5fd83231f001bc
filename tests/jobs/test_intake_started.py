"""POST /intake/started: the script's process is about to start."""

import pytest

from jobs.lifecycle import Sight
from jobs.models import Job
from tests.jobs.intake_caller import Runner


@pytest.fixture
def attempt(make_job, make_attempt):
    attempt = make_attempt(make_job(status="starting", next_look_at=None))
    Runner(attempt).claim()
    return attempt


def test_the_start_is_a_fact_and_wakes_a_worker(attempt, django_capture_on_commit_callbacks, monkeypatch):
    told = []
    monkeypatch.setattr("jobs.hints.hint_cluster", lambda cluster_id: told.append(("worker", cluster_id)))
    monkeypatch.setattr("jobs.hints.announce", lambda job_id, what: told.append((what, job_id)))
    with django_capture_on_commit_callbacks(execute=True):
        assert Runner(attempt).started().status_code == 200
    attempt.refresh_from_db()
    assert attempt.sight is Sight.RUNNING
    job = Job.objects.get()
    assert job.next_look_at is not None
    assert job.status == "starting", "a fact moves no status; a worker does"
    assert told == [("worker", job.cluster_id), ("status", job.pk)]


def test_a_repeat_changes_nothing(attempt):
    Runner(attempt).started()
    attempt.refresh_from_db()
    first = attempt.started_at
    assert Runner(attempt).started().status_code == 200
    attempt.refresh_from_db()
    assert attempt.started_at == first


def test_a_start_is_told_even_while_a_cancel_waits(attempt):
    Job.objects.update(cancel_requested_at="2026-01-01T00:00Z")
    assert Runner(attempt).started().status_code == 200
