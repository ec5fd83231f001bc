"""How jobs end on a scripted cluster: cancelled, failed, lost, and what is left of them removed."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from clusters.driver import (
    ClusterRefused,
    ClusterUnreachable,
)
from jobs.models import Attempt, Job
from jobs.reconciler import acts
from jobs.reconciler.drive import drive
from tests.jobs.driven import course, over, started, watched
from tests.jobs.intake_caller import Runner


@pytest.fixture
def job(make_job):
    return make_job()


def test_the_worker_waits_for_watch_to_see_the_end_before_it_removes(job, driver):
    runner = started(job, driver)
    runner.ended(exit_code=0)
    runner.collected()
    assert drive(job.pk) == 2
    assert driver.called("remove") == []
    # Without a watch it asks by itself, in the end.
    Attempt.objects.update(collected_at=Now() - timedelta(minutes=1))
    driver.fail("remove", ClusterRefused("It has not ended."))
    drive(job.pk)
    assert len(driver.called("remove")) == 1
    assert over(job, driver) is None
    assert len(driver.called("remove")) == 2


def test_a_queued_job_is_cancelled_without_an_attempt(job, driver):
    Job.objects.update(cancel_requested_at=Now())
    assert drive(job.pk) is None
    assert course(job) == ["cancelled"]
    assert driver.calls == []
    assert not Attempt.objects.exists()


def test_a_cancel_before_the_claim_waits_for_the_refused_pod(job, driver):
    drive(job.pk)
    Job.objects.update(cancel_requested_at=Now())
    assert drive(job.pk) == 5.0
    assert course(job) == ["starting"]
    attempt = Attempt.objects.get()
    assert driver.called("stop")[0] == attempt.name
    assert Runner(attempt).claim().status_code == 409
    over(job, driver, reason="refused")
    assert course(job) == ["starting", "cancelled"]
    assert driver.works == {}


def test_a_cancel_of_an_unconfirmed_create_is_granted_and_its_late_pod_refused_and_removed(job, driver):
    driver.fail("create", ClusterUnreachable("Who knows whether it came through."))
    drive(job.pk)
    Job.objects.update(cancel_requested_at=Now())
    driver.fail("remove", ClusterUnreachable("Still away."))
    assert drive(job.pk) == 2.0
    assert course(job) == ["starting", "cancelled"]
    attempt = Attempt.objects.get()
    driver.create(acts.work_of(job, attempt))  # it came through after all
    assert Runner(attempt).claim().status_code == 409
    watched(job, driver)
    drive(job.pk)
    assert driver.called("stop")[-1] == attempt.name
    assert over(job, driver, reason="refused") is None
    assert driver.works == {}
    assert course(job) == ["starting", "cancelled"]


def test_what_was_made_in_part_is_stopped_and_removed_after_a_cancel(job, driver):
    driver.fail("create", ClusterUnreachable("Away."))
    drive(job.pk)
    attempt = Attempt.objects.get()
    driver.create(acts.work_of(job, attempt))
    watched(job, driver)
    Job.objects.update(cancel_requested_at=Now())
    drive(job.pk)
    assert course(job) == ["starting", "cancelled"]
    assert attempt.name in driver.called("stop")
    assert over(job, driver, reason="refused") is None
    assert driver.works == {}


def test_a_cancel_while_it_runs_waits_until_the_script_has_really_stopped(job, driver):
    runner = started(job, driver)
    Job.objects.update(cancel_requested_at=Now())
    assert drive(job.pk) == 5.0
    assert course(job)[-1] == "running"
    runner.output(b"so far\n")
    runner.ended(exit_code=None, signal=15, reason="stopped")
    drive(job.pk)
    assert course(job)[-1] == "finishing"
    runner.collected()
    drive(job.pk)
    assert course(job)[-1] == "cancelled"


def test_success_before_a_cancel_took_effect_stays_success(job, driver):
    runner = started(job, driver)
    runner.ended(exit_code=0)
    Job.objects.update(cancel_requested_at=Now())
    runner.collected()
    drive(job.pk)
    assert course(job)[-1] == "succeeded"


def test_a_stop_that_nobody_wished_is_an_error(job, driver):
    runner = started(job, driver)
    runner.ended(exit_code=None, signal=15, reason="stopped")
    runner.collected()
    drive(job.pk)
    assert (course(job)[-1], job.reason) == ("error", "stopped")
    assert "from outside" in job.sentence


@pytest.mark.parametrize(
    ("end", "reason", "words"),
    [
        ({"exit_code": 3}, "exit_code", "exit code 3"),
        ({"exit_code": None, "signal": 11}, "signal", "SIGSEGV"),
        ({"exit_code": None, "signal": 9, "reason": "out_of_memory"}, "out_of_memory", "2 GiB"),
        ({"exit_code": 143, "reason": "time_limit"}, "time_limit", "1 h"),
    ],
)
def test_a_failure_says_why(job, driver, end, reason, words):
    runner = started(job, driver)
    runner.ended(**end)
    runner.collected()
    drive(job.pk)
    assert (course(job)[-1], job.reason) == ("failed", reason)
    assert words in job.sentence
    assert words in job.events.last().sentence


def test_a_pod_that_died_with_the_outcome_loses_the_job(job, driver):
    started(job, driver)
    over(job, driver, reason="lost", message="The machine was restarted.")
    assert (course(job)[-1], job.reason) == ("error", "lost")
    assert "The machine was restarted." in job.sentence
    assert driver.works == {}


def test_a_script_that_ran_while_no_worker_looked_has_run(job, driver):
    drive(job.pk)
    now = timezone.now()
    Attempt.objects.update(started_at=now, claimed_at=now, is_absent=True)
    Job.objects.update(cancel_requested_at=now)
    drive(job.pk)
    job.refresh_from_db()
    assert (job.status, job.running_at) == ("cancelled", now)
    assert not job.never_ran


def test_a_pod_that_could_not_prepare_the_script_says_so(job, driver):
    drive(job.pk)
    over(job, driver, reason="start_failed", message="The files arrive damaged.")
    assert (course(job)[-1], job.reason) == ("error", "start_failed")
    assert "The files arrive damaged." in job.sentence


@pytest.mark.parametrize(("exit_code", "status"), [(0, "succeeded"), (4, "failed")])
def test_an_outcome_that_only_the_cluster_knows_counts(job, driver, exit_code, status):
    """The portal was down until the pod gave up telling."""
    drive(job.pk)
    Runner(Attempt.objects.get()).claim()
    over(job, driver, exit_code=exit_code)
    assert (course(job)[-1], job.exit_code) == (status, exit_code)


def test_work_that_vanished_is_lost_after_two_reads_apart_in_time(job, driver, monkeypatch):
    started(job, driver)
    driver.vanish(Attempt.objects.get().name)
    watched(job, driver)
    watched(job, driver)
    drive(job.pk)
    assert course(job)[-1] == "running"
    Attempt.objects.update(absent_since="2026-01-01T00:00Z")
    watched(job, driver)
    drive(job.pk)
    assert (course(job)[-1], job.reason) == ("error", "lost")
