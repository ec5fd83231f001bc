"""A month's hours: what was used, the brake, and the grace after which what runs is asked to stop."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.admission import budgets
from jobs.admission.admit import admit_team
from jobs.models import Job, UsageSum
from jobs.usage.counting import count_ended
from jobs.usage.month import month_now, this_months_use
from teams.models import QuotaLine, Team
from teams.quota.resources import BUDGETS, CPU_HOURS, GPU_HOURS, from_typed, in_words
from tests.jobs.admission.conftest import why

HOUR = timedelta(hours=1)


@pytest.fixture
def ran(make_job):
    """`ran(hours, **fields)`: a job that ran so long and ended a moment ago."""

    def make(hours, **fields):
        now = timezone.now()
        times = {"running_at": now - hours * HOUR, "finishing_at": now, "finished_at": now}
        return make_job(status="succeeded", **times | fields)

    return make


@pytest.fixture
def mid_month(monkeypatch):
    """Tests of hours must not fail in the first hours of a month."""
    first = (timezone.now() - timedelta(days=20)).date().replace(day=1)
    monkeypatch.setattr("jobs.usage.month.month_now", lambda: min(first, month_now()))


def test_what_counts_is_what_the_usage_report_says(mid_month, ran, make_job, team, cluster, alice):
    ran(2, cpu_millis=2000)
    count_ended()
    ran(1, cpu_millis=1000, gpu_resource="nvidia.com/gpu", gpu_count=2)
    make_job(status="running", cpu_millis=1000, running_at=timezone.now() - HOUR)
    cpu, gpu = this_months_use(team.pk)[cluster.pk, alice.pk]
    assert cpu == pytest.approx(6 * BUDGETS[CPU_HOURS], rel=1e-3)
    assert gpu == pytest.approx(2 * BUDGETS[GPU_HOURS], rel=1e-3)
    assert UsageSum.objects.exists()


@pytest.mark.parametrize("ids", ["team", "member", "user", "cluster"])
def test_a_budget_that_is_used_up_holds_new_jobs_and_says_why(
    mid_month, ran, make_job, team, cluster, alice, limit, admit, ids
):
    scope = {
        "team": {},
        "member": {"scope": "member"},
        "user": {"user": alice},
        "cluster": {"cluster": cluster},
    }[ids]
    limit(CPU_HOURS, from_typed(CPU_HOURS, "4"), **scope)
    ran(3)
    first, second = make_job(), make_job()
    assert admit() == [first.pk, second.pk]
    ran(1)
    late = make_job()
    assert admit() == []
    assert why(late) == "budget"
    assert "CPU-hours of the month are used up" in Job.objects.get(pk=late.pk).sentence
    assert "4 of 4" in Job.objects.get(pk=late.pk).sentence
    limit(CPU_HOURS, from_typed(CPU_HOURS, "5"), **scope)
    assert admit() == [late.pk]


def test_gpu_hours_hold_only_what_has_gpus(mid_month, ran, make_job, limit, admit):
    gpus = {"gpu_resource": "nvidia.com/gpu", "gpu_count": 1}
    limit(GPU_HOURS, from_typed(GPU_HOURS, "1"))
    ran(1, **gpus)
    held, free = make_job(**gpus), make_job()
    assert admit() == [free.pk]
    assert why(held) == "budget"


def test_a_new_month_begins_with_nothing(ran, make_job, team, limit, admit, monkeypatch):
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"))
    ran(2)
    count_ended()
    monkeypatch.setattr("jobs.usage.month.month_now", lambda: month_now() + timedelta(days=40))
    job = make_job()
    assert admit() == [job.pk]


def test_without_a_setting_what_runs_goes_on(mid_month, ran, make_job, team, limit, admit):
    job = make_job()
    admit()
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"))
    ran(2)
    for _ in range(2):
        budgets.enforce()
    assert QuotaLine.objects.get(resource=CPU_HOURS).reached_at is not None
    assert Job.objects.get(pk=job.pk).cancel_requested_at is None


def test_after_the_grace_what_runs_is_asked_to_stop_and_told_why(
    mid_month, ran, make_job, team, limit, admit
):
    job = make_job()
    admit()
    Team.objects.update(budget_grace_minutes=30)
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"))
    ran(2)
    budgets.enforce()
    budgets.enforce()
    assert Job.objects.get(pk=job.pk).cancel_requested_at is None
    QuotaLine.objects.filter(resource=CPU_HOURS).update(reached_at=timezone.now() - timedelta(minutes=31))
    budgets.enforce()
    budgets.enforce()
    job = Job.objects.get(pk=job.pk)
    assert job.cancel_requested_at is not None
    assert "budget" in job.sentence
    assert job.events.filter(kind="cancel_requested").count() == 1


def test_the_grace_is_over_for_the_member_whose_share_is_used_up_alone(
    mid_month, ran, make_job, team, bob, limit, admit
):
    theirs, others = make_job(), make_job(owner=bob)
    admit()
    Team.objects.update(budget_grace_minutes=30)
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"), scope="member")
    ran(2)
    budgets.enforce()
    assert QuotaLine.objects.get(reached_at__isnull=False).user_id == theirs.owner_id
    assert Job.objects.get(pk=theirs.pk).cancel_requested_at is None
    QuotaLine.objects.exclude(reached_at=None).update(reached_at=timezone.now() - timedelta(minutes=31))
    budgets.enforce()
    assert Job.objects.get(pk=theirs.pk).cancel_requested_at is not None
    assert Job.objects.get(pk=others.pk).cancel_requested_at is None


def test_who_has_a_limit_of_their_own_is_not_stopped_by_the_usual_one(
    mid_month, ran, make_job, team, alice, limit
):
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"), scope="member")
    limit(CPU_HOURS, from_typed(CPU_HOURS, "9"), user=alice)
    ran(2)
    budgets.enforce()
    assert not QuotaLine.objects.exclude(reached_at=None).exists()


@pytest.mark.parametrize("end", ["no_limit", "new_month"])
def test_the_grace_begins_anew(mid_month, ran, limit, team, end, monkeypatch):
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"), scope="member")
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"))
    ran(2)
    count_ended()
    budgets.enforce()
    assert QuotaLine.objects.exclude(reached_at=None).count() == 2
    if end == "no_limit":
        QuotaLine.objects.update(limit=None)
    else:
        monkeypatch.setattr("jobs.usage.month.month_now", lambda: month_now() + timedelta(days=40))
    budgets.enforce()
    assert not QuotaLine.objects.exclude(reached_at=None).exists()


def test_a_raised_budget_is_not_reached_any_more(mid_month, ran, limit, team):
    limit(CPU_HOURS, from_typed(CPU_HOURS, "1"))
    ran(2)
    budgets.enforce()
    limit(CPU_HOURS, from_typed(CPU_HOURS, "3"))
    budgets.enforce()
    assert QuotaLine.objects.get(resource=CPU_HOURS).reached_at is None


def test_without_budgets_nobody_adds_up_hours(make_job, team, monkeypatch):
    monkeypatch.setattr(budgets, "this_months_use", lambda team_id: pytest.fail("was asked"))
    make_job()
    assert admit_team(team.pk).started


def test_hours_are_written_as_people_do():
    assert in_words(CPU_HOURS, from_typed(CPU_HOURS, "1500 h")) == "1,500"
    assert in_words(GPU_HOURS, from_typed(GPU_HOURS, "0.25")) == "0.2"
    assert in_words(GPU_HOURS, from_typed(GPU_HOURS, "2.5")) == "2.5"
    assert in_words(CPU_HOURS, 1) == "less than 0.1"
    assert in_words(CPU_HOURS, 0) == "0"
