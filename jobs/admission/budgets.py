"""Budgets of hours per month: a brake. Used up, nothing new starts; and after a grace what runs is asked to stop."""

from collections.abc import Iterable, Iterator
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
    limited = QuotaLine.objects.filter(resource__in=BUDGETS, limit__isnull=False)
    used_up = [
        line
        for team in Team.objects.filter(pk__in=limited.values("team"))
        for line in _used_up(list(limited.filter(team=team)), this_months_use(team.pk))
    ]
    # Whoever is given more, whose limit is gone, or who begins a month, has the whole grace before them again.
    was_reached = QuotaLine.objects.filter(resource__in=BUDGETS, reached_at__isnull=False)
    was_reached.exclude(pk__in=[line.pk for line in used_up]).update(reached_at=None)
    for line in used_up:
        QuotaLine.objects.filter(pk=line.pk, reached_at=None).update(reached_at=Now())
        if _grace_is_over(line):
            _ask_to_stop(line)


def _used_up(limited: list[QuotaLine], use: Spent) -> Iterator[QuotaLine]:
    """A team's budgets that have nothing left. A member's share of the usual one is noted on a line of their own."""
    for line in limited:
        if line.scope == Scope.MEMBER:
            has_own = {own.user_id for own in limited if own.resource == line.resource}
            for owner_id in {owner_id for _, owner_id in use} - has_own:
                if _is_used_up(line, Account(Scope.USER, line.resource, user_id=owner_id), use):
                    yield _line_of_member(line, owner_id)
        elif _is_used_up(line, Account(line.scope, line.resource, line.cluster_id, line.user_id), use):
            yield line


def _is_used_up(line: QuotaLine, account: Account, use: Spent) -> bool:
    return spent_of(account, use) >= (line.limit or 0)


def _line_of_member(usual: QuotaLine, owner_id: int) -> QuotaLine:
    line, _ = QuotaLine.objects.get_or_create(
        scope=Scope.USER, team=usual.team, cluster=None, user_id=owner_id, resource=usual.resource
    )
    return line


def _grace_is_over(line: QuotaLine) -> bool:
    """Of a budget that was used up when it was looked at before, too."""
    grace = line.team.budget_grace_minutes if line.team else None
    if grace is None or line.reached_at is None:
        return False
    return timezone.now() - line.reached_at >= timedelta(minutes=grace)


def _ask_to_stop(line: QuotaLine) -> None:
    concerned = Q(team=line.team_id) if line.resource == CPU_HOURS else Q(team=line.team_id, gpu_count__gt=0)
    if line.cluster_id:
        concerned &= Q(cluster=line.cluster_id)
    if line.user_id:
        concerned &= Q(owner=line.user_id)
    hours = "CPU-hours" if line.resource == CPU_HOURS else "GPU-hours"
    sentence = f"The month's {hours} are used up and the time of grace is over: asked to stop."
    ask_to_stop(Job.objects.filter(concerned, status__in=USES_HOURS), sentence, reason=Own.BUDGET)
