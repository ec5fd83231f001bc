"""The list of teams: whose one sees, what a line says, its pages and its search."""

import pytest

from teams.models import Membership, Role, Team
from tests import cast


@pytest.fixture
def many(db):
    """Teams "Team 000" to "Team 119"."""
    Team.objects.bulk_create(Team(name=f"Team {n:03}", slug=f"team-{n}") for n in range(120))


def names(page):
    return [row.team.name for row in page.context["rows"]]


def test_everybody_sees_the_own_teams_and_admins_and_auditors_all(
    client_of, alice, charlie, dana, otto, team, other_team
):
    assert names(client_of(alice).get("/teams/")) == ["Data science"]
    assert names(client_of(charlie).get("/teams/")) == ["Finance"]
    for user in (dana, otto):
        assert names(client_of(user).get("/teams/")) == ["Data science", "Finance"]


def test_a_line_has_people_managers_and_active_jobs(client_of, alice, bob, manager, team, make_job):
    make_job(status="running")
    make_job(status="succeeded")
    row = client_of(alice).get("/teams/").context["rows"][0]
    assert (row.people, row.managers, row.more_managers, row.active) == (3, ["maria"], 0, 1)


def test_of_many_managers_three_are_named(client_of, dana, team):
    for number in range(5):
        cast.new_user(f"m{number}", team, role=Role.MANAGER)
    page = client_of(dana).get("/teams/")
    row = page.context["rows"][0]
    assert (row.managers, row.more_managers) == (["m0", "m1", "m2"], 2)
    assert "and 2 more" in page.content.decode()


def test_pages_go_on_and_back_and_miss_nobody(client_of, dana, many):
    client, seen, url = client_of(dana), [], "/teams/"
    while url:
        page = client.get(url)
        seen.append(names(page))
        last, url = url, page.context["page"].next_url
    assert [len(part) for part in seen] == [50, 50, 20]
    assert sum(seen, []) == sorted(sum(seen, []))
    back = client.get(client.get(last).context["page"].previous_url)
    assert names(back) == seen[1]
    assert names(client.get(back.context["page"].previous_url)) == seen[0]
    assert client.get(back.context["page"].first_url).context["page"].first_url == ""


def test_a_page_never_counts_from_the_start(client_of, dana, many, django_assert_num_queries):
    client = client_of(dana)
    client.get("/teams/")
    with django_assert_num_queries(8) as captured:
        client.get("/teams/?after=Team 060")
    assert not [query["sql"] for query in captured.captured_queries if "OFFSET" in query["sql"]]


def test_a_search_keeps_its_text_on_the_next_page(client_of, dana, many):
    page = client_of(dana).get("/teams/?text=team 0")
    assert len(names(page)) == 50
    assert "text=team+0" in page.context["page"].next_url
    assert names(client_of(dana).get("/teams/?text=118")) == ["Team 118"]
    assert "No team matches" in client_of(dana).get("/teams/?text=nothing").content.decode()


@pytest.mark.parametrize(
    "query", ["after=%00", "text=%00", "before=zzz&after=aaa", "text=" + "x" * 500, "text=%25"]
)
def test_odd_addresses_are_no_errors(client_of, dana, team, query):
    assert client_of(dana).get(f"/teams/?{query}").status_code == 200


def test_who_is_in_no_team_is_told_what_to_do(client_of, db):
    page = client_of(cast.new_user("new")).get("/teams/").content.decode()
    assert "You are in no team yet" in page
    assert "/teams/add/" not in page


def test_only_admins_are_offered_to_add_one(client_of, alice, manager, otto, dana):
    for user, is_there in ((alice, False), (manager, False), (otto, False), (dana, True)):
        assert ("/teams/add/" in client_of(user).get("/teams/").content.decode()) is is_there


def test_a_member_of_many_teams_has_each_once(client_of, alice, other_team):
    Membership.objects.create(user=alice, team=other_team)
    assert names(client_of(alice).get("/teams/")) == ["Data science", "Finance"]
