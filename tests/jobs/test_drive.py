"""The reconciler's hands on a scripted cluster: a job's way, its beginning, and everything that goes wrong."""

import pytest
from django.db.models.functions import Now

from clusters.driver import (
    AdminFirst,
    ClusterRefused,
    ClusterUnreachable,
    NameTaken,
    State,
    WorkInvalid,
)
from clusters.drivers import installation_id
from jobs.models import Attempt, Job
from jobs.reconciler import acts
from jobs.reconciler.drive import drive
from tests.jobs.driven import course, over, started, watched


@pytest.fixture
def job(make_job):
    return make_job()


def test_a_job_is_admitted_and_created_with_its_own_values(job, driver):
    assert drive(job.pk) == 10.0
    attempt = Attempt.objects.get()
    (work,) = driver.works.values()
    assert work.name == attempt.name == f"sw-{installation_id()}-{job.pk}-1"
    assert dict(work.labels) == {
        "stellwerk/installation": installation_id(),
        "stellwerk/job": str(job.pk),
        "stellwerk/attempt": "1",
        "stellwerk/team": str(job.team_id),
    }
    assert (work.cpu_millis, work.memory_bytes, work.image) == (1000, job.memory_bytes, job.image_reference)
    assert work.token == attempt.token
    assert attempt.token not in repr(work)
    assert course(job) == ["starting"]


def test_a_job_goes_its_whole_way_and_leaves_nothing_at_the_cluster(job, driver):
    runner = started(job, driver)
    assert course(job)[-1] == "running"
    runner.output(b"hello\n")
    runner.ended(exit_code=0)
    drive(job.pk)
    assert course(job)[-1] == "finishing"
    runner.collected()
    drive(job.pk)
    assert course(job) == ["starting", "running", "finishing", "succeeded"]
    assert (job.exit_code, job.reason) == (0, "")
    assert over(job, driver, exit_code=0) is None
    assert driver.works == {}
    assert drive(job.pk) is None


def test_driving_again_and_again_creates_once(job, driver):
    for _ in range(5):
        drive(job.pk)
    assert len(driver.called("create")) == 1
    assert Attempt.objects.count() == 1


def test_a_worker_that_died_after_the_create_is_followed_by_one_that_adopts(job, driver, monkeypatch):
    def dies(name):
        if name == "drive.created":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(acts, "failpoint", dies)
        with pytest.raises(KeyboardInterrupt):
            drive(job.pk)
    assert Attempt.objects.get().created_at is None
    drive(job.pk)
    assert Attempt.objects.get().created_at is not None
    assert len(driver.works) == 1


@pytest.mark.parametrize("method", ["create", "stop", "remove"])
def test_an_unreachable_cluster_ends_nothing(job, driver, method):
    runner = None
    if method != "create":
        runner = started(job, driver)
        Job.objects.update(cancel_requested_at=Now())
    if method == "remove":
        runner.ended(exit_code=0)
        runner.collected()
        Attempt.objects.update(seen_state=State.ENDED)
    driver.fail(method, ClusterUnreachable("It is away."))
    before = course(job)
    pause = drive(job.pk)
    assert 0 < pause <= 10
    assert course(job)[: len(before)] == before
    assert "error" not in course(job)
    drive(job.pk)
    assert len(driver.called(method)) == 2


def test_a_cluster_that_refuses_is_asked_five_times_ever_more_patiently(job, driver):
    driver.fail("create", *[ClusterRefused("The key is wrong.")] * 5)
    pauses = [drive(job.pk) for _ in range(5)]
    assert pauses[:4] == sorted(set(pauses[:4]))
    job.refresh_from_db()
    assert (job.status, job.reason) == ("error", "cluster_refused")
    assert "The key is wrong." in job.sentence
    assert "The key is wrong." in job.events.last().sentence


def test_while_an_admin_has_to_act_first_no_job_ends_however_long_it_takes(job, driver):
    driver.fail("create", *[AdminFirst("The token is unknown.")] * 20)
    pauses = [drive(job.pk) for _ in range(20)]
    assert set(pauses) == {10}
    assert "error" not in course(job)
    assert Attempt.objects.get(job=job).create_failures == 0
    drive(job.pk)
    assert len(driver.works) == 1


def test_work_that_no_cluster_takes_is_the_users_to_change(job, driver):
    driver.fail("create", WorkInvalid("The image has no name."))
    drive(job.pk)
    job.refresh_from_db()
    assert (job.status, job.reason) == ("error", "invalid")
    assert "The image has no name." in job.sentence


def test_somebody_elses_work_of_that_name_is_left_alone(job, driver):
    driver.fail("create", NameTaken("It is taken."))
    assert drive(job.pk) is None
    assert driver.called("stop") == driver.called("remove") == []
    assert course(job)[-1] == "error"


def test_a_create_whose_worker_died_on_the_way_is_completed_although_the_cluster_shows_a_part_of_it(
    job, driver
):
    driver.fail("create", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        drive(job.pk)
    attempt = Attempt.objects.get()
    driver.create(acts.work_of(job, attempt))  # the part that was made
    watched(job, driver)
    attempt.refresh_from_db()
    assert attempt.created_at is None
    drive(job.pk)
    assert driver.called("create") == [attempt.name] * 3
    attempt.refresh_from_db()
    assert attempt.created_at is not None
    drive(job.pk)
    assert driver.called("create") == [attempt.name] * 3


def test_the_phases_have_the_times_when_they_really_began(job, driver):
    runner = started(job, driver)
    runner.ended()
    attempt = Attempt.objects.get()
    Attempt.objects.update(started_at="2026-01-01T10:00Z", ended_at="2026-01-01T10:05Z")
    Job.objects.update(status="starting")
    drive(job.pk)
    attempt.refresh_from_db()
    job.refresh_from_db()
    assert (job.running_at, job.finishing_at) == (attempt.started_at, attempt.ended_at)


def test_no_job_starts_on_a_cluster_that_was_switched_off(job, driver):
    type(job.cluster).objects.update(is_enabled=False)
    assert drive(job.pk) is None
    assert (course(job)[-1], job.reason) == ("error", "cluster_removed")
    assert driver.calls == []


def test_without_disk_space_a_job_waits_and_says_why(job, driver, settings):
    settings.STORAGE_RESERVE_BYTES = 1 << 60
    assert drive(job.pk) is None
    job = Job.objects.get(pk=job.pk)
    assert job.status == "queued"
    assert "disk is nearly full" in job.sentence
    settings.STORAGE_RESERVE_BYTES = 0
    drive(job.pk)
    job.refresh_from_db()
    assert (job.status, job.reason) == ("starting", "")


def test_a_job_that_is_gone_is_never_looked_at_again(db, driver):
    assert drive(10**9) is None


def test_what_the_cluster_waits_for_is_told_while_it_is_so(job, driver):
    drive(job.pk)
    name = Attempt.objects.get().name
    driver.show(name, State.PENDING, reason="unschedulable", message="0/3 nodes are available.")
    watched(job, driver)
    job.refresh_from_db()
    assert job.next_look_at is not None
    drive(job.pk)
    job.refresh_from_db()
    assert "Waiting for room" in job.sentence
    assert "0/3 nodes" in job.sentence
    assert job.advice
    driver.show(name, State.PENDING, reason="", message="")
    watched(job, driver)
    drive(job.pk)
    job.refresh_from_db()
    assert (job.reason, job.detail) == ("", "")
