"""What a worker tells of jobs that wait, on a scripted cluster: watch tells, or it asks."""

import pytest

from clusters.driver import ClusterUnreachable, Explained, State
from clusters.models import ClusterHealth
from jobs.models import Attempt, Job
from jobs.reconciler import explaining
from jobs.reconciler.drive import LOOK_AT_RUNNING, drive
from tests.jobs.explaining.scene import QUOTA, aged, fresh, noted, seen, told
from tests.jobs.intake_caller import Runner


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
        assert drive(job.pk) == LOOK_AT_RUNNING
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


def test_events_are_kept_once_with_their_newest_count_and_not_without_end(job, driver, attempt):
    explaining.record(job, (told("a"), told("b")))
    explaining.record(job, (told("a", count=7, message="Newer words."), told("b")))
    assert noted(job) == [("a", 7), ("b", 1)]
    assert job.events.get(data__uid="a").sentence == "Newer words."
    assert f"{job.events.get(data__uid='a').at:%H:%M}" == "10:00"
    explaining.record(job, tuple(told(str(number)) for number in range(100)))
    assert job.events.filter(kind="cluster_event").count() == explaining.MOST_TOLD
