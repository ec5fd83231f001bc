"""A preview keeps the rules that random queues seldom meet: budgets, owed quota, full clusters, the pool."""

from datetime import timedelta

from django.utils import timezone

from jobs.admission import gates
from jobs.models import Attempt, TeamQueue
from jobs.quota.preview import preview
from jobs.usage.month import month_now
from teams.models import Scope, Team
from teams.quota.book import Account
from teams.quota.limits import set_sharing
from teams.quota.resources import CPU_HOURS, from_typed

JOBS = Account(Scope.TEAM, "jobs")


def starts(team, limits):
    return len(preview(Team.objects.get(pk=team.pk), limits).starting)


def test_what_a_team_uses_counts_once_in_the_pool(make_job, team, other_team, charlie, limit, admit):
    limit("jobs", 2)
    limit("jobs", 2, of=other_team)
    set_sharing(team.pk, shares=True)
    set_sharing(other_team.pk, shares=True)
    [make_job() for _ in range(2)]
    admit()
    [make_job() for _ in range(5)]
    assert starts(team, {JOBS: 3}) == 3


def test_nothing_is_borrowed_while_another_team_is_owed(make_job, team, other_team, charlie, limit, admit):
    limit("jobs", 1)
    limit("jobs", 4, of=other_team)
    set_sharing(team.pk, shares=True)
    set_sharing(other_team.pk, shares=True)
    [make_job() for _ in range(4)]
    assert starts(team, {JOBS: 2}) == 4
    TeamQueue.objects.update_or_create(team=other_team, defaults={"is_owed": True})
    assert starts(team, {JOBS: 2}) == 2


def test_a_full_cluster_gets_no_more_whatever_the_quota(make_job, team, limit, admit):
    limit("jobs", gates.MOST_WAITING_THERE)
    [make_job() for _ in range(gates.MOST_WAITING_THERE)]
    admit()
    Attempt.objects.update(seen_state="pending", seen_reason="unschedulable")
    make_job()
    assert starts(team, {JOBS: 100}) == 0


def test_a_budget_that_is_used_up_holds_what_a_higher_limit_would_start(make_job, team, limit, monkeypatch):
    now = timezone.now()
    first = (now - timedelta(days=20)).date().replace(day=1)
    monkeypatch.setattr("jobs.usage.month.month_now", lambda: min(first, month_now()))
    times = {"running_at": now - timedelta(hours=2), "finishing_at": now, "finished_at": now}
    make_job(status="succeeded", cpu_millis=4000, **times)
    limit("jobs", 0)
    limit(CPU_HOURS, from_typed(CPU_HOURS, "4"))
    make_job()
    assert starts(team, {JOBS: 5}) == 0
    assert starts(team, {JOBS: 5, Account(Scope.TEAM, CPU_HOURS): None}) == 1
