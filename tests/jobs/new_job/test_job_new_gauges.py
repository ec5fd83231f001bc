"""Before the click: what the chosen team has of its quota, and that a budget is nearly used up."""

from datetime import timedelta

import pytest
from django.utils import timezone

from teams.models import Scope
from teams.quota.book import Account
from teams.quota.limits import set_limits
from teams.quota.resources import BUDGETS, CPU_HOURS


@pytest.fixture
def summary(client_of, alice, image, profile):
    def read():
        client = client_of(alice)
        return client.get(client.get("/new/")["Location"]).content.decode()

    return read


def test_without_limits_nothing_is_said(summary, team):
    assert "Data science uses" not in summary()


def test_the_teams_use_stands_beside_the_button(summary, team):
    set_limits(team.pk, {Account(Scope.TEAM, "jobs"): 8, Account(Scope.TEAM, "cpu_millis"): 16_000})
    text = summary()
    assert "Data science uses" in text
    assert "Running jobs: 0 of 8 in use" in text
    assert "CPU: 0 cores of 16 cores in use" in text


@pytest.mark.parametrize(("hours", "words"), [(5, ""), (8, "over 80 %"), (10, "used up")])
def test_a_budget_that_is_nearly_used_up_is_told_before(summary, team, make_job, hours, words):
    set_limits(team.pk, {Account(Scope.TEAM, CPU_HOURS): 10 * BUDGETS[CPU_HOURS]})
    now = timezone.now()
    times = {"running_at": now - timedelta(minutes=1), "finishing_at": now, "finished_at": now}
    make_job(status="succeeded", cpu_millis=hours * 60_000, **times)
    text = summary()
    assert f"CPU-hours: {hours} of 10 this month" in text
    assert (words in text) if words else ("over 80" not in text and "used up" not in text)
