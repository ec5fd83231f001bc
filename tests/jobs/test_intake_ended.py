"""POST /intake/ended: how the script ended."""

import time

import pytest

from jobs.lifecycle import Sight
from jobs.models import Job
from tests.jobs.intake_caller import Runner


@pytest.fixture
def attempt(make_job, make_attempt):
    attempt = make_attempt(make_job(status="running", next_look_at=None))
    Runner(attempt).claim()
    Runner(attempt).started()
    Job.objects.update(next_look_at=None)
    return attempt


@pytest.mark.parametrize(
    ("facts", "sight"),
    [
        ({"exit_code": 0}, Sight.EXITED_OK),
        ({"exit_code": 3}, Sight.EXITED_BAD),
        ({"exit_code": None, "signal": 11}, Sight.EXITED_BAD),
        ({"exit_code": None, "signal": 15, "reason": "stopped"}, Sight.EXITED_STOPPED),
        ({"exit_code": 0, "reason": "stopped"}, Sight.EXITED_STOPPED),
        ({"exit_code": None, "signal": None, "reason": "stopped"}, Sight.EXITED_STOPPED),
        ({"exit_code": 0, "reason": "time_limit"}, Sight.EXITED_BAD),
        ({"exit_code": None, "signal": 9, "reason": "out_of_memory"}, Sight.EXITED_BAD),
    ],
)
def test_the_end_is_a_fact(attempt, facts, sight):
    assert Runner(attempt).ended(**facts).status_code == 200
    attempt.refresh_from_db()
    assert attempt.sight is sight
    assert Job.objects.get().next_look_at is not None


def test_a_repeat_is_answered_and_another_end_is_refused(attempt):
    Runner(attempt).ended(exit_code=3)
    assert Runner(attempt).ended(exit_code=3).status_code == 200
    for other in ({"exit_code": 0}, {"exit_code": None, "signal": 9}, {"exit_code": 3, "reason": "stopped"}):
        assert Runner(attempt).ended(**other).status_code == 409
    attempt.refresh_from_db()
    assert (attempt.exit_code, attempt.signal, attempt.end_reason) == (3, None, "")


def test_the_end_may_be_repeated_after_the_job_has_ended(attempt):
    runner = Runner(attempt)
    runner.ended(exit_code=0)
    runner.collected()
    Job.objects.update(status="succeeded", finished_at="2026-01-01T00:00Z")
    assert runner.ended(exit_code=0).status_code == 200
    assert runner.ended(exit_code=1).status_code == 409


@pytest.mark.parametrize(
    "facts",
    [
        {"exit_code": None},
        {"exit_code": 256},
        {"exit_code": -1},
        {"exit_code": True},
        {"exit_code": "0"},
        {"exit_code": 0, "signal": 9},
        {"exit_code": None, "signal": 0},
        {"reason": "boredom"},
        {"reason": None},
        {"exit_code": None, "reason": "time_limit"},
    ],
)
def test_what_is_no_end_is_refused(attempt, facts):
    assert Runner(attempt).ended(**facts).status_code == 400
    attempt.refresh_from_db()
    assert attempt.ended_at is None


def test_the_end_has_the_runners_time_as_far_as_it_can_be_true(attempt):
    attempt.refresh_from_db()
    before = attempt.started_at.timestamp()
    Runner(attempt).ended(ended_at=before - 1000)
    attempt.refresh_from_db()
    assert attempt.ended_at == attempt.started_at
    for told in (time.time() + 1000, float("nan"), "soon", None):
        type(attempt).objects.update(ended_at=None)
        assert Runner(attempt).ended(ended_at=told).status_code == 200
        attempt.refresh_from_db()
        assert before <= attempt.ended_at.timestamp() <= time.time() + 1
