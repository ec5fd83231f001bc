"""Cancel or delete many: asked once, only what one may change, and a word about the rest."""

import pytest

from jobs.models import Job


@pytest.fixture
def bulk(client_of):
    def post(user, action, *jobs, **data):
        return client_of(user).post(
            "/jobs/bulk/", {"action": action, "job": [j.pk for j in jobs]} | data, follow=True
        )

    return post


def cancelled():
    return set(Job.objects.exclude(cancel_requested_at=None).values_list("pk", flat=True))


def deleted():
    return set(Job.objects.exclude(deleted_at=None).values_list("pk", flat=True))


def test_it_asks_before_it_does_anything(make_job, bulk, alice):
    jobs = [make_job(name=f"job-{n}", status="running") for n in range(2)]
    page = bulk(alice, "cancel", *jobs).content.decode()
    assert "Cancel 2 jobs?" in page
    assert "job-0" in page
    assert 'name="confirmed" value="yes"' in page
    assert not cancelled()


def test_confirmed_it_cancels_and_says_so(make_job, bulk, alice):
    jobs = [make_job(status="running") for _ in range(2)]
    other = make_job(status="running")
    response = bulk(alice, "cancel", *jobs, confirmed="yes", next="/?status=active")
    assert cancelled() == {job.pk for job in jobs}
    assert other.pk not in cancelled()
    assert "2 jobs are being cancelled." in response.content.decode()
    assert response.redirect_chain == [("/?status=active", 302)]


def test_confirmed_it_deletes_and_says_so(make_job, bulk, alice):
    job = make_job(status="running")
    assert "1 job was deleted." in bulk(alice, "delete", job, confirmed="yes").content.decode()
    assert deleted() == {job.pk}


def test_what_one_may_not_change_is_left_alone_and_named(make_job, bulk, alice, bob, charlie, other_team):
    own, hers = make_job(owner=bob, status="running"), make_job(owner=alice, status="running")
    ended = make_job(owner=bob, status="succeeded")
    hidden = make_job(owner=charlie, team=other_team, status="running")
    asked = bulk(bob, "cancel", own, hers, ended, hidden).content.decode()
    assert "Cancel 1 job?" in asked
    assert "1 job left alone: only the owner" in asked
    assert "1 job left alone: nothing is left to cancel there." in asked
    bulk(bob, "cancel", own, hers, ended, hidden, confirmed="yes")
    assert cancelled() == {own.pk}
    bulk(bob, "delete", own, hers, ended, hidden, confirmed="yes")
    assert deleted() == {own.pk, ended.pk}


def test_nothing_to_do_is_said_without_asking(make_job, bulk, bob, alice):
    response = bulk(bob, "delete", make_job(owner=alice))
    assert "1 job left alone: only the owner" in response.content.decode()
    assert "No job was selected" in bulk(bob, "delete").content.decode()
    assert not deleted()


def test_sent_twice_it_does_it_once(make_job, bulk, alice):
    job = make_job(status="running")
    bulk(alice, "cancel", job, confirmed="yes")
    page = bulk(alice, "cancel", job, confirmed="yes").content.decode()
    assert job.events.count() == 1
    assert "nothing is left to cancel" in page


def test_rubbish_is_refused_politely(make_job, client_of, alice):
    client = client_of(alice)
    assert client.post("/jobs/bulk/", {"action": "explode", "job": [1]}).status_code == 400
    response = client.post(
        "/jobs/bulk/", {"action": "delete", "job": ["x", "-1", "9" * 30], "next": "//evil.example"}
    )
    assert response["Location"] == "/"
    assert client.get("/jobs/bulk/").status_code == 405
