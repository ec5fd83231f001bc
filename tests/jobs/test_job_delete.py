"""Delete asks once, then the job is gone for everybody; what still runs is stopped."""

import pytest

from jobs.lifecycle import Wish
from jobs.models import Job, JobEvent
from jobs.retention.pins import pin


@pytest.mark.parametrize(("status", "says_cancelled"), [("running", True), ("succeeded", False)])
def test_it_asks_first_and_names_what_it_destroys(make_job, client_of, alice, status, says_cancelled):
    job = make_job(name="train", status=status)
    page = client_of(alice).get(f"/jobs/{job.pk}/delete/").content.decode()
    assert "Delete train?" in page
    assert "its output and its results" in page
    assert ("It is cancelled first" in page) is says_cancelled
    assert Job.objects.get(pk=job.pk).deleted_at is None


def test_it_says_that_the_job_is_pinned(make_job, client_of, alice):
    job = make_job(name="train", status="succeeded")
    address = f"/jobs/{job.pk}/delete/"
    assert "It is pinned" not in client_of(alice).get(address).content.decode()
    pin(job, alice)
    assert "It is pinned by Alice Ames." in client_of(alice).get(address).content.decode()


def test_the_job_disappears_at_once_everywhere(make_job, client_of, alice, bob):
    job, client = make_job(name="train", status="succeeded"), client_of(alice)
    response = client.post(f"/jobs/{job.pk}/delete/", follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "train was deleted." in response.content.decode()
    for user in (alice, bob):
        for path in ("header", "details", "row"):
            assert client_of(user).get(f"/jobs/{job.pk}/{path}/").status_code == 404


def test_deleting_what_runs_is_a_wish_to_stop_it(make_job, client_of, alice):
    job = make_job(status="running", next_look_at=None)
    client_of(alice).post(f"/jobs/{job.pk}/delete/")
    job.refresh_from_db()
    assert job.wish is Wish.CANCEL
    assert job.status == "running"
    assert job.next_look_at is not None
    assert [event.sentence for event in JobEvent.objects.filter(job=job)] == ["Alice Ames deleted the job."]


def test_a_second_click_is_harmless(make_job, client_of, alice):
    job, client = make_job(status="succeeded"), client_of(alice)
    client.post(f"/jobs/{job.pk}/delete/")
    first = Job.objects.get(pk=job.pk).deleted_at
    assert client.post(f"/jobs/{job.pk}/delete/")["Location"] == "/"
    assert Job.objects.get(pk=job.pk).deleted_at == first
    assert JobEvent.objects.filter(job=job).count() == 1
    assert client.get(f"/jobs/{job.pk}/delete/").status_code == 404


def test_a_colleague_is_refused_and_a_stranger_finds_nothing(make_job, client_of, bob, charlie):
    job = make_job(status="succeeded")
    for method in ("get", "post"):
        assert getattr(client_of(bob), method)(f"/jobs/{job.pk}/delete/").status_code == 403
        assert getattr(client_of(charlie), method)(f"/jobs/{job.pk}/delete/").status_code == 404
    assert Job.objects.get(pk=job.pk).deleted_at is None
