"""An auditor reads everything and changes nothing, and no page shows a button that would be refused."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from jobs.models import Draft, Job
from teams.membership import CannotJoin, add_member
from teams.models import NO_AUDITORS, Membership, User
from teams.policy import READ_ONLY, may_change, may_manage, may_send, rights_of, teams_to_send_to
from tests import cast
from tests.clusters.pages.connected import healthy, new_connected, node

BUTTON = re.compile(r'<form [^>]*method="post"[^>]*action="([^"]*)"')
LINK = re.compile(r'href="(/[^"?#]*)')
RARE = ("/people/", "/clusters/", "/audit/")
# The own account, and the frame around the list of jobs, which has no button then.
OWN = {"/accounts/logout/", "/jobs/bulk/"}


@pytest.fixture
def everything(make_job, make_attempt, alice, charlie, team):
    cluster = new_connected(space_mode="prepared")
    healthy(cluster, node("worker-1"))
    cast.new_image(cluster)
    cast.new_profile(cluster)
    job = make_job(status="running")
    make_attempt(job)
    return (
        "/", f"/jobs/{job.pk}/", f"/jobs/{job.pk}/results/", f"/jobs/{job.pk}/details/", "/clusters/",
        "/clusters/research/", "/clusters/research/environments/", "/clusters/research/profiles/",
        "/clusters/this-machine/", "/teams/", f"/teams/{team.slug}/", f"/teams/{team.slug}/use/", "/people/",
        f"/people/{alice.pk}/", "/usage/", "/audit/",
    )  # fmt: skip


def test_every_page_is_there_without_a_button_that_would_be_refused(client_of, otto, everything):
    client = client_of(otto)
    for path in everything:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert set(BUTTON.findall(answer.content.decode())) <= OWN, path
        acts = re.findall(r'name="action" value="(\w+)"', answer.content.decode())
        assert set(acts) <= {"compare"}, path


def test_no_link_of_these_pages_leads_to_a_refusal(client_of, otto, everything):
    client, found = client_of(otto), set()
    for path in everything:
        found |= set(LINK.findall(client.get(path).content.decode()))
    pages = {path for path in found if not path.startswith("/static/")}
    assert len(pages) > 15
    assert {path: client.get(path).status_code for path in pages if client.get(path).status_code >= 400} == {}


def test_the_log_the_usage_of_everybody_and_every_file_are_an_auditors_too(
    client_of, otto, everything, alice
):
    """Otto is in no team: what he reads there is what admins read."""
    client_of(alice)  # signing in is in the log
    client = client_of(otto)
    for path in ("/jobs/export.csv", "/usage/export.csv?by=user", "/audit/audit.csv"):
        assert "alice" in b"".join(client.get(path).streaming_content).decode().lower(), path
    assert "Alice Ames" in client.get("/usage/?by=user").content.decode()


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("alice", ["/", "/new/", "/teams/", "/usage/"]),
        ("otto", ["/", "/teams/", "/usage/", "/people/", "/clusters/", "/audit/"]),
        ("dana", ["/", "/new/", "/teams/", "/usage/", "/people/", "/clusters/", "/audit/"]),
    ],
)
def test_the_navigation_has_what_is_there_for_each(request, client_of, who, expected):
    page = client_of(request.getfixturevalue(who)).get("/").content.decode()
    places = page.partition('<ul class="nav-items">')[2].partition('<details class="user-menu"')[0]
    wide = re.sub(r'<ul class="nav-panel">.*', "", places, flags=re.DOTALL)
    assert LINK.findall(wide) == expected
    # On a phone the last ones are behind "More".
    assert LINK.findall(places[len(wide) :]) == [each for each in expected if each in RARE]


def test_an_admin_has_those_buttons(client_of, dana, everything):
    client = client_of(dana)
    buttons = {path: set(BUTTON.findall(client.get(path).content.decode())) - OWN for path in everything}
    assert len([path for path, found in buttons.items() if found]) > 5


def test_what_is_sent_is_refused_with_a_sentence_and_does_nothing(client_of, otto, make_job):
    job = make_job(status="running")
    answer = client_of(otto).post(f"/jobs/{job.pk}/cancel/")
    assert answer.status_code == 403
    assert READ_ONLY in answer.content.decode()
    job.refresh_from_db()
    assert job.cancel_requested_at is None
    for path in (f"/jobs/{job.pk}/again/", "/examples/python-model/run/", "/no-such-page/"):
        assert client_of(otto).post(path).status_code == 403
    assert Job.objects.count() == 1


def test_new_job_is_not_even_begun(client_of, otto):
    assert client_of(otto).get("/new/").status_code == 403
    assert not Draft.objects.exists()


def test_an_auditor_signs_in_changes_the_password_and_signs_out(client, client_of, otto):
    client.post("/accounts/login/", {"login": "otto", "password": cast.PASSWORD})
    assert client.get("/people/").status_code == 200
    new = {
        "oldpassword": cast.PASSWORD,
        "password1": "staple battery horse",
        "password2": "staple battery horse",
    }
    assert client.post("/accounts/password/change/", new).status_code == 302
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_who_is_left_in_a_team_by_mistake_still_changes_nothing(otto, team, make_job, alice):
    Membership.objects.create(user=otto, team=team, role="manager")
    job = make_job(owner=alice)
    assert not may_send(otto)
    assert not may_manage(otto, team)
    assert not may_change(otto, owner_id=otto.pk, team_id=job.team_id)
    assert not rights_of(otto).may_change(owner_id=otto.pk, team_id=job.team_id)
    assert not teams_to_send_to(otto).exists()


def test_an_auditor_cannot_be_put_into_a_team(otto, team, rf, dana):
    with pytest.raises(CannotJoin, match="cannot be in a team"):
        add_member(asking(rf, dana), team, otto, "analyst")
    with pytest.raises(ValidationError, match=NO_AUDITORS[:20]):
        Membership(user=otto, team=team).clean()


def test_nobody_is_an_admin_and_an_auditor(otto):
    with pytest.raises(IntegrityError, match="user_admin_or_auditor"), transaction.atomic():
        User.objects.filter(pk=otto.pk).update(is_superuser=True)


def test_a_disabled_auditor_reads_nothing(otto, client_of):
    client = client_of(otto)
    assert client.get("/people/").status_code == 200
    User.objects.filter(pk=otto.pk).update(is_active=False)
    assert client.get("/people/").status_code == 302


def asking(rf, user):
    request = rf.post("/")
    request.user = user
    return request
