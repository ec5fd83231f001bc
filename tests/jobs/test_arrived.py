"""An attempt ends without its manifest: whole files that came are listed, and nothing stays that nobody sees."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from jobs.models import Artifact, Attempt, Job, Kind, Stored
from jobs.reconciler import arrived
from jobs.reconciler.arrived import list_arrived
from jobs.reconciler.tidy import tidy
from tests.cast import new_artifact
from tests.jobs.driven import course, over, started
from tests.jobs.test_intake_kept import keep, listed

FLAG = "What had come whole is listed; the list of all files never came, so others may be missing."


@pytest.fixture
def job(make_job):
    return make_job()


@pytest.fixture
def runner(job, driver):
    return started(job, driver)


def page_of(client, job):
    return client.get(reverse("job_results", args=[job.pk])).content.decode()


def test_what_came_before_the_node_died_is_listed_and_the_outcome_stays(
    job, driver, runner, client_of, alice
):
    runner.ended(exit_code=0)
    runner.result("results/a", b"1")
    runner.result("b", b"22")
    over(job, driver)
    assert course(job)[-1] == "succeeded"
    assert set(Artifact.objects.filter(is_listed=True).values_list("path", flat=True)) == {"results/a", "b"}
    page = page_of(client_of(alice), job)
    assert "2 files" in page
    assert FLAG in page
    assert "The results are incomplete" in page


def test_also_where_only_the_cluster_knows_the_end(job, driver, runner, client_of, alice):
    """The script's container died without a word: a manifest is refused then."""
    runner.result("results/a", b"1")
    assert runner.collected().status_code == 409
    over(job, driver, exit_code=137, reason="out_of_memory")
    assert course(job)[-1] == "failed"
    assert listed() == {"a": b"1"}
    assert FLAG in page_of(client_of(alice), job)


def test_where_nothing_came_nothing_is_said_of_it(job, driver, runner, client_of, alice):
    over(job, driver)
    page = page_of(client_of(alice), job)
    assert "The results are incomplete" in page
    assert "What had come" not in page


def test_what_was_kept_while_it_ran_stays_before_what_came_half_of_a_wish(
    job, driver, runner, django_capture_on_commit_callbacks
):
    keep(runner, checkpoint=b"good")
    runner.result("results/checkpoint", b"torn")
    runner.result("results/log", b"1")
    torn = Artifact.objects.get(path="results/checkpoint", is_listed=False).key
    with django_capture_on_commit_callbacks(execute=True):
        over(job, driver)
    assert listed() == {"checkpoint": b"good", "log": b"1"}
    assert Artifact.objects.count() == 2
    assert not default_storage.exists(torn)


def test_what_came_after_the_end_takes_the_place_of_what_was_kept(
    job, driver, runner, django_capture_on_commit_callbacks
):
    keep(runner, checkpoint=b"good", gone=b"x")
    runner.ended(exit_code=0)
    runner.result("results/checkpoint", b"better")
    with django_capture_on_commit_callbacks(execute=True):
        over(job, driver)
    assert listed() == {"checkpoint": b"better", "gone": b"x"}
    assert Artifact.objects.count() == 2
    assert (
        Stored.objects.get(job=job, kind=Kind.RESULTS).bytes
        == Artifact.objects.aggregate(Sum("size"))["size__sum"]
    )


def test_where_a_manifest_came_it_stays_the_last_word(
    job, driver, runner, django_capture_on_commit_callbacks
):
    runner.ended(exit_code=0)
    runner.result("results/a", b"1")
    assert runner.collected().status_code == 200
    runner.result("results/a", b"late")
    runner.result("results/b", b"late")
    attempt = Attempt.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        list_arrived([attempt.pk])
    assert listed() == {"a": b"1"}
    assert Artifact.objects.count() == 1


def test_twice_is_as_once_and_a_late_manifest_counts(job, driver, runner):
    runner.ended(exit_code=0)
    runner.result("results/a", b"1")
    runner.result("results/b", b"2")
    attempt = Attempt.objects.get()
    list_arrived([attempt.pk])
    list_arrived([attempt.pk])
    assert listed() == {"a": b"1", "b": b"2"}
    del runner._results["results/b"]
    assert runner.collected().status_code == 200
    assert listed() == {"a": b"1"}


def test_what_came_after_the_end_was_told_is_listed_by_a_round_of_tidying(
    job, driver, runner, client_of, alice, make_job, make_attempt
):
    runner.ended(exit_code=0)
    over(job, driver)
    new_artifact(Attempt.objects.get(), "late", b"1", is_listed=False)
    running = new_artifact(make_attempt(make_job(status="running")), "whole", b"2", is_listed=False)
    tidy()
    assert listed() == {}
    Attempt.objects.filter(job=job).update(removed_at=timezone.now() - timedelta(minutes=5))
    tidy()
    assert listed() == {"late": b"1"}
    assert FLAG in page_of(client_of(alice), job)
    running.refresh_from_db()
    assert not running.is_listed


def test_a_database_that_does_not_take_it_holds_up_no_end(job, driver, runner, monkeypatch):
    def busy(*_):
        raise OperationalError("busy")

    runner.ended(exit_code=0)
    runner.result("results/a", b"1")
    monkeypatch.setattr(arrived, "_list", busy)
    over(job, driver)
    assert Job.objects.get().status == "succeeded"
