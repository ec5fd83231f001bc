"""What nobody can reach any more goes; what somebody may still need stays."""

import os
import time
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from clusters.driver import ClusterUnreachable, State
from clusters.drivers import installation_id
from jobs import bundles
from jobs.models import Artifact, Attempt, Bundle, Job
from jobs.output import outputlog
from jobs.reconciler import tidy
from jobs.reconciler.acts import work_of
from tests import cast
from tests.clusters.fake_driver import FakeDriver

LONG_AGO = "2026-01-01T00:00Z"
NOW_OLD = timedelta(0)


@pytest.fixture
def driver(monkeypatch):
    fake = FakeDriver(installation_id())
    monkeypatch.setattr(tidy, "driver_of", lambda cluster: fake)
    return fake


@pytest.fixture
def deleted_job(make_job, make_attempt):
    job = make_job(status="succeeded", deleted_at=LONG_AGO)
    attempt = make_attempt(job, removed_at=LONG_AGO)
    outputlog.append(attempt.pk, "stdout", 0, b"hello\n")
    key = default_storage.save(f"results/{attempt.pk}/x", ContentFile(b"x"))
    Artifact.objects.create(attempt=attempt, path="x", size=1, sha256="0", key=key, is_listed=True)
    yield job
    outputlog.delete(attempt.pk)


def test_a_deleted_job_goes_with_everything_it_left(deleted_job):
    attempt, artifact = Attempt.objects.get(), Artifact.objects.get()
    tidy.delete_jobs()
    assert not Job.objects.exists()
    assert not Bundle.objects.exists()
    assert not default_storage.exists(artifact.key)
    assert not outputlog.folder_of(attempt.pk).exists()


def test_a_deleted_job_stays_while_something_of_it_may_run(deleted_job):
    Attempt.objects.update(removed_at=None)
    tidy.delete_jobs()
    assert Job.objects.exists()
    Attempt.objects.update(removed_at=LONG_AGO)
    Job.objects.update(status="running", finished_at=None)
    tidy.delete_jobs()
    assert Job.objects.exists()


def test_a_job_that_was_deleted_this_moment_stays_for_those_who_read_it(deleted_job):
    from django.utils import timezone

    Job.objects.update(deleted_at=timezone.now())
    tidy.delete_jobs()
    assert Job.objects.exists()


def test_files_that_another_job_runs_with_stay(deleted_job, make_job):
    other = make_job(bundle=deleted_job.bundle)
    tidy.delete_jobs()
    assert Job.objects.get() == other
    assert other.bundle.files.count() == 1


def test_jobs_that_nobody_deleted_stay(make_job):
    make_job(status="succeeded")
    tidy.delete_jobs()
    assert Job.objects.count() == 1


@pytest.mark.parametrize("is_row_gone", [True, False])
def test_a_ghost_is_stopped_and_removed_when_it_has_ended(make_job, make_attempt, driver, is_row_gone):
    attempt = make_attempt(make_job(status="cancelled"), removed_at=LONG_AGO)
    driver.create(work_of(attempt.job, attempt))
    if is_row_gone:
        attempt.delete()
    tidy.end_ghosts()
    assert driver.called("stop") == [attempt.name]
    assert driver.called("remove") == []
    driver.show(attempt.name, State.ENDED)
    tidy.end_ghosts()
    assert driver.works == {}


def test_what_an_open_attempt_stands_for_is_no_ghost(make_job, make_attempt, driver):
    attempt = make_attempt(make_job(status="running"))
    driver.create(work_of(attempt.job, attempt))
    tidy.end_ghosts()
    assert driver.called("stop") == []


def test_a_cluster_that_is_away_holds_up_no_other(cluster, make_job, make_attempt, driver):
    driver.fail("observe", ClusterUnreachable("away"))
    attempt = make_attempt(make_job(status="cancelled"), removed_at=LONG_AGO)
    driver.create(work_of(attempt.job, attempt))
    other = cast.new_cluster("zz-other", "zz other")
    assert other.name > cluster.name
    tidy.end_ghosts()
    assert driver.called("stop") == [attempt.name]


def test_output_and_results_without_a_row_go_when_they_are_old(make_job, make_attempt):
    attempt = make_attempt(make_job(status="succeeded"))
    gone = 999_999_999
    for pk in (attempt.pk, gone):
        outputlog.append(pk, "stdout", 0, b"x")
    keys = [
        default_storage.save(f"results/{pk}/{name}", ContentFile(b"x"))
        for pk, name in ((attempt.pk, "kept"), (attempt.pk, "orphan"), (gone, "orphan"))
    ]
    Artifact.objects.create(attempt=attempt, path="x", size=1, sha256="0", key=keys[0])
    tidy.sweep_what_jobs_left(timedelta(hours=1))
    assert all(default_storage.exists(key) for key in keys)
    assert outputlog.folder_of(gone).exists()
    old = time.time() - 7200
    for path in (*outputlog.folder_of(gone).iterdir(), *map(default_storage.path, keys)):
        os.utime(path, (old, old))
    tidy.sweep_what_jobs_left(timedelta(hours=1))
    assert [default_storage.exists(key) for key in keys] == [True, False, False]
    assert not outputlog.folder_of(gone).exists()
    assert outputlog.folder_of(attempt.pk).exists()
    outputlog.delete(attempt.pk)
    default_storage.delete(keys[0])


def test_a_part_that_fails_stops_no_other(deleted_job, driver, monkeypatch):
    def broken():
        raise RuntimeError("broken")

    swept = []
    monkeypatch.setattr(tidy, "end_ghosts", broken)
    monkeypatch.setattr(bundles, "sweep_drafts", lambda: swept.append("drafts"))
    monkeypatch.setattr(bundles, "sweep_blobs", lambda age: swept.append("blobs"))
    monkeypatch.setattr(bundles, "sweep_orphan_content", lambda age: swept.append("content"))
    tidy.tidy()
    assert swept == ["drafts", "blobs", "content"]
    assert not Job.objects.exists()
