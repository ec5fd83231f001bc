"""The list of people: filters, search, pages."""

import pytest

from tests import cast


def names(page):
    return [row[0].username for row in page.context["rows"]]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("", ["alice", "charlie", "dana", "gone", "new", "otto"]),
        ("active", ["alice", "charlie", "dana", "new", "otto"]),
        ("disabled", ["gone"]), ("admins", ["dana"]), ("auditors", ["otto"]),
        ("teamless", ["dana", "gone", "new", "otto"]),
        ("nonsense", ["alice", "charlie", "dana", "gone", "new", "otto"]),
    ],
)  # fmt: skip
def test_filters(client_of, alice, charlie, dana, otto, show, expected):
    cast.new_user("gone", is_active=False)
    cast.new_user("new")
    assert names(client_of(otto).get(f"/people/?show={show}")) == expected


@pytest.mark.parametrize("text", ["ames", "ALICE", "alice@example", "ice am", "lice"])
def test_a_search_finds_pieces_of_name_and_email(client_of, alice, bob, dana, text):
    assert names(client_of(dana).get("/people/", {"text": text})) == ["alice"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "\0", "x" * 500])
def test_odd_texts_find_nobody_or_everybody_and_break_nothing(client_of, alice, dana, text):
    assert client_of(dana).get("/people/", {"text": text}).status_code == 200


def test_a_search_keeps_the_filter_and_the_filter_the_search(client_of, dana):
    for number in range(60):
        cast.new_user(f"ute{number:02}", is_active=number % 10 != 0)
    page = client_of(dana).get("/people/?show=active&text=ute")
    assert len(names(page)) == 50
    assert names(client_of(dana).get(page.context["page"].next_url)) == [f"ute{n}" for n in (56, 57, 58, 59)]
    chips = {label: url for label, url, _ in page.context["chips"]}
    assert chips["Disabled"] == "/people/?text=ute&show=disabled"
    assert '<input type="hidden" name="show" value="active">' in page.content.decode()


def test_of_many_teams_three_are_named(client_of, dana, alice):
    from teams.models import Membership, Team

    for number in range(5):
        Membership.objects.create(user=alice, team=Team.objects.create(name=f"T{number}", slug=f"t{number}"))
    person, teams, more = client_of(dana).get("/people/").context["rows"][0]
    assert (person, [m.team.name for m in teams], more) == (alice, ["Data science", "T0", "T1"], 3)


def test_auditors_read_and_cannot_invite(client_of, otto, dana):
    assert "/people/invite/" in client_of(dana).get("/people/").content.decode()
    assert "/people/invite/" not in client_of(otto).get("/people/").content.decode()
