"""The jobs of a page, which are put together without the model's own way: they are what it would have made of them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs.history.rows import CLUSTER, OWNER, SHOWN, load_jobs
from jobs.models import Job

ENDED = datetime(2026, 10, 25, 0, 59, 59, 123457, tzinfo=UTC)


@pytest.fixture
def jobs(make_job):
    """One that waits, one that has ended (in an hour that Berlin has twice), with all that a row may show."""
    ended = make_job(name="æther", status="failed", tags=["paper", "a\nb"], priority=2, pinned_at=ENDED)
    Job.objects.filter(pk=ended.pk).update(finished_at=ENDED, finishing_at=ENDED - timedelta(microseconds=1))
    return [make_job(status="queued"), Job.objects.get(pk=ended.pk)]


def test_each_field_has_the_value_that_the_model_reads(jobs):
    for loaded in load_jobs([job.pk for job in jobs]):
        read = Job.objects.get(pk=loaded.pk)
        assert {name: getattr(loaded, name) for name in SHOWN} == {
            name: getattr(read, name) for name in SHOWN
        }
        assert {name: getattr(loaded.owner, name) for name in OWNER} == {
            name: getattr(read.owner, name) for name in OWNER
        }
        assert {name: getattr(loaded.cluster, name) for name in CLUSTER} == {
            name: getattr(read.cluster, name) for name in CLUSTER
        }
        assert (loaded, loaded.owner, loaded.cluster) == (read, read.owner, read.cluster)


def test_a_moment_is_aware_and_exact_and_shown_in_the_persons_time(jobs):
    ended = next(job for job in load_jobs([job.pk for job in jobs]) if job.finished_at)
    assert (ended.finished_at, ended.finished_at.utcoffset()) == (ENDED, timedelta(0))
    assert ended.finished_at - ended.finishing_at == timedelta(microseconds=1)
    with timezone.override("Europe/Berlin"):
        assert timezone.localtime(ended.finished_at).isoformat() == "2026-10-25T02:59:59.123457+02:00"


def test_what_is_shown_costs_no_statement_and_the_rest_is_read_when_asked(jobs, django_assert_num_queries):
    with django_assert_num_queries(1):
        loaded = load_jobs([job.pk for job in jobs])
        assert [job.pk for job in loaded] == sorted((job.pk for job in jobs), reverse=True)
        assert {(job.owner.display_name, job.cluster.name) for job in loaded}
    assert loaded[0].get_deferred_fields() == Job.objects.only(*SHOWN).first().get_deferred_fields()
    with django_assert_num_queries(1):
        command = loaded[0].command
    assert command == Job.objects.get(pk=loaded[0].pk).command


def test_a_loaded_job_is_one_of_the_database(jobs):
    loaded = load_jobs([jobs[0].pk])[0]
    assert (loaded._state.adding, loaded._state.db) == (False, "default")
    loaded.name = "renamed"
    loaded.save(update_fields=["name"])
    assert Job.objects.get(pk=loaded.pk).name == "renamed"
