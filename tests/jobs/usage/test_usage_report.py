"""The usage page: what it says, to whom, and that what runs now is in it."""

import re
from datetime import date

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.usage.counting import count_ended
from teams.models import Membership, Role, Team
from tests import cast
from tests.jobs.usage.conftest import GPU, at

NOW = "2026-03-15T12:00:00Z"
FEBRUARY = "from=2026-02&to=2026-02"


@pytest.fixture(autouse=True)
def in_march():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def report(client_of, alice):
    """`report("?by=user", user=bob)`: the report on that page, as Alice gets it."""

    def read(query="", user=None):
        response = client_of(user or alice).get("/usage/" + query)
        assert response.status_code == 200
        return response.context["report"]

    return read


def hours(report):
    return {row.label: round(row.cpu_hours, 3) for row in report.rows}


@pytest.fixture
def februarys(ran, alice, bob, charlie, other_team):
    """Alice 2 h and 4 GPU-hours, Bob 1 h that failed, Charlie 8 h in another team; counted."""
    ran("2026-02-01 10:00", hours=2, gpu_count=2, gpu_resource=GPU)
    ran("2026-02-03 10:00", hours=1, owner=bob, status="failed", waited=600)
    ran("2026-02-03 10:00", hours=8, owner=charlie, team=other_team)
    count_ended()


def test_a_stranger_is_led_to_the_sign_in_page(client, db):
    assert client.get("/usage/")["Location"].startswith("/accounts/login/")


def test_a_member_sees_the_own_teams_total(februarys, report):
    shown = report(f"?{FEBRUARY}")
    assert hours(shown) == {"Data science": 3.0}
    assert (shown.rows[0].jobs, shown.rows[0].failed_percent) == (2, 50.0)
    assert shown.rows[0].gpu_hours == [4.0]
    assert shown.rows[0].memory_hours == 6.0
    assert 50 < shown.rows[0].median_wait < 70
    assert 500 < shown.rows[0].longest_wait < 700
    assert shown.others is None


def test_an_analyst_sees_oneself_among_people_a_manager_all_of_the_team(
    februarys, report, bob, manager, dana
):
    assert hours(report(f"?by=user&{FEBRUARY}")) == {"Alice Ames": 2.0}
    assert hours(report(f"?by=user&{FEBRUARY}", user=bob)) == {"Bob Bauer": 1.0}
    assert hours(report(f"?by=user&{FEBRUARY}", user=manager)) == {"Alice Ames": 2.0, "Bob Bauer": 1.0}
    assert hours(report(f"?by=user&{FEBRUARY}", user=dana)) == {
        "charlie": 8.0, "Alice Ames": 2.0, "Bob Bauer": 1.0,
    }  # fmt: skip


def test_a_manager_sees_people_of_the_managed_team_only(februarys, report, manager, other_team):
    Membership.objects.create(user=manager, team=other_team, role=Role.ANALYST)
    assert hours(report(f"?{FEBRUARY}", user=manager)) == {"Finance": 8.0, "Data science": 3.0}
    assert "charlie" not in hours(report(f"?by=user&{FEBRUARY}", user=manager))


@pytest.mark.parametrize("address", ["/usage/", "/usage/export.csv"])
@pytest.mark.parametrize("by", ["team", "user", "profile", "cluster", "month"])
def test_a_foreign_team_or_person_is_not_there(
    februarys, client_of, alice, bob, charlie, other_team, by, address
):
    for foreign in (
        f"team={other_team.pk}", f"user={charlie.pk}", f"user={bob.pk}", "team=99999", "user=99999", "cluster=99999",
        f"team={2**63}",
    ):  # fmt: skip
        assert client_of(alice).get(f"{address}?by={by}&{foreign}").status_code == 404, foreign


def test_what_is_there_can_be_asked_for(februarys, client_of, alice, bob, manager, dana, team, cluster):
    for user, query in [
        (alice, f"team={team.pk}"), (alice, f"user={alice.pk}"), (alice, f"cluster={cluster.pk}"),
        (manager, f"user={bob.pk}"), (dana, f"user={bob.pk}&team={team.pk}"),
    ]:  # fmt: skip
        assert client_of(user).get(f"/usage/?{query}").status_code == 200, query
    assert client_of(dana).get("/usage/?team=99999").status_code == 404
    assert client_of(dana).get("/usage/?user=99999").status_code == 404


def test_a_person_who_left_is_still_the_managers_to_see(februarys, report, bob, manager):
    Membership.objects.filter(user=bob).delete()
    assert hours(report(f"?by=month&user={bob.pk}&{FEBRUARY}", user=manager)) == {"February 2026": 1.0}
    assert hours(report(f"?by=month&{FEBRUARY}", user=bob)) == {}


def test_nobody_without_a_team_sees_anything(februarys, client_of):
    page = client_of(cast.new_user("eve")).get(f"/usage/?by=user&{FEBRUARY}")
    assert "You are not in a team yet" in page.content.decode()
    assert page.context["report"].is_empty


@pytest.mark.parametrize("who", ["alice", "dana"])
@pytest.mark.parametrize(
    ("by", "expected"),
    [("profile", {"Small": 3.0}), ("cluster", {"This machine": 3.0}), ("month", {"February 2026": 3.0})],
)
def test_groups_of_a_team(februarys, report, request, who, by, expected, team):
    shown = report(f"?by={by}&team={team.pk}&{FEBRUARY}", user=request.getfixturevalue(who))
    assert hours(shown) == expected
    assert round(shown.whole.cpu_hours, 3) == 3.0
    assert shown.others is None


@pytest.mark.parametrize("by", ["team", "user", "profile", "cluster", "month"])
def test_the_whole_of_all_teams_is_the_same_however_it_is_grouped(februarys, report, dana, by):
    shown = report(f"?by={by}&from=2026-01&to=2026-03", user=dana)
    assert round(shown.whole.cpu_hours, 3) == 11.0
    assert round(sum(row.cpu_hours for row in shown.rows), 3) == 11.0
    assert (shown.whole.jobs, shown.whole.gpu_hours, shown.others) == (3, [4.0], None)
    assert sum(row.jobs for row in shown.rows) == 3


def test_what_runs_now_is_in_it_in_every_month_that_it_ran(ran, report, dana):
    ran("2026-02-28 22:00", hours=None, status="running", running_at=at("2026-02-28 22:00"), finished_at=None)
    for by in ("team", "user", "profile", "cluster"):
        assert list(hours(report(f"?by={by}&{FEBRUARY}", user=dana)).values()) == [2.0]
    shown = report("?by=month&from=2026-02&to=2026-03", user=dana)
    assert hours(shown) == {"February 2026": 2.0, "March 2026": 348.0}
    assert (shown.running, shown.whole.jobs) == (1, 0)
    assert hours(report(f"?by=user&{FEBRUARY}")) == {"Alice Ames": 2.0}


def test_what_ended_a_moment_ago_is_in_it_before_it_is_counted_and_after(ran, report):
    ran("2026-03-02 10:00", hours=3)
    before = report()
    count_ended()
    assert hours(before) == hours(report()) == {"Data science": 3.0}
    assert before.whole.median_wait == report().whole.median_wait


def test_the_largest_come_first_and_the_others_together(ran, report, dana, alice, monkeypatch):
    for number in range(25):
        team = Team.objects.create(name=f"Team {number:02}", slug=f"team-{number}")
        ran("2026-02-03 10:00", hours=number + 1, team=team, gpu_count=1, gpu_resource=GPU)
    count_ended()
    shown = report(f"?{FEBRUARY}", user=dana)
    assert [row.label for row in shown.rows] == [f"Team {number:02}" for number in range(24, 4, -1)]
    assert (shown.rows[0].bar, shown.rows[-1].bar) == (100, 24)
    assert (shown.others.jobs, round(shown.others.cpu_hours), shown.others.gpu_hours) == (5, 15, [15.0])
    assert 50 < shown.others.median_wait < 70
    searched = report(f"?{FEBRUARY}&text=team 03", user=dana)
    assert hours(searched) == {"Team 03": 4.0}
    assert (searched.whole.cpu_hours, searched.others) == (4.0, None)


def test_a_search_does_not_open_a_foreign_team(februarys, report):
    assert report(f"?{FEBRUARY}&text=Finance").is_empty


@pytest.mark.parametrize("by", ["team", "user", "profile", "cluster", "month"])
def test_a_text_is_looked_for_in_every_tab(februarys, report, dana, by):
    assert report(f"?{FEBRUARY}&by={by}&text=zebra", user=dana).is_empty is (by != "month")


def test_the_chart_has_the_days_of_the_range_and_the_rows_numbers(februarys, client_of, dana):
    charts = client_of(dana).get(f"/usage/?{FEBRUARY}").context["charts"]
    assert [chart.name for chart in charts] == ["cpu", "gpu", "jobs"]
    cpu, gpu, _ = charts
    assert (len(cpu.steps), cpu.steps[0], cpu.is_by_day) == (28, date(2026, 2, 1), True)
    assert [(series.label, round(sum(series.values), 3)) for series in cpu.series] == [
        ("Data science", 3.0), ("Finance", 8.0)
    ]  # fmt: skip
    assert cpu.lines[2] == (date(2026, 2, 3), [1.0, 8.0])
    assert [(series.label, sum(series.values)) for series in gpu.series] == [("Data science", 4.0)]


@pytest.mark.parametrize("by", ["team", "user", "profile", "cluster", "month"])
@pytest.mark.parametrize("who", ["dana", "manager"])
@pytest.mark.parametrize("months", [FEBRUARY, "from=2025-06&to=2026-03"])
def test_the_chart_sums_up_to_the_whole(februarys, client_of, request, by, who, months):
    page = client_of(request.getfixturevalue(who)).get(f"/usage/?by={by}&{months}")
    whole = page.context["report"].whole
    cpu = page.context["charts"][0]
    assert round(sum(sum(series.values) for series in cpu.series), 3) == round(whole.cpu_hours, 3) > 0
    assert len(cpu.steps) == (28 if months == FEBRUARY else 10)


def test_the_others_have_a_series_of_their_own(ran, client_of, dana):
    for number in range(8):
        team = Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        ran("2026-02-03 10:00", hours=number + 1, team=team)
    count_ended()
    chart = client_of(dana).get(f"/usage/?{FEBRUARY}").context["charts"][0]
    assert [series.label for series in chart.series] == [*(f"Team {n}" for n in (7, 6, 5, 4, 3)), "Others"]
    assert round(chart.series[-1].values[2], 3) == 6.0


def test_the_page_has_the_numbers_without_javascript(februarys, client_of, alice):
    page = client_of(alice).get(f"/usage/?{FEBRUARY}").content.decode()
    assert '<data value="2.0000">2.00</data>' in page
    assert "style=" not in page
    assert not re.search(r"<script(?![^>]*src=)", page)
    assert "How this is counted" in page


def test_an_empty_month_says_so_and_loads_no_chart(client_of, alice):
    page = client_of(alice).get("/usage/").content.decode()
    assert "Nothing was used in March 2026" in page
    assert "uplot" not in page


def test_the_number_of_statements_does_not_depend_on_how_many_there_are(ran, client_of, dana):
    client, counts = client_of(dana), []
    for teams in (2, 30):
        for number in range(teams):
            team = Team.objects.create(name=f"Team {teams} {number}", slug=f"team-{teams}-{number}")
            ran("2026-03-03 10:00", team=team, gpu_count=1, gpu_resource=GPU)
        count_ended()
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/usage/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 18
