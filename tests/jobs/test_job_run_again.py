"""Run again: the same snapshot and files as a new job, once per key, for everyone who sees the job."""

import uuid

import pytest
from django.urls import reverse

from jobs.admission import queues
from jobs.models import Job


@pytest.fixture
def job(make_job):
    return make_job(
        status="succeeded",
        name="Model",
        tags=["a"],
        arguments=["--n", "3"],
        environment={"A": "1"},
        command=["python3", "-u", "main.py", "--n", "3"],
    )


def run_again(client, job, key=None):
    return client.post(reverse("job_run_again", args=[job.pk]), {"key": key or str(uuid.uuid4())})


def test_a_job_runs_again_with_the_same_snapshot_and_the_same_files(client_of, alice, job, image, profile):
    # What an admin edits later does not reach it.
    image.reference = "local/other"
    image.entry_commands = {".py": ["other"]}
    image.save()
    profile.memory_bytes = 1
    profile.save()
    answer = run_again(client_of(alice), job)
    again = Job.objects.exclude(pk=job.pk).get()
    assert answer.url == again.get_absolute_url()
    same = (
        "team",
        "name",
        "tags",
        "bundle",
        "entry",
        "arguments",
        "environment",
        "command",
        "cluster",
        "image",
    )
    same += (
        "profile",
        "image_reference",
        "memory_bytes",
        "cpu_millis",
        "time_limit_seconds",
        "max_processes",
    )
    for field in same:
        assert getattr(again, field) == getattr(job, field), field
    assert again.status == "queued"
    assert queues.has_due()
    assert again.finished_at is None


def test_the_same_key_gives_the_same_job_and_another_key_another(client_of, alice, job):
    client, key = client_of(alice), str(uuid.uuid4())
    first, second = run_again(client, job, key), run_again(client, job, key)
    assert first.url == second.url
    assert Job.objects.count() == 2
    run_again(client, job)
    assert Job.objects.count() == 3


def test_a_colleague_runs_it_again_as_their_own_job(client_of, bob, alice, job):
    run_again(client_of(bob), job)
    again = Job.objects.exclude(pk=job.pk).get()
    assert again.owner == bob
    assert again.team == job.team


def test_the_cluster_is_hinted_after_the_commit(
    client_of, alice, job, monkeypatch, django_capture_on_commit_callbacks
):
    hinted = []
    monkeypatch.setattr("jobs.hints.hint_cluster", hinted.append)
    with django_capture_on_commit_callbacks(execute=True):
        run_again(client_of(alice), job)
    assert hinted == [job.cluster_id]


@pytest.mark.parametrize("gone", ["image", "profile"])
@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_what_is_gone_is_named_on_the_job_page(client_of, alice, job, request, gone, how):
    thing = request.getfixturevalue(gone)
    if how == "removed":
        thing.delete()
    else:
        type(thing).objects.update(is_enabled=False)
    answer = run_again(client_of(alice), job)
    assert answer.url == job.get_absolute_url()
    assert Job.objects.count() == 1
    message = str(next(iter(client_messages(answer))))
    assert how in message
    assert "Run with changes" in message


def client_messages(answer):
    from django.contrib.messages import get_messages

    return get_messages(answer.wsgi_request)


def test_a_cluster_that_is_switched_off_is_named(client_of, alice, job, cluster):
    cluster.is_enabled = False
    cluster.save()
    answer = run_again(client_of(alice), job)
    assert "This machine was switched off" in str(next(iter(client_messages(answer))))
    assert Job.objects.count() == 1


@pytest.mark.parametrize("key", ["", "7", "no-uuid"])
def test_a_form_without_a_key_is_refused(client_of, alice, job, key):
    answer = client_of(alice).post(reverse("job_run_again", args=[job.pk]), {"key": key})
    assert answer.status_code == 400
    assert Job.objects.count() == 1


def test_strangers_find_no_job_and_get_is_no_way(client_of, charlie, alice, job):
    assert run_again(client_of(charlie), job).status_code == 404
    assert client_of(alice).get(reverse("job_run_again", args=[job.pk])).status_code == 405
    assert Job.objects.count() == 1
