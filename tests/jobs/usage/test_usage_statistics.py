"""How jobs ended, why, in what and how long they ran: kept as sums, told by the rights of the report."""

import pytest

from jobs.models import OutcomeSum
from jobs.reconciler.tidy import delete_job
from jobs.usage.counting import count_ended
from jobs.usage.rebuild import differences, rebuild

MONTH = "?from=2026-02&to=2026-02"


@pytest.fixture
def statistics(client_of):
    """`statistics(alice, "&by=user")`: what the page of February says."""

    def read(user, query=""):
        page = client_of(user).get(f"/usage/{MONTH}{query}")
        assert page.status_code == 200
        return page.context["statistics"]

    return read


@pytest.fixture
def month(ran, bob):
    ran("2026-02-01 12:00", hours=1)
    ran("2026-02-02 12:00", hours=1, status="failed", reason="exit_code")
    ran("2026-02-02 12:00", hours=4, status="failed", reason="out_of_memory", owner=bob, image_label="R 4.4")
    ran("2026-02-03 12:00", hours=None, status="cancelled")


def lines(found):
    return [(line.label, line.jobs) for line in found]


@pytest.mark.parametrize("is_counted", [True, False])
def test_they_say_why_in_what_and_how_long(month, statistics, alice, is_counted):
    if is_counted:
        count_ended()
    told = statistics(alice)
    assert lines(told.reasons) == [("Cancelled", 1), ("Failed: exit code", 1), ("Failed: out of memory", 1)]
    assert lines(told.environments) == [("Python 3", 3), ("R 4.4", 1)]
    assert lines(told.profiles) == [("Small", 4)]
    assert told.median_took == pytest.approx(3600, rel=0.1)
    assert told.longest_took == pytest.approx(4 * 3600, rel=0.2)


def test_a_colleagues_are_told_apart_by_managers_only(month, statistics, alice, bob, manager, dana):
    count_ended()
    assert lines(statistics(alice, "&by=user").environments) == [("Python 3", 3)]
    assert lines(statistics(manager, f"&user={bob.pk}").environments) == [("R 4.4", 1)]
    assert lines(statistics(dana).environments) == [("Python 3", 3), ("R 4.4", 1)]


def test_another_teams_are_not_in_them(month, statistics, charlie):
    count_ended()
    assert statistics(charlie).environments == []
    assert statistics(charlie).median_took is None


def test_each_job_is_counted_once_and_deleted_ones_stay(month, ran, statistics, alice):
    job = ran("2026-02-09 12:00", status="failed", reason="exit_code")
    count_ended()
    count_ended()
    before = lines(statistics(alice).reasons)
    assert before[0] == ("Failed: exit code", 2)
    delete_job(job)
    assert lines(statistics(alice).reasons) == before
    assert differences() == []


def test_the_audit_finds_a_wrong_sum_and_mends_it(month):
    count_ended()
    OutcomeSum.objects.filter(kind="reason").update(jobs=7)
    assert differences()
    rebuild()
    assert differences() == []


def test_the_jobs_of_each_day_are_a_chart(month, client_of, alice):
    count_ended()
    charts = client_of(alice).get(f"/usage/{MONTH}").context["charts"]
    jobs = next(chart for chart in charts if chart.name == "jobs")
    assert [one.label for one in jobs.series] == ["Succeeded", "Failed", "Cancelled"]
    assert jobs.lines[1][1] == [0, 2, 0]
