"""Actions on all jobs that match a filter: what is done at once, and what goes on in the background."""

import pytest

from jobs import tasks
from jobs.bulk import acts, running
from jobs.models import BulkRun, Job
from teams.models import AuditEvent, Membership


@pytest.fixture
def bulk(client_of):
    """`bulk(alice, "cancel", filters="status=running")`: on all that match, confirmed unless `confirmed` is ""."""

    def post(user, action, **data):
        sent = {"action": action, "all": "1", "filters": "", "confirmed": "yes"} | data
        return client_of(user).post("/jobs/bulk/", sent, follow=True)

    return post


@pytest.fixture
def small_pages(monkeypatch):
    """Two jobs are done at once."""
    monkeypatch.setattr(running, "AT_ONCE", 2)


def cancelled():
    return {job.name for job in Job.objects.exclude(cancel_requested_at=None)}


def test_few_that_match_are_asked_about_by_name_and_done_at_once(make_job, bulk, alice):
    for name in ("a", "b"):
        make_job(name=name, status="running")
    make_job(name="waits")
    asked = bulk(alice, "cancel", filters="status=running", confirmed="").content.decode()
    assert "Cancel 2 jobs?" in asked
    assert not cancelled()
    assert "2 jobs are being cancelled." in bulk(alice, "cancel", filters="status=running").content.decode()
    assert cancelled() == {"a", "b"}


def test_many_go_on_in_the_background_with_their_number_before_and_their_progress_after(
    make_job, bulk, client_of, alice, bob, small_pages
):
    for number in range(5):
        make_job(name=f"mine {number}", status="running")
    make_job(name="his", owner=bob, status="running")
    asked = bulk(alice, "cancel", filters="status=running", confirmed="").content.decode()
    assert "Cancel more than" in asked
    assert not BulkRun.objects.exists()
    page = bulk(alice, "cancel", filters="status=running")
    run = BulkRun.objects.get()
    assert page.redirect_chain == [(f"/jobs/bulk/{run.pk}/", 302)]
    assert 'http-equiv="refresh"' in page.content.decode()
    make_job(name="came later", status="running")
    tasks.run_bulk()
    assert cancelled() == {f"mine {number}" for number in range(5)}
    page = client_of(alice).get(f"/jobs/bulk/{run.pk}/").content.decode()
    assert "5 jobs are being cancelled" in page
    assert "1 job left alone: only the owner" in page
    assert "All that matched were looked at: 6." in page
    assert 'http-equiv="refresh"' not in page
    assert AuditEvent.objects.filter(action="job.cancelled", actor_id=alice.pk).count() == 5


def test_it_is_bounded_and_says_so(make_job, bulk, client_of, alice, small_pages, monkeypatch):
    monkeypatch.setitem(running.MOST, "cancel", 3)
    for _ in range(5):
        make_job(status="running")
    bulk(alice, "cancel", filters="status=running")
    tasks.run_bulk()
    assert Job.objects.exclude(cancel_requested_at=None).count() == 3
    page = client_of(alice).get(f"/jobs/bulk/{BulkRun.objects.get().pk}/").content.decode()
    assert "It ended at 3 jobs" in page


def test_rights_are_those_of_the_moment(make_job, bulk, alice, team, small_pages):
    for _ in range(3):
        make_job(status="running")
    bulk(alice, "delete", filters="status=running")
    Membership.objects.filter(user=alice, team=team).delete()
    tasks.run_bulk()
    assert not Job.objects.exclude(deleted_at=None).exists()
    assert BulkRun.objects.get().finished_at


def test_it_stops_when_asked_and_another_worker_leaves_it_alone(
    make_job, bulk, client_of, alice, small_pages
):
    for _ in range(3):
        make_job(status="running")
    bulk(alice, "cancel", filters="status=running")
    run = BulkRun.objects.get()
    BulkRun.objects.update(claimed_until="2100-01-01T00:00Z")
    tasks.run_bulk()
    assert not cancelled()
    BulkRun.objects.update(claimed_until=None)
    assert "It stops" in client_of(alice).post(f"/jobs/bulk/{run.pk}/stop/", follow=True).content.decode()
    tasks.run_bulk()
    assert not cancelled()
    assert BulkRun.objects.get().finished_at


def test_a_page_that_is_done_twice_after_a_crash_runs_each_job_again_once(
    make_job, bulk, alice, small_pages, monkeypatch
):
    for _ in range(3):
        make_job(status="failed")
    bulk(alice, "again", filters="status=failed")
    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError):
        patched.setattr(running, "_note", lambda *_: 1 / 0)
        tasks.run_bulk()
    assert Job.objects.filter(status="queued").count() == 2
    BulkRun.objects.update(claimed_until=None)
    tasks.run_bulk()
    assert Job.objects.filter(status="queued").count() == 3


def test_running_a_colleagues_job_again_makes_it_mine_and_a_double_click_makes_it_once(
    make_job, client_of, alice, bob
):
    job = make_job(owner=bob, status="failed", name="his")
    sent = {
        "action": "again",
        "job": job.pk,
        "confirmed": "yes",
        "key": "6d2b8f0e-3a0c-4c1b-9a65-2f3f2a1c7d11",
    }
    for _ in range(2):
        client_of(alice).post("/jobs/bulk/", sent)
    assert list(Job.objects.filter(name="his").order_by("pk").values_list("owner", flat=True)) == [
        bob.pk,
        alice.pk,
    ]


def test_what_cannot_run_again_is_left_alone_with_the_reason(make_job, client_of, alice, image):
    job = make_job(status="failed")
    type(image).objects.update(is_enabled=False)
    sent = {"action": "again", "job": job.pk, "confirmed": "yes"}
    page = client_of(alice).post("/jobs/bulk/", sent, follow=True).content.decode()
    assert "1 job left alone: The environment" in page


def test_tags_are_added_and_taken_away(make_job, client_of, alice, bob):
    jobs = [make_job(tags=["old", "kept"]), make_job(), make_job(owner=bob, tags=["old"])]
    sent = {"action": "tag", "job": [job.pk for job in jobs]}
    asked = client_of(alice).post("/jobs/bulk/", sent).content.decode()
    assert "Change tags of 2 jobs?" in asked
    empty = client_of(alice).post("/jobs/bulk/", sent | {"confirmed": "yes"}).content.decode()
    assert "Name at least one tag" in empty
    client_of(alice).post("/jobs/bulk/", sent | {"confirmed": "yes", "added": "new, kept", "removed": "old"})
    assert [job.tags for job in Job.objects.order_by("pk")] == [["kept", "new"], ["new", "kept"], ["old"]]
    assert client_of(alice).get("/?tag=new").context["jobs"] == jobs[1::-1]
    assert AuditEvent.objects.filter(action="job.tagged").count() == 2


def test_no_job_gets_more_tags_than_a_form_would_take(make_job, client_of, alice):
    job = make_job(tags=[str(number) for number in range(acts.MAX_TAGS)])
    sent = {"action": "tag", "job": job.pk, "confirmed": "yes", "added": "more"}
    page = client_of(alice).post("/jobs/bulk/", sent, follow=True).content.decode()
    assert "1 job left alone: a job has at most 10 tags." in page
    assert "more" not in Job.objects.get().tags


def test_a_search_that_is_not_understood_does_nothing(make_job, bulk, alice):
    make_job(status="running")
    assert bulk(alice, "delete", filters='text="open').status_code == 400
    assert not Job.objects.exclude(deleted_at=None).exists()
