"""Budgets of hours per month: a brake. Used up, nothing new starts; and after a grace what runs is asked to stop."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from jobs.admission.stopping import ask_to_stop
from jobs.catalogue import Own
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.usage.month import Spent, this_months_use
from teams.models import QuotaLine, Scope, Team
from teams.quota.book import Account, Book
from teams.quota.resources import BUDGETS, CPU_HOURS

# From here on people are warned.
WARN_SHARE = 0.8
USES_HOURS = (Status.STARTING, Status.RUNNING)


def fill_in(book: Book, team_id: int, budgets: Iterable[Account]) -> None:
    """What was spent this month, where there is a limit to it. No query where there is none."""
    limited = [account for account in set(budgets) if book.limit_of(account) is not None]
    if not limited:
        return
    use = this_months_use(team_id)
    for account in limited:
        book.line(account).used = spent_of(account, use)


def spent_of(account: Account, use: Spent) -> int:
    """The account's part of it, in the units of its limit."""
    part = 0 if account.resource == CPU_HOURS else 1
    return sum(
        hours[part]
        for (cluster_id, owner_id), hours in use.items()
        if account.cluster_id in (None, cluster_id) and account.user_id in (None, owner_id)
    )


def enforce() -> None:
    """Note which budgets are used up, and ask what runs on them to stop where the team's grace is over."""
    lines = QuotaLine.objects.filter(resource__in=BUDGETS, limit__isnull=False)
    for team in Team.objects.filter(pk__in=lines.exclude(scope=Scope.MEMBER).values("team")):
        use = this_months_use(team.pk)
        for line in lines.filter(team=team).exclude(scope=Scope.MEMBER):
            account = Account(line.scope, line.resource, line.cluster_id, line.user_id)
            _enforce(team, line, spent_of(account, use))


def _enforce(team: Team, line: QuotaLine, spent: int) -> None:
    if spent < (line.limit or 0):
        QuotaLine.objects.filter(pk=line.pk).exclude(reached_at=None).update(reached_at=None)
        return
    QuotaLine.objects.filter(pk=line.pk, reached_at=None).update(reached_at=Now())
    if team.budget_grace_minutes is None or line.reached_at is None:
        return
    if timezone.now() - line.reached_at >= timedelta(minutes=team.budget_grace_minutes):
        _ask_to_stop(line)


def _ask_to_stop(line: QuotaLine) -> None:
    concerned = Q(team=line.team_id) if line.resource == CPU_HOURS else Q(team=line.team_id, gpu_count__gt=0)
    if line.cluster_id:
        concerned &= Q(cluster=line.cluster_id)
    if line.user_id:
        concerned &= Q(owner=line.user_id)
    hours = "CPU-hours" if line.resource == CPU_HOURS else "GPU-hours"
    sentence = f"The month's {hours} are used up and the time of grace is over: asked to stop."
    ask_to_stop(Job.objects.filter(concerned, status__in=USES_HOURS), sentence, reason=Own.BUDGET)
