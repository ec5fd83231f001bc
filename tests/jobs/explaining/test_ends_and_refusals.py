"""What a worker tells of creates that are refused, and of jobs that ended strangely."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from clusters.driver import ClusterRefused, Explained, State, WorkInvalid
from jobs.models import Job
from jobs.reconciler.drive import drive, drive_all
from tests.jobs.explaining.scene import QUOTA, fresh, noted, seen, told
from tests.jobs.intake_caller import Runner

DISK = 'Usage of EmptyDir volume "volume" exceeds the limit "5Gi". '


def refused(message, cause):
    return ClusterRefused(message).because(cause)


def test_a_quota_that_refuses_the_create_is_waited_for_as_long_as_it_takes(job, driver):
    driver.fail("create", *[refused(QUOTA, "quota")] * 8)
    pauses = [drive(job.pk) for _ in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 20
    status, reason, sentence = fresh(job)
    assert (status, reason) == ("starting", "quota")
    assert "7 GiB of 8 GiB" in sentence
    drive(job.pk)
    assert fresh(job)[:2] == ("starting", "")


def test_what_a_quota_refused_counts_for_no_end(job, driver):
    driver.fail("create", *[refused(QUOTA, "quota")] * 8, refused("denied the request: no", "admission"))
    for _ in range(9):
        drive(job.pk)
    assert fresh(job)[:2] == ("starting", "admission")
    Job.objects.update(starting_at=timezone.now() - timedelta(seconds=40))
    driver.fail("create", refused(QUOTA, "quota"))
    assert drive(job.pk) == pytest.approx(10, abs=2)


def test_a_rule_that_refuses_the_create_is_told_at_once_and_given_up_after_five_times(job, driver):
    driver.fail("create", *[refused("denied the request: no", "admission")] * 5)
    drive(job.pk)
    assert fresh(job)[:2] == ("starting", "admission")
    for _ in range(4):
        drive(job.pk)
    status, reason, sentence = fresh(job)
    assert (status, reason) == ("error", "admission")
    assert "denied the request: no" in sentence


def test_what_a_policy_calls_invalid_is_told_as_a_rule_at_once(job, driver):
    driver.fail("create", WorkInvalid("denied request: no").because("admission"))
    drive(job.pk)
    assert fresh(job)[:2] == ("error", "admission")


def stopped(job, attempt):
    """The runner was told to stop by nobody it knows, and brought everything home."""
    runner = Runner(attempt)
    runner.claim()
    runner.started()
    drive(job.pk)
    runner.ended(exit_code=None, signal=15, reason="stopped")
    runner.collected()


@pytest.mark.parametrize(
    ("found", "status", "reason", "words"),
    [
        (Explained("deleted", "Its pod was deleted.", (told(),)), "error", "deleted", "by hand"),
        (Explained("disk_limit", DISK), "failed", "disk_limit", "5 GiB"),
        (Explained("drained", "Shutdown."), "error", "drained", "out of service"),
        (Explained(), "error", "stopped", "from outside"),
        (None, "error", "stopped", "from outside"),
    ],
)
def test_a_stop_that_nobody_wished_is_explained_by_the_cluster(
    job, driver, attempt, found, status, reason, words
):
    if found:
        driver.explained[attempt.name] = found
    stopped(job, attempt)
    drive(job.pk)
    assert fresh(job)[:2] == (status, reason)
    assert words in fresh(job)[2]
    assert len(noted(job)) == len(found.told if found else ())


def test_the_cluster_is_asked_when_the_other_jobs_have_made_their_steps(
    job, driver, attempt, make_job, monkeypatch
):
    other, asked, depth = make_job(), [], len(connection.savepoint_ids)

    def explain(name, space="", age=0.0):
        asked.append(name)
        assert fresh(other)[0] == "starting"
        assert other.attempts.exclude(created_at=None).exists()
        assert len(connection.savepoint_ids) == depth, "no transaction waits for the cluster"
        return Explained("deleted", "Its pod was deleted.")

    monkeypatch.setattr(driver, "explain", explain)
    stopped(job, attempt)
    Job.objects.filter(pk=job.pk).update(status="finishing")
    drive_all([job.pk, other.pk])
    assert asked == [attempt.name]
    assert fresh(job)[:2] == ("error", "deleted")


def test_an_explanation_that_comes_with_the_pods_end_makes_the_reason_better(job, driver, attempt):
    stopped(job, attempt)
    driver.show(attempt.name, State.RUNNING)
    drive(job.pk)
    assert fresh(job)[:2] == ("error", "stopped")
    words = "low on resource: memory. "
    seen(job, driver, attempt, State.ENDED, exit_code=143, reason="evicted", message=words)
    assert drive(job.pk) is None
    assert fresh(job)[:2] == ("error", "evicted")
    assert "ran short of memory" in job.events.last().sentence


def test_a_cancelled_job_is_cancelled_whatever_interrupted_it(job, driver, attempt):
    stopped(job, attempt)
    Job.objects.update(cancel_requested_at=timezone.now())
    seen(job, driver, attempt, State.ENDED, exit_code=143, reason="deleted")
    drive(job.pk)
    assert fresh(job)[0] == "cancelled"
