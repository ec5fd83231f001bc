"""Only the runner of a living attempt is listened to."""

import pytest
from django.test import Client

from jobs.models import Attempt
from tests.jobs.intake_caller import POD, Runner

CALLS = ("claim", "started", "ended", "collected")


@pytest.fixture
def attempt(make_job, make_attempt):
    return make_attempt(make_job(status="starting"))


def calls_of(runner):
    return {
        "claim": runner.claim,
        "inputs": runner.inputs,
        "started": runner.started,
        "output": lambda: runner.output(b"x"),
        "ended": runner.ended,
        "results": lambda: runner.result("a", b"x"),
        "collected": runner.collected,
    }


@pytest.mark.parametrize("name", ["claim", "inputs", "started", "output", "ended", "results", "collected"])
def test_without_the_right_token_there_is_no_answer(attempt, make_job, make_attempt, name):
    other = make_attempt(make_job(status="starting"))
    forged = f"swa_{attempt.pk}_{other.token.rpartition('_')[2]}"
    for token in (
        "",
        "nonsense",
        forged,
        f"swa_{attempt.pk}_",
        attempt.token + "0",
        f"swa_{10**17}_{'0' * 64}",
    ):
        answer = calls_of(Runner(attempt, token=token or " "))[name]()
        assert answer.status_code == 401, token
        assert "error" in answer.json()
    attempt.refresh_from_db()
    assert (attempt.claimed_by, attempt.started_at, attempt.ended_at) == ("", None, None)


@pytest.mark.parametrize("name", ["inputs", "started", "output", "ended", "results", "collected"])
def test_the_token_dies_with_the_job(attempt, name):
    Runner(attempt).claim()
    type(attempt.job).objects.update(status="error", finished_at="2026-01-01T00:00Z")
    assert calls_of(Runner(attempt))[name]().status_code == 401


@pytest.mark.parametrize("name", CALLS)
def test_after_its_work_was_removed_nothing_is_answered_any_more(attempt, name):
    runner = Runner(attempt)
    runner.run()
    assert runner.collected().status_code == 200
    Attempt.objects.update(removed_at="2026-01-01T00:00Z")
    assert calls_of(runner)[name]().status_code == 401


@pytest.mark.parametrize("name", ["started", "ended", "collected"])
def test_a_pod_that_did_not_claim_the_attempt_is_not_believed(attempt, name):
    assert calls_of(Runner(attempt, uid=POD))[name]().status_code == 409
    Runner(attempt, uid="pod-2").claim()
    assert calls_of(Runner(attempt, uid=POD))[name]().status_code == 409
    attempt.refresh_from_db()
    assert (attempt.started_at, attempt.ended_at, attempt.collected_at) == (None, None, None)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("body", [b" ", b"{", b"[]", b"\xff", b'"text"'])
def test_what_is_no_json_object_is_refused_in_words(attempt, name, body):
    answer = Client(headers={"authorization": f"Bearer {attempt.token}"}).post(
        f"/intake/{name}", body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("name", CALLS)
def test_a_runner_needs_no_csrf_token_and_no_session(attempt, name):
    strict = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {attempt.token}"})
    answer = strict.post(f"/intake/{name}", {"uid": "x"}, content_type="application/json")
    assert answer.status_code in {200, 400, 409}
    assert not answer.cookies


def test_each_call_has_its_one_method(attempt):
    client = Client(headers={"authorization": f"Bearer {attempt.token}"})
    for path in ("claim", "started", "ended", "collected", "results", "output/stdout"):
        assert client.get(f"/intake/{path}").status_code == 405
    assert client.post("/intake/inputs").status_code == 405
