"""The portal's dry run: its cost does not follow the number of teams, and it says what it leaves out."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs.models import Kind
from jobs.retention.pins import pin
from jobs.retention.preview import preview_of_all
from jobs.retention.rules import Rule
from teams.models import Team

ALL = {str(kind): Rule(days=30, most_bytes=1000) for kind in Kind}


@pytest.fixture
def teams():
    """`teams(10)`: so many teams."""

    def make(number: int) -> list[Team]:
        before = Team.objects.count()
        names = [f"team {before + each:03}" for each in range(number)]
        return [Team.objects.create(name=name, slug=name.replace(" ", "-")) for name in names]

    return make


def statements(rules=ALL):
    with CaptureQueriesContext(connection) as captured:
        told = preview_of_all(rules)
    return len(captured), told


@pytest.mark.parametrize("days", [None, 2])
def test_teams_that_nothing_can_happen_to_cost_no_statement(teams, ended, days):
    """Empty ones, and those of which all is young and little enough."""
    for team in teams(5):
        if days:
            ended(days, team=team)
    few, told = statements()
    assert told == []
    for team in teams(45):
        if days:
            ended(days, team=team)
    assert statements() == (few, [])
    assert few < 10


def test_each_team_that_is_touched_is_told_whatever_touches_it(teams, ended, alice):
    old, large, both, stuck, *_ = teams(50)
    ended(31, team=old, results={}, files={"a.py": b"1"})
    ended(2, team=large, logs=b"", results={"a": b"x" * 2000}, files={"a.py": b"2"})
    ended(40, team=both, logs=b"x" * 1500, results={}, files={"a.py": b"3"})
    pin(ended(40, team=stuck, logs=b"x" * 1010, results={}, files={"a.py": b"4"}), alice)
    _, told = statements()
    assert [sentence.partition(", ")[0] for sentence in told] == [
        f"{large.name}: 1 job's results",
        f"{both.name}: 1 job's output",
        f"{both.name}: 1 job's input files",
        f"{stuck.name}: nothing would go. 10 B of the output stay above the size: pinned jobs",
        f"{old.name}: 1 job's output",
        f"{old.name}: 1 job's input files",
    ]


def test_only_the_teams_with_most_are_worked_out_and_the_rest_is_counted(teams, ended, monkeypatch):
    monkeypatch.setattr("jobs.retention.preview.MOST_TEAMS", 3)
    made = teams(6)
    for size, team in enumerate(made, start=1):
        ended(40, team=team, logs=b"x" * size * 100, results={}, files={"a.py": b"x"})
    rules = ALL | {"inputs": Rule()}
    few, told = statements(rules)
    assert [sentence.partition(":")[0] for sentence in told[:3]] == [team.name for team in reversed(made[3:])]
    assert told[3:] == [
        "The rules touch 3 more teams, which have less stored (603 B in all) and are not worked out here:"
        " only the teams with most are."
    ]
    for team in teams(20):
        ended(40, team=team, results={}, files={"a.py": b"x"})
    assert statements(rules)[0] == few
    assert len(preview_of_all(rules)) == 4


def test_what_an_admin_allows_a_team_holds_in_the_dry_run_too(teams, ended, rule):
    touched, spared = teams(2)
    for team in (touched, spared):
        ended(40, team=team, results={}, files={"a.py": b"x"})
    rule("logs", days=365, to=spared)
    _, told = statements({"logs": Rule(days=30), "results": Rule(), "inputs": Rule()})
    assert [sentence.partition(":")[0] for sentence in told] == [touched.name]


def test_the_page_shows_what_is_left_out(client_of, dana, teams, ended, monkeypatch):
    monkeypatch.setattr("jobs.retention.preview.MOST_TEAMS", 1)
    for team in teams(2):
        ended(40, team=team)
    asked = {"action": "preview", "allow-logs-days": "30"}
    page = client_of(dana).get(reverse("portal_retention"), asked).content.decode()
    assert "The rules touch 1 more team, which has less stored" in page
