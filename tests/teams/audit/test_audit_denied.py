"""Denied access is in the log; a scanner does not fill it."""

import pytest

from teams.audit.denied import MOST
from teams.models import AuditEvent
from teams.policy import READ_ONLY
from tests import cast

pytestmark = pytest.mark.django_db


def denied(user) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action="access.denied", actor_id=user.pk).order_by("pk"))


def test_a_colleagues_job_an_admins_page_and_the_administration(client_of, bob, make_job):
    job, client = make_job(status="running"), client_of(bob)
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 403
    assert client.get("/clusters/").status_code == 404
    assert client.get("/admin/teams/user/", follow=True).status_code == 403
    events = denied(bob)
    assert [event.target_name for event in events] == [
        f"/jobs/{job.pk}/cancel/",
        "/clusters/",
        "/admin/login/",
    ]
    assert events[0].new == {
        "method": "POST",
        "why": "Only the owner of a job, a manager of its team or an admin may cancel or delete it.",
    }


def test_an_auditor_who_sends_something_leaves_one_entry(client_of, otto, make_job, team):
    """Refused before any view is asked (teams/middleware.py), so noted there and nowhere else."""
    job, client = make_job(status="running"), client_of(otto)
    paths = [f"/jobs/{job.pk}/cancel/", f"/teams/{team.slug}/pause/", "/people/invite/", "/no-such-page/"]
    for path in paths:
        assert client.post(path).status_code == 403
    events = denied(otto)
    assert [event.target_name for event in events] == paths
    assert {event.new["why"] for event in events} == {READ_ONLY}


def test_an_auditor_who_opens_an_admins_page_leaves_one_entry(client_of, otto):
    assert client_of(otto).get("/teams/add/").status_code == 403
    assert [event.target_name for event in denied(otto)] == ["/teams/add/"]


def test_a_page_that_is_there_for_nobody_is_no_denied_access(client_of, bob, dana, client):
    assert client_of(bob).get("/no-such-page/").status_code == 404
    assert client_of(dana).get("/clusters/nowhere/").status_code == 404
    client.get("/clusters/")
    assert not AuditEvent.objects.filter(action="access.denied").exists()


def test_a_scanner_leaves_few_entries_and_a_number(client_of, bob, dana, alice):
    client = client_of(bob)
    for number in range(MOST + 25):
        client.get(f"/clusters/x{number}/")
    assert len(denied(bob)) == MOST
    # Somebody else's are noted all the same.
    client_of(alice).get("/clusters/")
    assert len(denied(alice)) == 1


def test_the_next_entry_says_how_many_were_not_listed(client_of, bob, monkeypatch):
    client = client_of(bob)
    for _ in range(MOST + 3):
        client.get("/clusters/")
    monkeypatch.setattr("teams.audit.denied.SECONDS", 0)
    client.get("/clusters/")
    client.get("/clusters/")
    assert [event.new.get("earlier_ones_not_listed") for event in denied(bob)[MOST:]] == [3, None]


def test_a_hostile_address_is_one_line(client_of, bob):
    client_of(bob).get("/clusters/connect/%0d%0aadmin%1b[2J/")
    client_of(bob).get("/clusters/")
    assert all(event.target_name.isprintable() for event in denied(bob))
    assert cast.PASSWORD not in str([vars(event) for event in denied(bob)])
