"""What a worker tells of jobs that wait or ended strangely, on a scripted cluster: watch tells, or it asks."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from clusters.driver import ClusterRefused, ClusterUnreachable, Explained, State, Told, WorkInvalid
from clusters.drivers import installation_id
from clusters.models import ClusterHealth
from jobs.models import Attempt, Job
from jobs.reconciler import explaining, ground
from jobs.reconciler.drive import drive, drive_all
from jobs.reconciler.inquiries import QUIET, TROUBLED
from jobs.reconciler.sightings import open_attempts, record
from tests.clusters.fake_driver import FakeDriver
from tests.jobs.intake_caller import Runner

QUOTA = "exceeded quota: q, requested: limits.memory=2Gi, used: limits.memory=7Gi, limited: limits.memory=8Gi"
DISK = 'Usage of EmptyDir volume "volume" exceeds the limit "5Gi". '


@pytest.fixture
def driver(monkeypatch):
    fake = FakeDriver(installation_id())
    monkeypatch.setattr(ground, "driver_of", lambda cluster: fake)
    monkeypatch.setattr(ground, "space_for", lambda cluster, team_id: "blue")
    monkeypatch.setattr(explaining, "inquiries", explaining.Inquiries())
    return fake


@pytest.fixture
def job(make_job, cluster):
    cluster.driver = "kubernetes"
    cluster.save()
    return make_job()


@pytest.fixture
def attempt(job, driver):
    """Of a job that was just made at the cluster."""
    drive(job.pk)
    return Attempt.objects.get()


def told(uid="a", count=1, message="Words.", kind="Warning"):
    at = "2026-01-01T10:00:00Z"
    return Told(uid, at, at, kind, "FailedCreate", message, "job sw", count)


def aged(attempt, seconds):
    Attempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(seconds=seconds))


def seen(job, driver, attempt, state=State.PENDING, **facts):
    """What watch does when the cluster shows this."""
    driver.show(attempt.name, state, **facts)
    return record(job.cluster_id, open_attempts(job.cluster_id), driver.observe())


def fresh(job):
    job = Job.objects.select_related("cluster").get(pk=job.pk)
    return job.status, job.reason, job.sentence


def noted(job):
    return [(event.data["uid"], event.data["count"]) for event in job.events.filter(kind="cluster_event")]


def test_a_normal_start_is_not_asked_about(job, driver, attempt):
    assert drive(job.pk) == pytest.approx(6, abs=2)
    assert driver.called("explain") == []


def test_it_is_looked_at_again_when_the_first_inquiry_is_worth_it(job, driver):
    assert drive(job.pk) == pytest.approx(6, abs=0.5)
    assert Attempt.objects.get().created_at is not None


def test_a_script_whose_container_runs_is_not_asked_about_before_its_runner_reports(job, driver, attempt):
    seen(job, driver, attempt, State.RUNNING)
    for seconds in (7, 13, 120):
        aged(attempt, seconds)
        assert drive(job.pk) == 60.0
    assert driver.called("explain") == []


def test_on_this_machine_nobody_asks(make_job, driver):
    job = make_job()
    drive(job.pk)
    aged(Attempt.objects.get(), 600)
    drive(job.pk)
    assert driver.called("explain") == []


def test_what_nobody_tells_is_asked_for_and_told_with_numbers(job, driver, attempt):
    driver.explained[attempt.name] = Explained("quota", QUOTA, (told(),))
    aged(attempt, 7)
    drive(job.pk)
    status, reason, sentence = fresh(job)
    assert (status, reason) == ("starting", "quota")
    assert "2 GiB of memory" in sentence
    assert "7 GiB of 8 GiB" in sentence
    event = job.events.get(kind="waiting")
    assert event.data["reason"] == "quota"
    assert event.data["facts"]["asked"] == "2 GiB"
    assert event.sentence == sentence
    assert noted(job) == [("a", 1)]


def test_it_is_asked_ever_less_often_and_stays_told_meanwhile(job, driver, attempt):
    driver.explained[attempt.name] = Explained("quota", QUOTA)
    for age in (7, 8, 11, 13, 14, 25, 26, 300, 301, 310):
        aged(attempt, age)
        pause = drive(job.pk)
        assert 1 <= pause <= 10
        assert fresh(job)[1] == "quota"
    assert len(driver.called("explain")) == 4
    assert job.events.filter(kind="waiting").count() == 1


def test_it_is_taken_back_when_the_cluster_says_so(job, driver, attempt):
    driver.explained[attempt.name] = Explained("scheduler_silent", "Nobody.")
    aged(attempt, 17)
    drive(job.pk)
    assert "scheduler is not acting" in fresh(job)[2]
    driver.explained[attempt.name] = Explained()
    aged(attempt, 60)
    drive(job.pk)
    assert fresh(job)[1] == ""


def test_what_watch_sees_wakes_a_worker_which_tells_it_and_brings_the_events(job, driver, attempt):
    Job.objects.update(next_look_at=None)
    driver.explained[attempt.name] = Explained("unschedulable", "0/1 …", (told("b"),))
    aged(attempt, 3)
    words = "0/1 nodes are available: 1 Insufficient memory."
    assert seen(job, driver, attempt, reason="unschedulable", message=words) == {job.pk}
    assert Job.objects.get().next_look_at is not None
    drive(job.pk)
    assert fresh(job)[1] == "unschedulable"
    assert noted(job) == [("b", 1)]


def test_what_nodes_have_is_told_from_the_last_check(job, driver, attempt):
    node = {"memory_bytes": 1 << 30, "free": {"memory_bytes": 1 << 29}, "labels": {}, "taints": []}
    ClusterHealth.objects.create(cluster=job.cluster, capacity={"nodes": [node]})
    seen(
        job,
        driver,
        attempt,
        reason="unschedulable",
        message="0/1 nodes are available: 1 Insufficient memory.",
    )
    drive(job.pk)
    assert "asks for 2 GiB, and the largest node that it may use on This machine has 1 GiB" in fresh(job)[2]


def test_the_finer_word_stays(job, driver, attempt):
    seen(job, driver, attempt, reason="image_missing", message="x:1: not found")
    drive(job.pk)
    seen(job, driver, attempt, reason="image_pull", message='Back-off pulling image "x:1"')
    drive(job.pk)
    assert fresh(job)[1] == "image_missing"
    seen(job, driver, attempt, reason="", message="")
    drive(job.pk)
    assert fresh(job)[1] == ""


def test_a_silent_node_is_told_of_a_running_job_and_ends_nothing(job, driver, attempt):
    runner = Runner(attempt)
    runner.claim()
    runner.started()
    seen(job, driver, attempt, State.RUNNING)
    drive(job.pk)
    assert seen(
        job,
        driver,
        attempt,
        State.RUNNING,
        reason="node_silent",
        message="Node n7 does not answer since 2026-01-01T10:00:00Z.",
    ) == {job.pk}
    drive(job.pk)
    status, _, sentence = fresh(job)
    assert status == "running"
    assert "n7 of This machine does not answer since 10:00 UTC" in sentence
    seen(job, driver, attempt, State.RUNNING, reason="", message="")
    drive(job.pk)
    assert fresh(job)[:2] == ("running", "")


def test_a_cluster_that_cannot_be_asked_holds_up_nothing(job, driver, attempt):
    driver.fail("explain", ClusterUnreachable("Away."))
    aged(attempt, 7)
    assert 1 <= drive(job.pk) <= 10
    assert fresh(job)[:2] == ("starting", "")


def test_of_whom_the_cluster_noted_no_trouble_nobody_asks_before_patience_is_over(job, driver, attempt):
    driver.warnings = set()
    aged(attempt, 7)
    assert drive(job.pk) == pytest.approx(3, abs=0.5)
    assert (driver.called("warned"), driver.called("explain")) == ([attempt.space], [])
    driver.explained[attempt.name] = Explained("controllers_silent", "Nobody.")
    aged(attempt, 13)
    explaining.inquiries._warned.clear()
    drive(job.pk)
    assert fresh(job)[1] == "controllers_silent"


def test_a_trouble_that_comes_after_the_first_look_is_found_by_the_next(job, driver, attempt):
    driver.warnings = set()
    aged(attempt, 6.1)
    assert drive(job.pk) == pytest.approx(3, abs=0.5)
    driver.warnings = {attempt.name}
    driver.explained[attempt.name] = Explained("quota", QUOTA)
    explaining.inquiries._warned.clear()
    aged(attempt, 9.2)
    drive(job.pk)
    assert fresh(job)[1] == "quota"


def test_of_whom_it_noted_a_trouble_it_is_asked_at_once(job, driver, attempt):
    driver.warnings = {attempt.name}
    driver.explained[attempt.name] = Explained("quota", QUOTA)
    aged(attempt, 7)
    drive(job.pk)
    assert fresh(job)[1] == "quota"


def test_of_many_who_are_in_no_trouble_a_few_are_asked_about(make_job, cluster, driver):
    cluster.driver = "kubernetes"
    cluster.save()
    jobs = [make_job().pk for _ in range(30)]
    driver.warnings = set()
    drive_all(jobs)
    Attempt.objects.update(created_at=timezone.now() - timedelta(seconds=20))
    drive_all(jobs)
    assert len(driver.called("warned")) == 1
    assert QUIET.burst <= len(driver.called("explain")) <= QUIET.burst + 1


def test_where_warnings_cannot_be_read_it_is_asked_as_if_there_were_one(job, driver, attempt):
    driver.warnings = set()
    driver.fail("warned", ClusterUnreachable("gone"))
    driver.explained[attempt.name] = Explained("quota", QUOTA)
    aged(attempt, 7)
    drive(job.pk)
    assert fresh(job)[1] == "quota"
    # It is not tried with each job.
    assert not explaining.inquiries.is_quiet(Job(cluster_id=job.cluster_id), attempt, lambda: set())
    explaining.inquiries._warned[job.cluster_id, attempt.space] = (time.monotonic() - 31, None)
    assert explaining.inquiries.is_quiet(Job(cluster_id=job.cluster_id), attempt, lambda: set())


def test_there_are_only_so_many_inquiries_at_once(make_job, cluster, driver):
    cluster.driver = "kubernetes"
    cluster.save()
    for job in [make_job() for _ in range(40)]:
        drive(job.pk)
        aged(job.attempts.get(), 7)
        drive(job.pk)
    assert TROUBLED.burst <= len(driver.called("explain")) <= TROUBLED.burst + 6


def test_who_was_one_too_many_is_looked_at_when_its_turn_comes(make_job, cluster, driver):
    cluster.driver = "kubernetes"
    cluster.save()
    jobs = [make_job().pk for _ in range(int(TROUBLED.burst) + 3)]
    drive_all(jobs)
    driver.warnings = set(Attempt.objects.values_list("name", flat=True))
    Attempt.objects.update(created_at=timezone.now() - timedelta(seconds=7))
    looks = drive_all(jobs)
    assert len(driver.called("explain")) == TROUBLED.burst
    assert sum(pause < 3.5 for pause in looks.values()) == 3
    many = [make_job().pk for _ in range(30)]
    drive_all(many)
    driver.warnings |= set(Attempt.objects.values_list("name", flat=True))
    explaining.inquiries._warned.clear()
    Attempt.objects.filter(job_id__in=many).update(created_at=timezone.now() - timedelta(seconds=7))
    assert min(drive_all(many).values()) > 3.5


def test_events_are_kept_once_with_their_newest_count_and_not_without_end(job, driver, attempt):
    explaining.record(job, (told("a"), told("b")))
    explaining.record(job, (told("a", count=7, message="Newer words."), told("b")))
    assert noted(job) == [("a", 7), ("b", 1)]
    assert job.events.get(data__uid="a").sentence == "Newer words."
    assert f"{job.events.get(data__uid='a').at:%H:%M}" == "10:00"
    explaining.record(job, tuple(told(str(number)) for number in range(100)))
    assert job.events.filter(kind="cluster_event").count() == explaining.MOST_TOLD


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
