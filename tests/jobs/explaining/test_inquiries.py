"""Whom a worker asks about, and how often: those in trouble first, and not too many at once."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from clusters.driver import ClusterUnreachable, Explained
from jobs.models import Attempt, Job
from jobs.reconciler import explaining
from jobs.reconciler.drive import drive, drive_all
from jobs.reconciler.inquiries import QUIET, TROUBLED
from tests.jobs.explaining.scene import QUOTA, aged, fresh


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
