"""POST /intake/claim: of all pods one may start the script."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from jobs.models import Attempt, Job
from tests.jobs.intake_caller import Runner, sha256


@pytest.fixture
def attempt(make_job, make_attempt):
    files = {"main.py": b"print(1)\n", "data/a.csv": b"1,2\n"}
    return make_attempt(make_job(status="starting", files=files, environment={"A": "1"}))


def test_a_claim_brings_everything_the_runner_needs(attempt, settings):
    answer = Runner(attempt).claim()
    assert answer.status_code == 200
    assert answer.json() == {
        "job": attempt.job_id,
        "attempt": 1,
        "command": ["python3", "-u", "main.py"],
        "environment": {"A": "1"},
        "time_limit_seconds": 3600,
        "grace_seconds": settings.JOB_GRACE_SECONDS,
        "result_wait_seconds": settings.RESULT_WAIT_SECONDS,
        "files": [
            {"path": "data/a.csv", "size": 4, "sha256": sha256(b"1,2\n")},
            {"path": "main.py", "size": 9, "sha256": sha256(b"print(1)\n")},
        ],
        "limits": {
            "output_bytes": settings.OUTPUT_MAX_BYTES,
            "chunk_bytes": 4 * 1024 * 1024,
            "result_bytes": settings.RESULT_MAX_BYTES,
            "result_files": settings.RESULT_MAX_FILES,
        },
        "has_direct_results": False,
        "result_rules": {"include": [], "exclude": []},
    }
    attempt.refresh_from_db()
    assert attempt.claimed_by == "pod-1"
    assert attempt.claimed_at is not None


def test_the_same_pod_gets_the_same_answer_again(attempt):
    first, second = Runner(attempt).claim(), Runner(attempt).claim()
    assert second.status_code == 200
    assert second.json() == first.json()


def test_another_pod_is_refused(attempt):
    Runner(attempt).claim()
    assert Runner(attempt, uid="pod-2").claim().status_code == 409
    attempt.refresh_from_db()
    assert attempt.claimed_by == "pod-1"


@pytest.mark.parametrize(
    "wish",
    [
        {"cancel_requested_at": Now()},
        {"deleted_at": Now()},
        *({"status": status, "finished_at": Now()} for status in ("cancelled", "error", "succeeded")),
    ],
)
@pytest.mark.parametrize("had_claimed", [False, True])
def test_a_cancelled_or_ended_job_starts_nothing_more(attempt, wish, had_claimed):
    if had_claimed:
        Runner(attempt).claim()
    Job.objects.update(**wish)
    assert Runner(attempt).claim().status_code == 409


@pytest.mark.parametrize(
    "fact", [{"started_at": Now()}, {"ended_at": Now()}, {"is_absent": True}, {"seen_state": "ended"}]
)
def test_what_may_have_run_or_is_over_is_never_started_again(attempt, fact):
    Runner(attempt).claim()
    Attempt.objects.update(**fact)
    assert Runner(attempt).claim().status_code == 409
    Attempt.objects.update(claimed_by="")
    assert Runner(attempt).claim().status_code == 409


@pytest.mark.parametrize("uid", ["", "x" * 81])
def test_a_claim_names_its_pod(attempt, uid):
    assert Runner(attempt, uid=uid).claim().status_code == 400


@pytest.mark.django_db(transaction=True)
def test_of_many_pods_at_once_exactly_one_may_start(attempt):
    codes = []

    def call(number):
        try:
            codes.append(Runner(attempt, uid=f"pod-{number}").claim().status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 409, 409, 409, 409, 409]


@pytest.mark.django_db(transaction=True)
def test_a_claim_waits_for_a_cancel_that_is_being_written_and_is_refused(attempt):
    codes = []

    def call():
        try:
            codes.append(Runner(attempt).claim().status_code)
        finally:
            connection.close()

    thread = threading.Thread(target=call)
    with transaction.atomic():
        Job.objects.update(cancel_requested_at=Now())
        thread.start()
        deadline = time.monotonic() + 60
        while thread.is_alive() and not somebody_waits_for_a_lock():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert codes == []
    thread.join()
    assert codes == [409]


def somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0
