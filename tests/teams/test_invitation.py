"""Inviting somebody: the link is shown once, opens the account once, and stands nowhere else."""

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from teams.models import Invitation, Membership, Team, User

LINK = re.compile(r"http://testserver(/invitation/([\w-]{43})/)")
NEW = "staple battery horse"


def invite(client, **values):
    data = {
        "username": "eve",
        "first_name": "Eve",
        "last_name": "",
        "email": "",
        "team": "",
        "role": "analyst",
    }
    return client.post("/people/invite/", data | values)


def link_in(page):
    return LINK.search(page.content.decode())[1]


@pytest.fixture
def link(client_of, dana, team):
    return link_in(invite(client_of(dana), team="data science"))


def accept(client, **values):
    data = {"first_name": "Eve", "last_name": "Engel", "new_password1": NEW, "new_password2": NEW}
    return client.post("/invitation/", data | values)


def test_who_is_invited_chooses_a_password_and_is_signed_in(link, client, team, recorded):
    opened = client.get(link)
    assert (opened.status_code, opened["Location"]) == (302, "/invitation/")
    page = client.get("/invitation/")
    assert "dana invited you" in page.content.decode()
    assert "eve" in page.content.decode()
    assert accept(client)["Location"] == "/"
    assert client.get("/teams/").context["rows"][0].team == team
    eve = User.objects.get(username="eve")
    assert (eve.display_name, eve.check_password(NEW), eve.is_invited) == ("Eve Engel", True, False)
    assert recorded == [("person.link_used", eve, None)]


def test_a_link_works_once(link, client):
    other = Client()
    for browser in (client, other):
        browser.get(link)
    assert accept(client).status_code == 302
    assert accept(other).status_code == 404
    assert Client().get(link).status_code == 404
    assert User.objects.get(username="eve").check_password(NEW)


def test_looking_uses_nothing_up(link):
    for _ in range(3):
        assert Client().get(link).status_code == 302
        assert Client().head(link).status_code == 302


def test_a_link_ends_after_seven_days(link, client):
    client.get(link)
    assert Invitation.objects.get().expires_at - timezone.now() > timedelta(days=6, hours=23)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert accept(client).status_code == 404
    assert Client().get(link).status_code == 404


def test_a_new_link_ends_the_one_before_and_taking_back_ends_both(link, client_of, client, dana, recorded):
    eve = User.objects.get(username="eve")
    newer = link_in(client_of(dana).post(f"/people/{eve.pk}/link/"))
    assert Client().get(link).status_code == 404
    assert Client().get(newer).status_code == 302
    for _ in range(2):
        assert client_of(dana).post(f"/people/{eve.pk}/link/revoke/").status_code == 302
    assert Client().get(newer).status_code == 404
    assert [action for action, _, _ in recorded] == ["person.link_made", "person.link_revoked"]


def test_a_disabled_account_is_opened_by_no_link(link, client):
    client.get(link)
    User.objects.filter(username="eve").update(is_active=False)
    assert accept(client).status_code == 404
    assert Client().get(link).status_code == 404


def test_the_token_is_kept_nowhere(link, client, caplog):
    token = link.split("/")[2]
    caplog.set_level(logging.DEBUG)
    client.get(link)
    client.get("/invitation/")
    client.post(link)
    Client(enforce_csrf_checks=True).post(link)
    Client().get(link + "x/")
    accept(client)
    assert token not in "\n".join(
        f"{record.getMessage()} {record.args}"
        for record in caplog.records
        if record.name.startswith(("teams", "django.security", "jobs", "portal"))
    )
    assert token not in "".join(str(session.get_decoded()) for session in Session.objects.all())
    with connection.cursor() as cursor:
        for table in ("teams_invitation", "teams_user", "django_session"):
            cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE %s", [f"%{token}%"])
            assert cursor.fetchone() == (0,), table


def test_no_page_is_stored_and_no_referer_sent(link, client_of, client, dana):
    opened = client.get(link)
    assert opened["Referrer-Policy"] == "no-referrer"
    eve = User.objects.get(username="eve")
    shown = client_of(dana).post(f"/people/{eve.pk}/link/")
    for page in (opened, client.get("/invitation/"), shown, Client().get("/invitation/unknown/")):
        assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"new_password1": "short", "new_password2": "short"}, "too short"), ({"new_password2": "other"}, "didn’t match"),
     ({"new_password1": "password1", "new_password2": "password1"}, "too common")],
)  # fmt: skip
def test_a_bad_password_is_told_and_uses_nothing_up(link, client, values, sentence):
    client.get(link)
    page = accept(client, **values)
    assert sentence in page.content.decode().replace("&#x27;", "’")
    assert Invitation.objects.get().is_open
    assert User.objects.get(username="eve").is_invited


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"username": ""}, "Choose the user name"), ({"username": "ALICE"}, "There is a ALICE already"),
        ({"username": "a b"}, "letters, digits"), ({"email": "alice@example.org"}, "Another person has this email"),
        ({"email": "x"}, "valid email"), ({"team": "Nothing"}, "no such team"), ({"role": "admin"}, "valid choice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nobody_is_made(client_of, dana, alice, values, sentence):
    page = invite(client_of(dana), **values)
    assert sentence in page.content.decode()
    assert "Nobody was invited." in page.content.decode()
    assert not Invitation.objects.exists()


def test_a_manager_invites_into_the_own_team_only(client_of, manager, team, other_team, recorded):
    client = client_of(manager)
    assert client.get("/people/invite/").context["form"]["team"].value() == "Data science"
    for name in ("Finance", ""):
        assert invite(client, team=name).status_code == 200
    assert not Invitation.objects.exists()
    link_in(invite(client, team="Data science", role="manager"))
    eve = User.objects.get(username="eve")
    assert Membership.objects.get(user=eve).role == "manager"
    assert recorded == [("person.invited", eve, team)]


def test_a_manager_makes_links_for_nobody_who_has_an_account(client_of, manager, alice, bob, other_team):
    """Whoever has a link can sign in as that person."""
    client = client_of(manager)
    assert client.post(f"/people/{alice.pk}/link/").status_code == 404
    invite(client, team="Data science")
    eve = User.objects.get(username="eve")
    assert LINK.search(client.post(f"/people/{eve.pk}/link/").content.decode())
    elsewhere = Membership.objects.create(user=eve, team=other_team)
    assert client.post(f"/people/{eve.pk}/link/").status_code == 403
    elsewhere.delete()
    User.objects.filter(pk=eve.pk).update(is_superuser=True)
    assert client.post(f"/people/{eve.pk}/link/").status_code == 403
    eve = User.objects.get(pk=eve.pk)
    eve.is_superuser = False
    eve.set_password(NEW)
    eve.save()
    assert client.post(f"/people/{eve.pk}/link/").status_code == 403
    assert client.post(f"/people/{eve.pk}/link/revoke/").status_code == 403


def test_an_admin_makes_a_link_for_somebody_who_forgot_the_password(client_of, dana, alice, client):
    session = client_of(alice)
    link = link_in(client_of(dana).post(f"/people/{alice.pk}/link/"))
    assert session.get("/").status_code == 200
    client.get(link)
    assert "Choose a new password" in client.get("/invitation/").content.decode()
    assert accept(client, first_name="Alice").status_code == 302
    assert session.get("/").status_code == 302
    assert client_of(dana).post(f"/people/{dana.pk}/link/").status_code == 403


def test_who_is_signed_in_as_somebody_else_is_told(link, client_of, bob):
    client = client_of(bob)
    client.get(link)
    assert "You are signed in as bob" in client.get("/invitation/").content.decode()
    accept(client)
    assert client.get("/").wsgi_request.user.username == "eve"


def test_an_invited_person_cannot_sign_in_without_the_link(link, client):
    assert client.post("/accounts/login/", {"login": "eve", "password": ""}).status_code == 200
    assert client.get("/").status_code == 302


def team_in_form(client):
    return client.get("/people/invite/").context["form"]["team"].value()


def test_the_only_team_there_is_stands_in_the_form_and_can_be_taken_out(client_of, dana, team):
    client = client_of(dana)
    assert team_in_form(client) == "Data science"
    link_in(invite(client, team=""))
    assert not Membership.objects.filter(user__username="eve").exists()


def test_of_several_teams_none_is_chosen_beforehand_and_a_disabled_one_does_not_count(client_of, dana, team):
    other = Team.objects.create(name="Archive", slug="archive")
    assert team_in_form(client_of(dana)) == ""
    Team.objects.filter(pk=other.pk).update(disabled_at=timezone.now())
    assert team_in_form(client_of(dana)) == "Data science"


def test_the_one_team_that_a_manager_manages_stands_in_the_form(client_of, manager, team, other_team):
    client = client_of(manager)
    assert team_in_form(client) == "Data science"
    Membership.objects.create(user=manager, team=other_team, role="manager")
    assert team_in_form(client) == ""


def test_whoever_is_invited_without_a_team_is_said_to_be_unable_to_run_anything(client_of, dana, team):
    client = client_of(dana)
    assert "Without a team the person can run nothing yet" in client.get("/people/invite/").content.decode()
    words = "is in no team yet and can run nothing"
    assert words in invite(client, team="").content.decode()
    assert words not in invite(client, username="frida", team="Data science").content.decode()
