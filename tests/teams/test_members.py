"""Adding members, changing what they do, removing them: by the team's managers and by admins."""

import pytest

from teams.models import Membership, Role, User
from tests import cast


def add(client, team, person, role="analyst"):
    return client.post(f"/teams/{team.slug}/members/add/", {"person": person, "role": role})


@pytest.mark.parametrize("name", ["charlie", "CHARLIE@example.org", " charlie "])
def test_a_manager_adds_somebody_by_name_or_email(client_of, manager, charlie, team, recorded, name):
    assert add(client_of(manager), team, name)["Location"] == "/teams/data-science/"
    assert Membership.objects.get(user=charlie, team=team).role == "analyst"
    assert recorded == [("team.member_added", charlie, team)]


@pytest.mark.parametrize(
    ("person", "sentence"),
    [
        ("", "Type the user name or the email"), ("nobody", "Nobody has this user name"),
        ("bob", "in the team already"),
        ("otto", "auditors see everything and change nothing"), ("gone", "is disabled"), ("\0", "Null characters"),
        ("same@example.org", "More than one person"),
    ],
)  # fmt: skip
def test_who_cannot_come_is_told_at_the_field(
    client_of, manager, bob, otto, team, recorded, person, sentence
):
    cast.new_user("gone", is_active=False)
    for name in ("twin1", "twin2"):
        User.objects.filter(pk=cast.new_user(name).pk).update(email="same@example.org")
    page = add(client_of(manager), team, person)
    assert page.status_code == 200
    assert sentence in page.content.decode()
    assert "Nobody was added." in page.content.decode()
    assert recorded == []


def test_a_role_that_there_is_not_is_refused(client_of, manager, charlie, team):
    assert add(client_of(manager), team, "charlie", "admin").status_code == 200
    assert not Membership.objects.filter(user=charlie, team=team).exists()


def test_an_analyst_becomes_a_manager_and_back(client_of, manager, bob, team, recorded):
    client, path = client_of(manager), f"/teams/{team.slug}/members/{bob.pk}/"
    for role in ("manager", "manager", "analyst"):
        assert client.post(path, {"role": role}).status_code == 302
        assert Membership.objects.get(user=bob).role == role
    assert recorded == [("team.member_role_changed", bob, team)] * 2


def test_a_new_manager_may_do_it_at_once_and_no_longer_after(client_of, manager, bob, charlie, team):
    client, membership = client_of(bob), Membership.objects.filter(user=bob)
    assert add(client, team, "charlie").status_code == 403
    membership.update(role=Role.MANAGER)
    assert add(client, team, "charlie").status_code == 302
    membership.update(role=Role.ANALYST)
    assert client.post(f"/teams/{team.slug}/members/{charlie.pk}/remove/").status_code == 403


def test_before_removing_it_says_what_happens_to_the_jobs(client_of, manager, alice, team, make_job):
    make_job(status="running")
    page = client_of(manager).get(f"/teams/{team.slug}/members/{alice.pk}/remove/").content.decode()
    assert "go on and belong to the team: 1 of them is active now" in page
    assert Membership.objects.filter(user=alice).exists()


def test_who_is_removed_leaves_the_jobs_to_the_team(client_of, manager, alice, bob, team, make_job, recorded):
    job = make_job(status="running")
    assert client_of(manager).post(f"/teams/{team.slug}/members/{alice.pk}/remove/").status_code == 302
    assert recorded == [("team.member_removed", alice, team)]
    assert client_of(alice).get(f"/jobs/{job.pk}/").status_code == 404
    assert client_of(bob).get(f"/jobs/{job.pk}/").status_code == 200
    job.refresh_from_db()
    assert (job.status, job.cancel_requested_at) == ("running", None)


def test_removing_twice_is_told_once(client_of, manager, alice, team, recorded):
    client, path = client_of(manager), f"/teams/{team.slug}/members/{alice.pk}/remove/"
    assert [client.post(path).status_code for _ in range(2)] == [302, 404]
    assert len(recorded) == 1


def test_the_last_manager_may_go_and_is_told(client_of, manager, alice, team):
    client, path = client_of(manager), f"/teams/{team.slug}/members/{manager.pk}/"
    assert "maria is the team's only manager." in client.get(path).content.decode()
    page = client.get(path + "remove/").content.decode()
    assert "The team has no other manager." in page
    assert client.post(path + "remove/")["Location"] == "/teams/"
    assert client.get(f"/teams/{team.slug}/").status_code == 404


def test_managers_of_another_team_find_nothing(client_of, manfred, alice, team):
    client = client_of(manfred)
    assert add(client, team, "manfred").status_code == 404
    assert client.post(f"/teams/{team.slug}/members/{alice.pk}/remove/").status_code == 404


def test_a_person_of_another_team_is_not_there(client_of, manager, charlie, team):
    client = client_of(manager)
    for path in ("", "remove/"):
        assert (
            client.post(f"/teams/{team.slug}/members/{charlie.pk}/{path}", {"role": "manager"}).status_code
            == 404
        )
    assert Membership.objects.get(user=charlie).role == "analyst"
