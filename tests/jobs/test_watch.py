"""`manage.py watch`: a task for each cluster; a sick one costs the others nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connections

from clusters.driver import ClusterRefused, ClusterUnreachable, NotReadYet, State, Work
from clusters.models import Cluster
from jobs.models import Attempt
from jobs.reconciler import watching
from jobs.reconciler.watching import ClusterWatch, Found, watch
from tests import cast
from tests.clusters.fake_driver import FakeDriver
from tests.up.portal_process import BASE


@pytest.fixture
def driver():
    return FakeDriver("lab")


@pytest.fixture
def attempt(make_job, make_attempt, driver):
    job = make_job(status="running", next_look_at=None)
    attempt = make_attempt(job)
    labels = {"stellwerk/installation": "lab"}
    work = Work(attempt.name, labels, "local", "http://x", "token", 1000, 1, 1, 1, 1, 1)
    driver.create(work)
    return attempt


def test_a_change_is_written_in_the_round_that_sees_it(attempt, driver):
    watcher = ClusterWatch(attempt.job.cluster_id, driver)
    watcher.look()
    attempt.refresh_from_db()
    assert attempt.seen_state == "pending"
    driver.show(attempt.name, State.ENDED, exit_code=0)
    watcher.look()
    attempt.refresh_from_db()
    assert (attempt.seen_state, attempt.seen_exit_code) == ("ended", 0)


def test_a_round_that_sees_nothing_new_asks_the_database_nothing(attempt, driver, django_assert_num_queries):
    watcher = ClusterWatch(attempt.job.cluster_id, driver)
    watcher.look()
    with django_assert_num_queries(0):
        watcher.look()


def test_in_a_rush_one_look_answers_more_and_alone_a_change_is_answered_at_once(attempt, driver, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(watching.time, "sleep", slept.append)
    monkeypatch.setattr(driver, "wait", lambda seconds: None)
    watcher = ClusterWatch(attempt.job.cluster_id, driver)
    watcher.look()
    labels = {"stellwerk/installation": "lab"}
    for number in range(watching.RUSH_CHANGES + 1):
        driver.create(Work(f"sw-lab-9{number}-1", labels, "local", "http://x", "token", 1000, 1, 1, 1, 1, 1))
    watcher.look()
    watcher._rest(0.0, 0.0)
    driver.show(attempt.name, State.RUNNING)
    watcher.look()
    watcher._rest(0.0, 0.0)
    # After a rest there is nothing to wait for.
    now = time.monotonic()
    monkeypatch.setattr(
        driver, "wait", lambda seconds: monkeypatch.setattr(watching.time, "monotonic", lambda: now + 9)
    )
    watcher._rest(0.0, 0.0)
    assert slept == [
        pytest.approx(watching.GATHER_IN_A_RUSH_SECONDS, abs=0.02),
        pytest.approx(watching.GATHER_SECONDS, abs=0.02),
        watching.GATHER_AFTER_A_REST_SECONDS,
    ]


def test_from_time_to_time_it_compares_anyway(attempt, driver, monkeypatch):
    watcher = ClusterWatch(attempt.job.cluster_id, driver)
    watcher.look()
    Attempt.objects.update(seen_state="")
    watcher.compared_at -= watcher.compare_seconds
    watcher.look()
    attempt.refresh_from_db()
    assert attempt.seen_state == "pending"


def test_what_was_missed_is_looked_for_again_when_a_second_miss_counts(attempt, driver, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    watcher = ClusterWatch(attempt.job.cluster_id, driver, compare_seconds=3600.0, compared_at=now[0])
    watcher.look()
    driver.vanish(attempt.name)
    watcher.look()
    attempt.refresh_from_db()
    assert attempt.absent_since is not None
    Attempt.objects.update(absent_since="2026-01-01T00:00Z")
    now[0] += watching.MISSED_SECONDS - 0.1
    watcher.look()
    attempt.refresh_from_db()
    assert not attempt.is_absent
    now[0] += 0.2
    watcher.look()
    attempt.refresh_from_db()
    assert attempt.is_absent
    assert watcher.missed == {}


def test_where_the_cluster_does_not_let_us_look_no_absence_is_proven(attempt, driver):
    watcher = ClusterWatch(attempt.job.cluster_id, driver)
    driver.fail("look", ClusterRefused("Forbidden."))
    assert watcher._is_gone("missing", "") is False
    assert watcher._is_gone("missing", "") is True
    driver.fail("look", ClusterUnreachable("Away."))
    with pytest.raises(ClusterUnreachable):
        watcher._is_gone("missing", "")


def in_rounds(watcher, count=1):
    """So many rounds in an event loop, as the command does them; the pauses after each."""

    async def rounds():
        return [await watcher.round() for _ in range(count)]

    try:
        return asyncio.run(rounds())
    finally:
        watcher.threads.submit(connections.close_all).result()
        watcher.threads.shutdown()


@pytest.mark.django_db(transaction=True)
def test_a_cluster_that_fails_is_asked_ever_less_often_and_says_why(cluster, driver):
    driver.fail("observe", *[ClusterUnreachable("No route.")] * 3, RuntimeError("a defect"))
    watcher = ClusterWatch(cluster.pk, driver)
    pauses = in_rounds(watcher, 4)
    assert pauses == [2, 4, 8, 16]
    cluster.refresh_from_db()
    assert cluster.unreachable_since is not None
    assert "log of watch" in cluster.trouble
    assert in_rounds(ClusterWatch(cluster.pk, driver, failures=4)) == [watching.WAIT_SECONDS]
    cluster.refresh_from_db()
    assert (cluster.unreachable_since, cluster.trouble) == (None, "")


@pytest.mark.django_db(transaction=True)
def test_a_cluster_that_was_just_added_is_not_unreachable_before_it_was_read(cluster, driver, monkeypatch):
    driver.fail("observe", *[NotReadYet("Not yet.")] * 3)
    watcher = ClusterWatch(cluster.pk, driver)
    assert in_rounds(watcher, 2) == [watching.WAIT_SECONDS] * 2
    cluster.refresh_from_db()
    assert (cluster.unreachable_since, cluster.trouble) == (None, "")
    late = ClusterWatch(cluster.pk, driver, began_at=time.monotonic() - watching.FIRST_READ_SECONDS)
    assert in_rounds(late) == [2]
    cluster.refresh_from_db()
    assert cluster.trouble == "Not yet."


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_waited_for(cluster, driver, monkeypatch):
    def away(*_):
        raise OperationalError("away")

    monkeypatch.setattr(watching, "open_attempts", away)
    assert in_rounds(ClusterWatch(cluster.pk, driver)) == [1.0]
    cluster.refresh_from_db()
    assert cluster.unreachable_since is None


@pytest.mark.django_db(transaction=True)
def test_a_cluster_that_hangs_is_unreachable_and_holds_up_no_other(driver, monkeypatch):
    sick, healthy = cast.new_cluster("sick", "Sick"), cast.new_cluster("healthy", "Healthy")
    release = threading.Event()

    class Hanging(FakeDriver):
        def observe(self):
            release.wait(30)
            return []

    drivers = {sick.pk: Hanging("lab"), healthy.pk: driver}
    monkeypatch.setattr(watching, "observer_of", lambda cluster: drivers[cluster.pk])
    monkeypatch.setattr(watching, "OBSERVE_SECONDS", 0.3)

    async def until_both_are_known():
        stop = asyncio.Event()
        task = asyncio.create_task(watch(stop))
        for _ in range(300):
            rows = await asyncio.to_thread(read)
            if rows["sick"][0] and rows["healthy"][1]:
                break
            await asyncio.sleep(0.1)
        stop.set()
        await task
        return rows

    def read():
        try:
            rows = Cluster.objects.values_list("slug", "unreachable_since", "last_seen_at")
            return {slug: (since, seen) for slug, since, seen in rows}
        finally:
            connections.close_all()

    try:
        rows = asyncio.run(until_both_are_known())
    finally:
        release.set()
    assert rows["sick"][0] is not None
    assert rows["sick"][1] is None
    assert rows["healthy"][0] is None
    assert rows["healthy"][1] is not None


def test_clusters_come_and_go_and_change_while_it_watches(db, driver, monkeypatch):
    old, new = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)

    async def course():
        tasks = {}
        watching._adjust(tasks, {1: Found(old, driver)})
        first = tasks[1].task
        watching._adjust(tasks, {1: Found(old, None), 2: Found(None, driver)})
        assert set(tasks) == {1, 2}
        assert tasks[1].task is first
        watching._adjust(tasks, {1: Found(new, driver), 2: Found(None, None)})
        assert tasks[1].task is not first
        assert tasks[1].version == new
        watching._adjust(tasks, {2: Found(None, None)})
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert set(tasks) == {2}
        assert first.cancelled() or first.cancelling()
        tasks[2].task.cancel()

    monkeypatch.setattr(ClusterWatch, "look", lambda self: None)
    asyncio.run(course())


def test_a_cluster_that_was_switched_off_is_watched_while_it_has_work(attempt):
    Cluster.objects.update(is_enabled=False)
    assert set(watching._find({})) == {attempt.job.cluster_id}
    Attempt.objects.update(removed_at="2026-01-01T00:00Z")
    assert watching._find({}) == {}
    Cluster.objects.update(is_enabled=True)
    assert set(watching._find({})) == {attempt.job.cluster_id}


def test_a_connection_that_cannot_be_used_is_told_where_the_cluster_is_shown(db):
    cluster = cast.new_cluster("lab", "Lab")
    Cluster.objects.update(driver="kubernetes")
    assert watching._find({})[cluster.pk].driver is None
    cluster.refresh_from_db()
    assert "an admin has to connect it" in cluster.trouble
    assert cluster.unreachable_since is not None


@pytest.mark.processes
def test_the_command_ends_within_a_second_when_told(servers, tmp_path):
    environment = os.environ | {
        "STELLWERK_HOME": str(tmp_path),
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "SECRET_KEY": django_settings.SECRET_KEY,
    }
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "watch"], cwd=BASE, env=environment, stdout=log, stderr=log
        )
        try:
            _until_it_watches(process)
            process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            assert process.wait(20) == 0, (tmp_path / "log").read_text()
            assert time.monotonic() - told < 3, "a second, and what a busy machine adds"
        finally:
            process.kill()


def _until_it_watches(process):
    """Its handler of SIGTERM is set (Linux tells which signals a process catches)."""
    deadline = time.monotonic() + 60
    mask = 0
    while not mask & 1 << (signal.SIGTERM - 1):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
        with open(f"/proc/{process.pid}/status") as file:  # noqa: PTH123
            mask = int(next(line for line in file if line.startswith("SigCgt")).split()[1], 16)
