"""Cancel is a wish: written once, by those who may; a worker makes it true."""

import pytest
from django.utils import timezone

from jobs import hints
from jobs.models import Job, JobEvent


@pytest.fixture
def sent(monkeypatch):
    """The hints that would go out."""
    calls = []
    monkeypatch.setattr(hints, "hint_cluster", lambda cluster_id: calls.append(("drive", cluster_id)))
    monkeypatch.setattr(hints, "announce_all", lambda ids, what: calls.extend((what, pk) for pk in ids))
    return calls


@pytest.fixture
def cancel(client_of):
    def post(user, job, **data):
        return client_of(user).post(f"/jobs/{job.pk}/cancel/", data)

    return post


@pytest.mark.parametrize("status", ["queued", "starting", "running"])
def test_the_wish_is_written_with_who_and_when(make_job, cancel, alice, status, sent):
    job = make_job(status=status, next_look_at=None)
    response = cancel(alice, job)
    assert response.status_code == 302
    assert response["Location"] == f"/jobs/{job.pk}/"
    job.refresh_from_db()
    assert job.status == status  # a fact is the worker's to write
    assert job.cancel_requested_at is not None
    assert job.cancel_requested_by == alice
    assert job.next_look_at is not None
    assert JobEvent.objects.get(job=job).sentence == "Alice Ames asked to cancel the job."


def test_hints_go_out_after_the_commit(make_job, cancel, alice, sent, django_capture_on_commit_callbacks):
    job = make_job(status="running")
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        cancel(alice, job)
    assert sent == []
    for callback in callbacks:
        callback()
    assert sent == [("drive", job.cluster_id), ("status", job.pk)]


def test_a_second_click_changes_nothing(make_job, cancel, alice, manager):
    job = make_job(status="running")
    cancel(alice, job)
    first = Job.objects.get(pk=job.pk).cancel_requested_at
    assert cancel(manager, job).status_code == 302
    job.refresh_from_db()
    assert (job.cancel_requested_at, job.cancel_requested_by) == (first, alice)
    assert JobEvent.objects.filter(job=job).count() == 1


@pytest.mark.parametrize("status", ["finishing", "succeeded", "failed", "cancelled", "error"])
def test_what_has_ended_is_left_alone_and_one_is_told(make_job, client_of, alice, status):
    job, client = make_job(name="train", status=status), client_of(alice)
    client.post(f"/jobs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.cancel_requested_at is None
    assert not JobEvent.objects.filter(job=job).exists()
    assert "train had already ended" in client.get("/").content.decode()


def test_a_manager_and_an_admin_may(make_job, cancel, manager, dana):
    for user in (manager, dana):
        job = make_job(status="running")
        cancel(user, job)
        assert Job.objects.get(pk=job.pk).cancel_requested_by == user


def test_a_colleague_is_refused_with_a_sentence(make_job, cancel, bob):
    job = make_job(status="running")
    response = cancel(bob, job)
    assert response.status_code == 403
    assert "Only the owner of a job" in response.content.decode()
    assert Job.objects.get(pk=job.pk).cancel_requested_at is None


def test_a_stranger_gets_404_and_get_is_not_allowed(make_job, cancel, client_of, charlie, alice):
    job = make_job(status="running")
    assert cancel(charlie, job).status_code == 404
    assert client_of(alice).get(f"/jobs/{job.pk}/cancel/").status_code == 405
    assert Job.objects.get(pk=job.pk).cancel_requested_at is None


def test_a_deleted_job_cannot_be_cancelled(make_job, cancel, alice):
    assert cancel(alice, make_job(status="running", deleted_at=timezone.now())).status_code == 404


@pytest.mark.parametrize(
    ("next_page", "expected"),
    [
        ("/?status=active", "/?status=active"),
        ("https://evil.example/", None),
        ("//evil.example/", None),
        ("/\\evil.example", None),
        ("javascript:alert(1)", None),
    ],
)
def test_it_leads_back_to_pages_of_this_portal_only(make_job, cancel, alice, next_page, expected):
    job = make_job(status="running")
    assert cancel(alice, job, next=next_page)["Location"] == (expected or f"/jobs/{job.pk}/")


def test_a_form_from_another_site_is_refused(make_job, alice):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    job = make_job(status="running")
    response = client.post(f"/jobs/{job.pk}/cancel/")
    assert response.status_code == 403
    assert "This page was open for too long" in response.content.decode()
    assert Job.objects.get(pk=job.pk).cancel_requested_at is None
