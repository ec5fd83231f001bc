"""Likely starts, the page "What if" and the report on estimates in a real browser: light, dark, at three widths."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from jobs.admission.admit import admit_team
from jobs.forecast.judging import judge
from jobs.models import Job, StartEstimate
from teams.models import Scope, Team
from teams.quota.book import Account
from teams.quota.limits import set_limits
from tests import cast
from tests.browser.axe import serious

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
PAGES = (
    "/teams/data-science/what-if/",
    "/teams/data-science/what-if/?cpu_millis=12&memory_bytes=64+GiB&jobs=",
    "/teams/data-science/what-if/?cpu_millis=2",
    "/teams/data-science/what-if/?cpu_millis=many",
    "/estimates/",
)


@pytest.fixture
def month(make_job, team, profile, alice, bob):
    """Sweeps of the past month; two jobs that run now and some that wait; judged estimates of two teams."""
    now = timezone.now()
    bundle = cast.new_bundle()
    for number in range(60):
        sent = now - timedelta(days=1 + number % 20, minutes=number % 3)
        ended = sent + timedelta(minutes=10 + number % 17)
        make_job(
            bundle=bundle, owner=bob if number % 4 else alice, name="train", status="succeeded", created_at=sent,
            starting_at=sent, running_at=sent, finishing_at=ended, finished_at=ended,
        )  # fmt: skip
    set_limits(
        team.pk, {Account(Scope.TEAM, "cpu_millis"): 2000, Account(Scope.TEAM, "memory_bytes"): 32 * 2**30}
    )
    waiting = [make_job(bundle=bundle, name="train") for _ in range(6)]
    admit_team(team.pk)
    Job.objects.filter(status="starting").update(status="running", running_at=now - timedelta(minutes=4))
    past = Job.objects.filter(status="succeeded").order_by("pk")[:40]
    for number, job in enumerate(past):
        at = job.starting_at - timedelta(minutes=20)
        times = {
            "early": at + timedelta(minutes=10),
            "late": at + timedelta(minutes=18 if number % 9 == 0 else 40),
        }
        cause = "its_turn" if number % 5 == 0 else "team_quota"
        StartEstimate.objects.create(job=job, team=team, cause=cause, made_at=at, **times)
    judge()
    Team.objects.update(name="Data science")
    return waiting


def test_a_waiting_job_says_its_place_and_likely_start(page_of, month, alice):
    page = page_of(alice)
    page.goto(f"/jobs/{month[3].pk}/")
    expect(page.locator(".job-outlook")).to_contain_text("2nd in the team's queue. Likely start in ")
    page.goto("/")
    expect(page.locator(".row-likely")).to_have_count(4)


def test_other_limits_are_tried_and_compared(page_of, month, dana):
    page = page_of(dana)
    page.goto("/teams/data-science/what-if/")
    page.get_by_label("CPU").fill("16")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("heading", name="Waits of 6")).to_be_visible()
    expect(page.locator(".is-better").first).to_be_visible()
    expect(page.get_by_label("CPU")).to_have_value("16")


@pytest.mark.parametrize("colour", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_overflows(page_of, month, dana, colour):
    troubles = []
    for width in (360, 1280, 2560):
        page = page_of(dana, width=width, colour=colour)
        for path in (*PAGES, "/", f"/jobs/{month[3].pk}/"):
            page.goto(path)
            troubles += [(path, width, trouble) for trouble in serious(page)]
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                troubles.append((path, width, "overflows"))
    assert troubles == []
