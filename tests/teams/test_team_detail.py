"""A team's page: its people, their roles, and who may change them."""

from django.utils import timezone

from teams.models import Membership, Team
from tests import cast


def page_of(client, team, query=""):
    return client.get(f"/teams/{team.slug}/{query}")


def test_members_see_each_other_with_their_roles(client_of, alice, bob, manager, team):
    page = page_of(client_of(alice), team)
    text = page.content.decode()
    assert [m.user.username for m in page.context["page"].rows] == ["alice", "bob", "maria"]
    assert "Bob Bauer" in text
    assert text.count("Team manager") == 1
    assert 'href="/teams/data-science/use/"' in text


def test_only_managers_and_admins_have_its_buttons(client_of, alice, bob, manager, dana, otto, team):
    for user, is_there in ((alice, False), (otto, False), (manager, True), (dana, True)):
        text = page_of(client_of(user), team).content.decode()
        assert (f"/teams/{team.slug}/members/add/" in text) is is_there, user
        assert (f"/teams/{team.slug}/members/{bob.pk}/remove/" in text) is is_there, user
        assert (f"/teams/{team.slug}/disable/" in text) is (user is dana), user


def test_only_who_may_see_people_gets_links_to_them(client_of, alice, bob, dana, team):
    assert f"/people/{bob.pk}/" in page_of(client_of(dana), team).content.decode()
    assert f"/people/{bob.pk}/" not in page_of(client_of(alice), team).content.decode()


def test_a_big_team_comes_in_pages_and_is_searched(client_of, alice, team):
    for number in range(60):
        cast.new_user(f"user{number:02}", team, first_name="Ute" if number == 59 else "")
    client = client_of(alice)
    page = page_of(client, team)
    assert len(page.context["page"].rows) == 50
    following = client.get(page.context["page"].next_url)
    assert [m.user.username for m in following.context["page"].rows][-1] == "user59"
    found = page_of(client, team, "?text=ute")
    assert [m.user.username for m in found.context["page"].rows] == ["user59"]


def test_a_disabled_team_says_so_and_can_be_read(client_of, alice, team):
    Team.objects.filter(pk=team.pk).update(disabled_at=timezone.now())
    text = page_of(client_of(alice), team).content.decode()
    assert "nothing new is sent or started" in text


def test_a_team_without_people_says_what_to_do(client_of, dana, team):
    assert "Nobody is in this team yet." in page_of(client_of(dana), team).content.decode()


def test_it_is_gone_with_the_membership(client_of, alice, team):
    client = client_of(alice)
    assert page_of(client, team).status_code == 200
    Membership.objects.filter(user=alice).delete()
    assert page_of(client, team).status_code == 404
