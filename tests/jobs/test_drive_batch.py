"""Many jobs driven side by side: each goes its own way, and what is written does not grow with their number."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clusters.driver import ClusterUnreachable, State, WorkInvalid
from clusters.drivers import installation_id
from jobs import hints
from jobs.lifecycle import Status
from jobs.models import Attempt, Job
from jobs.models.job import Move
from jobs.reconciler import acts, ground
from jobs.reconciler.drive import drive_all
from jobs.reconciler.ground import RUSH
from jobs.reconciler.removal import LOOK_IN_A_RUSH, REMOVAL_EVERY
from jobs.reconciler.sightings import open_attempts, record
from tests.clusters.fake_driver import FakeDriver


@pytest.fixture
def driver(monkeypatch):
    fake = FakeDriver(installation_id())
    monkeypatch.setattr(ground, "driver_of", lambda cluster: fake)
    monkeypatch.setattr("jobs.hints.hint_cluster", lambda cluster_id: None)
    return fake


@pytest.fixture
def make_jobs(make_job):
    return lambda count: [make_job() for _ in range(count)]


def numbers(jobs):
    return [job.pk for job in jobs]


def ended(jobs, driver, exit_code=0):
    for attempt in Attempt.objects.filter(job__in=jobs):
        driver.show(attempt.name, State.ENDED, exit_code=exit_code)
    record(jobs[0].cluster_id, open_attempts(jobs[0].cluster_id), driver.observe())


def statements(act):
    with CaptureQueriesContext(
        connection,
    ) as found:
        act()
    return len(found)


def test_each_job_of_a_batch_has_its_own_outcome(make_jobs, driver, monkeypatch):
    good, bad, away = jobs = make_jobs(3)
    troubles = {bad.pk: WorkInvalid("It has no name."), away.pk: ClusterUnreachable("Away.")}
    create = driver.create

    def troubled(work):
        if error := troubles.get(int(work.labels["stellwerk/job"])):
            raise error
        create(work)

    monkeypatch.setattr(driver, "create", troubled)
    looks = drive_all(numbers(jobs))
    assert (looks[good.pk], looks[away.pk]) == (10.0, 5)
    found = dict(Job.objects.values_list("pk", "status"))
    assert found == {good.pk: "starting", bad.pk: "error", away.pk: "starting"}
    confirmed = Attempt.objects.exclude(created_at=None).values_list("job_id", flat=True)
    assert list(confirmed) == [good.pk]
    (end,) = bad.events.filter(kind="error")
    assert "It has no name." in end.sentence


def test_what_is_written_does_not_grow_with_the_jobs(make_jobs, driver):
    counts = {}
    for count in (2, 12):
        jobs = make_jobs(count)
        counts[len(jobs)] = [statements(lambda jobs=jobs: drive_all(numbers(jobs)))]
        counts[len(jobs)].append(statements(lambda jobs=jobs: ended(jobs, driver)))
        counts[len(jobs)].append(statements(lambda jobs=jobs: drive_all(numbers(jobs))))
        assert set(Job.objects.filter(pk__in=numbers(jobs)).values_list("status", flat=True)) == {"succeeded"}
    assert counts[2] == counts[12]
    assert driver.works == {}


def test_what_is_over_stays_at_the_cluster_until_nobody_waits(make_jobs, driver):
    jobs = make_jobs(2)
    drive_all(numbers(jobs))
    ended(jobs, driver)
    looks = drive_all(numbers(jobs), remove_after=60)
    assert all(50 < seconds <= 60 + REMOVAL_EVERY for seconds in looks.values())
    assert len(driver.works) == 2
    assert not Attempt.objects.exclude(removed_at=None).exists()
    Job.objects.update(finished_at="2026-01-01T00:00Z")
    assert all(
        50 < seconds <= 60 + REMOVAL_EVERY for seconds in drive_all(numbers(jobs), remove_after=60).values()
    )
    Attempt.objects.update(seen_at="2026-01-01T00:00Z")
    assert drive_all(numbers(jobs), remove_after=60) == dict.fromkeys(numbers(jobs))
    assert driver.works == {}


def over_now(make_jobs, driver, count):
    """Jobs whose works have just ended, and their ids."""
    jobs = make_jobs(count)
    ids = [job.pk for job in jobs]
    drive_all(ids)
    ended(jobs, driver)
    return jobs, ids


def test_what_is_over_is_removed_together_where_the_cluster_can(make_jobs, driver):
    _, ids = over_now(make_jobs, driver, 5)
    driver.removes_together = True
    names = sorted(Attempt.objects.values_list("name", flat=True))
    # One is not there any more, and is asked for alone.
    driver.vanish(names[0])
    assert drive_all(ids) == dict.fromkeys(ids)
    assert driver.called("remove_ended") == [" ".join(names)]
    assert driver.called("remove") == [names[0]]
    assert not Attempt.objects.filter(removed_at=None).exists()


def test_what_ended_one_after_the_other_is_removed_at_the_same_moment(make_jobs, driver):
    jobs, ids = over_now(make_jobs, driver, 3)
    drive_all(ids, remove_after=5)
    for job, seconds in zip(jobs, (0.0, 1.3, 2.9), strict=True):
        finished(job, seconds)
    looks, now = drive_all(ids, remove_after=5), time.time()
    assert all(0 < look < 5 + REMOVAL_EVERY for look in looks.values())
    assert all(
        min((now + look) % REMOVAL_EVERY, -(now + look) % REMOVAL_EVERY) < 0.5 for look in looks.values()
    )


def test_what_is_seen_to_end_some_time_after_its_job_waits_for_the_others(make_jobs, driver):
    jobs, ids = over_now(make_jobs, driver, 3)
    drive_all(ids, remove_after=3)
    for job, seconds in zip(jobs, (9.0, 12.3, 14.1), strict=True):
        finished(job, seconds)
    Attempt.objects.update(seen_at=timezone.now())
    looks, now = drive_all(ids, remove_after=3), time.time()
    assert all(0 < look < 3 + REMOVAL_EVERY for look in looks.values())
    assert len({round((now + look) / REMOVAL_EVERY) for look in looks.values()}) == 1
    assert not driver.called("remove")


def test_where_it_cannot_each_is_removed_alone(make_jobs, driver):
    _, ids = over_now(make_jobs, driver, 3)
    driver.removes_together = True
    driver.fail("remove_ended", ClusterUnreachable("gone"))
    drive_all(ids)
    assert len(driver.called("remove")) == 3
    assert not Attempt.objects.filter(removed_at=None).exists()


def finished(job, seconds):
    """So long ago, and seen then."""
    at = timezone.now() - timedelta(seconds=seconds)
    Job.objects.filter(pk=job.pk).update(finished_at=at)
    job.attempts.update(seen_at=at)


def test_in_a_rush_what_is_over_stays_a_little_longer(make_jobs, driver):
    (over,) = make_jobs(1)
    drive_all([over.pk])
    ended([over], driver)
    drive_all([over.pk], remove_after=5)
    crowd = make_jobs(RUSH + 1)
    drive_all(numbers(crowd))
    finished(over, 20)
    assert drive_all([over.pk], remove_after=5) == {over.pk: LOOK_IN_A_RUSH}
    assert not driver.called("remove")
    finished(over, 70)
    assert drive_all([over.pk], remove_after=5) == {over.pk: None}
    assert len(driver.called("remove")) == 1


@pytest.mark.parametrize("change", ["older", "fewer"])
def test_where_there_is_no_rush_what_is_over_is_removed(make_jobs, driver, change):
    (over,) = make_jobs(1)
    drive_all([over.pk])
    ended([over], driver)
    drive_all([over.pk], remove_after=5)
    crowd = make_jobs(RUSH + 1 if change == "older" else RUSH)
    drive_all(numbers(crowd))
    if change == "older":
        Job.objects.filter(pk__in=numbers(crowd)).update(starting_at=timezone.now() - timedelta(seconds=40))
    finished(over, 20)
    assert drive_all([over.pk], remove_after=5) == {over.pk: None}
    assert len(driver.called("remove")) == 1


def test_the_runner_reports_before_the_pod_is_gone_and_the_cluster_is_not_asked_at_once(
    make_jobs, make_attempt, driver
):
    (job,) = make_jobs(1)
    drive_all([job.pk])
    now = {"started_at": "2026-01-01T00:00Z", "ended_at": "2026-01-01T00:00Z", "exit_code": 0}
    Attempt.objects.update(**now, collected_at="2026-01-01T00:00Z", seen_state="running")
    looks = drive_all([job.pk], remove_after=0.001)
    assert Job.objects.get().status == "succeeded"
    assert looks[job.pk] > 20
    assert driver.called("remove") == []


def test_of_moves_made_together_only_those_are_written_that_nobody_forestalled(make_jobs):
    first, second = make_jobs(2)
    Job.objects.filter(pk=second.pk).update(status=Status.CANCELLED, finished_at="2026-01-01T00:00Z")
    moves = [Move(job, Status.STARTING, sentence="Now.") for job in (first, second)]
    assert Job.move_all(moves) == {first.pk}
    assert (first.status, second.status) == ("starting", "queued")
    assert [event.sentence for event in first.events.all()] == ["Now."]
    assert not second.events.exists()
    first.refresh_from_db()
    assert first.starting_at is not None
    assert first.finished_at is None


def test_a_sight_of_what_a_worker_is_making_calls_no_second_worker(make_job, make_attempt, driver):
    job = make_job(status="starting", next_look_at=None)
    attempt = make_attempt(job, created_at=None)
    driver.create(acts.work_of(job, attempt))
    assert record(job.cluster_id, open_attempts(job.cluster_id), driver.observe()) == set()
    assert Job.objects.get().next_look_at is None
    assert Attempt.objects.get().seen_state == "pending"


def test_one_message_does_for_all_hints_until_a_worker_takes_it(servers, monkeypatch):
    sent = []
    monkeypatch.setattr(hints.current_app, "send_task", lambda name, args, **_: sent.append(args[0]))
    monkeypatch.setattr(hints, "_silent_until", 0.0)
    hints.client.cache_clear()
    hints.hint_taken(4711)
    for _ in range(3):
        hints.hint_cluster(4711)
    assert sent == [4711]
    hints.hint_taken(4711)
    hints.hint_cluster(4711)
    assert sent == [4711, 4711]
    hints.hint_taken(4711)
    hints.client.cache_clear()
