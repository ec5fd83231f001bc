"""The first estimate of each job is kept and judged by what came; admins see how often it was right."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import tasks
from jobs.admission.admit import admit_team
from jobs.forecast.judging import judge, note_and_judge
from jobs.forecast.quality import make_report
from jobs.models import Job, StartEstimate
from teams.models import Scope
from teams.quota.book import Account
from teams.quota.limits import set_limits

NOW = timezone.now()


@pytest.fixture
def waits(make_job, team):
    """A job that waits behind another."""
    set_limits(team.pk, {Account(Scope.TEAM, "jobs"): 1})
    make_job()
    job = make_job()
    admit_team(team.pk)
    return job


@pytest.fixture
def told(make_job, team):
    """`told(10, 20, started=15)`: a job that was said to start in 10 to 20 minutes, and started after 15."""

    def make(early, late, started=None, cause="team_quota", days=0, **fields):
        at = NOW - timedelta(days=days, hours=1)
        start = at + timedelta(minutes=started) if started is not None else None
        job = make_job(**{"status": "running" if start else "queued", "starting_at": start} | fields)
        StartEstimate.objects.create(
            job=job,
            team=job.team,
            cause=cause,
            made_at=at,
            early=at + timedelta(minutes=early),
            late=at + timedelta(minutes=late),
        )
        return job

    return make


def test_the_first_estimate_is_noted_once(waits, forget):
    note_and_judge()
    noted = StartEstimate.objects.get()
    assert (noted.job_id, noted.cause, noted.is_right) == (waits.pk, "team_quota", None)
    assert noted.made_at <= noted.early <= noted.late
    forget()
    note_and_judge()
    assert StartEstimate.objects.get().made_at == noted.made_at


def test_the_task_does_it(waits):
    tasks.judge_estimates()
    assert StartEstimate.objects.count() == 1


@pytest.mark.parametrize(
    ("started", "is_right"), [(9, False), (10, True), (15, True), (20, True), (21, False)]
)
def test_a_start_judges(told, started, is_right):
    job = told(10, 20, started)
    judge()
    noted = StartEstimate.objects.get()
    assert noted.is_right is is_right
    assert noted.started_at == Job.objects.get(pk=job.pk).starting_at


def test_what_still_waits_is_not_judged_and_what_never_started_is_forgotten(told):
    told(1, 2)
    gone = told(1, 2, status="cancelled")
    judge()
    assert StartEstimate.objects.get().is_right is None
    assert not StartEstimate.objects.filter(job=gone).exists()


def test_a_judgement_stays_and_old_ones_go(told):
    job = told(10, 20, 15)
    told(10, 20, 15, days=91)
    judge()
    Job.objects.filter(pk=job.pk).update(starting_at=NOW + timedelta(days=1))
    judge()
    assert StartEstimate.objects.get().is_right is True


def test_the_report_counts_by_team_and_cause(told, charlie):
    for started in (12, 13, 14, 40):
        told(10, 20, started)
    told(10, 40, 50, cause="its_turn", owner=charlie)
    told(10, 20, 15, days=31)
    told(10, 20)
    judge()
    report = make_report()
    assert (report.whole.count, report.whole.right, report.whole.percent, report.open) == (5, 3, 60, 1)
    assert [(row.label, row.percent) for row in report.teams] == [("Data science", 75), ("Finance", 0)]
    assert [(row.label, row.count) for row in report.causes] == [("team's quota", 4), ("its turn", 1)]
    assert report.whole.width == 600
    assert report.causes[1].relative == pytest.approx(30 / 50)


def test_admins_and_auditors_see_the_page(told, client_of, dana, otto):
    for _ in range(5):
        told(10, 20, 15)
    judge()
    for reader in (dana, otto):
        page = " ".join(
            re.sub(r"<[^>]+>", " ", client_of(reader).get("/estimates/").content.decode()).split()
        )
        assert "Started within the range 100 % as promised: 80 % or more" in page
        assert "Data science 5 100 % 10 min" in page


def test_without_any_the_page_says_when_there_will_be(client_of, dana, told):
    told(10, 20)
    page = client_of(dana).get("/estimates/").content.decode()
    assert "No estimate was judged" in page
    assert "1 estimate will be judged" in page
