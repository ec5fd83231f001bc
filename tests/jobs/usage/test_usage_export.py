"""The usage report as a file: what the page shows, and what it sums up as “Others”."""

import csv
from io import StringIO

import pytest

from jobs.usage.counting import count_ended
from teams.models import Team
from tests.jobs.usage.conftest import GPU

FEBRUARY = "from=2026-02&to=2026-02"


@pytest.fixture
def exported(client_of, alice):
    def read(query, user=None):
        response = client_of(user or alice).get("/usage/export.csv?" + query)
        assert response.status_code == 200
        return list(csv.DictReader(StringIO(response.getvalue().decode("utf-8-sig"), newline="")))

    return read


def test_a_stranger_is_led_to_the_sign_in_page(client, db):
    assert client.get("/usage/export.csv")["Location"].startswith("/accounts/login/")


def test_a_row_has_the_pages_numbers_with_units_in_the_header(ran, exported):
    ran("2026-02-01 10:00", hours=2, gpu_count=2, gpu_resource=GPU)
    ran("2026-02-01 10:00", hours=None, status="error")
    count_ended()
    row = exported(FEBRUARY)[0]
    assert 50 < int(row.pop("median wait s")) <= int(row.pop("90 % waited at most s")) < 70
    assert row == {
        "Team": "Data science", "from": "2026-02", "to": "2026-02", "CPU-hours": "2.0", "GPU-hours nvidia": "4.0",
        "memory GiB-hours": "4.0", "jobs": "2", "succeeded": "1", "failed": "0", "cancelled": "0", "error": "1",
    }  # fmt: skip


def test_the_export_button_leads_to_the_same_report(ran, client_of, alice, exported):
    ran("2026-02-01 10:00")
    page = client_of(alice).get(f"/usage/?by=profile&{FEBRUARY}").content.decode()
    assert 'href="/usage/export.csv?by=profile&amp;from=2026-02&amp;to=2026-02"' in page
    assert [row["Profile"] for row in exported(f"by=profile&{FEBRUARY}")] == ["Small"]


def test_all_groups_are_in_it(ran, exported, dana, client_of):
    for number in range(25):
        ran(
            "2026-02-03 10:00",
            hours=number + 1,
            team=Team.objects.create(name=f"T{number}", slug=f"t{number}"),
        )
    count_ended()
    rows = exported(FEBRUARY, dana)
    page = client_of(dana).get(f"/usage/?{FEBRUARY}").context["report"]
    assert [row["Team"] for row in rows[:20]] == [row.label for row in page.rows]
    assert len(rows) == 25
    assert sum(float(row["CPU-hours"]) for row in rows) == round(page.whole.cpu_hours, 3)


def test_nobody_gets_what_the_page_does_not_show(ran, exported, bob, charlie, other_team):
    ran("2026-02-03 10:00", owner=bob)
    ran("2026-02-03 10:00", owner=charlie, team=other_team)
    count_ended()
    assert exported(f"by=user&{FEBRUARY}") == []
    assert [row["Team"] for row in exported(FEBRUARY)] == ["Data science"]


def test_months_are_written_so_that_they_sort(ran, exported):
    ran("2026-01-31 23:00", hours=2)
    count_ended()
    rows = exported("by=month&from=2025-12&to=2026-03")
    assert [(row["Month"], row["CPU-hours"]) for row in rows] == [("2026-01", "1.0"), ("2026-02", "1.0")]


def test_a_team_with_the_name_of_a_formula_is_a_text(ran, exported, team):
    Team.objects.filter(pk=team.pk).update(name="=1+1")
    ran("2026-02-03 10:00", profile_label="@SUM(A1)")
    assert exported(FEBRUARY)[0]["Team"] == "'=1+1"
    assert exported(f"by=profile&{FEBRUARY}")[0]["Profile"] == "'@SUM(A1)"
