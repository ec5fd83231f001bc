"""Who uses a team's quota, and how much each may: a page of them, those with most running jobs first."""

from dataclasses import dataclass

from django.db.models import Max, Q
from django.db.models.functions import Coalesce

from teams.models import QuotaLine, Scope, User
from teams.quota.resources import BUDGETS, CPU, GPU_PREFIX, JOBS, MEMORY, in_words, sort_key

ON_A_PAGE = 20


@dataclass(frozen=True)
class Person:
    """A row: amounts in words, with the limit that holds for this person behind them."""

    user: User
    jobs: str
    cpu: str
    memory: str
    gpus: list[str]
    has_own_limit: bool


@dataclass(frozen=True)
class People:
    """`page` counts from 1; 0 for `previous` and `following` where there is none."""

    rows: list[Person]
    previous: int = 0
    following: int = 0


def people_of(team_id: int, page: int = 1) -> People:
    """Who has something reserved, or a limit of an own; three statements."""
    page = max(1, min(page, 1000))
    lines = QuotaLine.objects.filter(team=team_id, scope=Scope.USER).exclude(resource__in=BUDGETS)
    active = lines.filter(Q(used__gt=0) | Q(limit__isnull=False)).order_by().values("user")
    ranked = active.annotate(jobs=Coalesce(Max("used", filter=Q(resource=JOBS)), 0)).order_by("-jobs", "user")
    begin = (page - 1) * ON_A_PAGE
    ids = list(ranked.values_list("user", flat=True)[begin : begin + ON_A_PAGE + 1])
    shown = ids[:ON_A_PAGE]
    users = User.objects.in_bulk(shown)
    concerned = QuotaLine.objects.filter(team=team_id).filter(
        Q(scope=Scope.USER, user__in=shown) | Q(scope=Scope.MEMBER)
    )
    known: dict[int, list[QuotaLine]] = {}
    for line in concerned:
        known.setdefault(line.user_id or 0, []).append(line)
    usual = {line.resource: line.limit for line in known.get(0, [])}
    rows = [_person(users[pk], known.get(pk, []), usual) for pk in shown if pk in users]
    return People(rows, page - 1, page + 1 if len(ids) > ON_A_PAGE else 0)


def _person(user: User, lines: list[QuotaLine], usual: dict[str, int | None]) -> Person:
    by_name = {line.resource: line for line in lines}

    def words(name: str) -> str:
        line = by_name.get(name)
        own = line.limit if line else None
        limit = usual.get(name) if own is None else own
        used = in_words(name, line.used if line else 0)
        return used if limit is None else f"{used} of {in_words(name, limit)}"

    gpus = [name for name in sorted({*by_name, *usual}, key=sort_key) if name.startswith(GPU_PREFIX)]
    return Person(
        user,
        words(JOBS),
        words(CPU),
        words(MEMORY),
        [f"{words(name)} {name.removeprefix(GPU_PREFIX)}" for name in gpus],
        any(line.limit is not None for line in lines),
    )
