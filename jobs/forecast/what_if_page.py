"""The page "What if": fields with limits, and what would have come of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clusters.models import Profile
from jobs.forecast.replay import Lines, Waits, limits_of_all, read_past, replay, with_limits
from teams.models import Scope, Team
from teams.quota import resources
from teams.quota.book import Account


@dataclass(frozen=True)
class LimitField:
    """One resource; its name in the address is the resource's own."""

    name: str
    label: str
    hint: str
    value: str
    error: str = ""


@dataclass(frozen=True)
class Cell:
    """A wait as it was and as it would be; seconds. `change` in words; `look`: better, worse or ""."""

    label: str
    before: float | None
    after: float | None

    @property
    def look(self) -> str:
        """What the change is; less than a second is none."""
        if self.before is None or self.after is None or abs(self.after - self.before) < 1:
            return ""
        return "better" if self.after < self.before else "worse"

    @property
    def difference(self) -> float:
        """Seconds, without its sign."""
        return abs((self.after or 0) - (self.before or 0))


@dataclass(frozen=True)
class Row:
    """A team: `bars` are widths of 0 to 100 for nine of ten, before and after."""

    name: str
    is_own: bool
    before: Waits
    after: Waits
    bars: tuple[int, int]

    @property
    def cells(self) -> list[Cell]:
        """The three waits."""
        return [
            Cell("Median wait", self.before.median, self.after.median),
            Cell("9 of 10 at most", self.before.nine_of_ten, self.after.nine_of_ten),
            Cell("Longest", self.before.longest, self.after.longest),
        ]


@dataclass
class WhatIf:
    """`rows` None: nothing was asked yet, or something typed is wrong."""

    fields: list[LimitField]
    rows: list[Row] | None = None
    jobs: int = 0
    is_cut: bool = False
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Something that was typed cannot be read."""
        return any(each.error for each in self.fields)


def make_what_if(team: Team, query: Mapping[str, str]) -> WhatIf:
    """Replays only what an address asks for: one that names a limit. What it leaves out stays as it is."""
    present = limits_of_all(team, frozenset())
    fields, proposed = _read(team, present, query)
    page = WhatIf(fields, typed={name: query[name] for name in proposed if name in query})
    if page.has_errors or not any(each.name in query for each in fields):
        return page
    past = read_past(team)
    lines = limits_of_all(team, past.sharing)
    before, after = replay(past, lines), replay(past, with_limits(lines, team.pk, proposed))
    page.jobs, page.is_cut, page.rows = len(past.jobs), past.is_cut, _rows(team, before, after)
    return page


def _read(
    team: Team, lines: Lines, query: Mapping[str, str]
) -> tuple[list[LimitField], dict[str, int | None]]:
    fields, proposed = [], {}
    for resource in _resources(team, lines):
        line = lines[team.pk].get(Account(Scope.TEAM, resource))
        usual = resources.as_typed(resource, line.limit if line else None)
        value, error = query.get(resource, usual).replace("\0", "")[:60], ""
        try:
            proposed[resource] = resources.from_typed(resource, value)
        except resources.AmountInvalid as wrong:
            error = str(wrong)
        noun = resources.noun(resource)
        fields.append(LimitField(resource, noun[:1].upper() + noun[1:], _hint(resource), value, error))
    return fields, proposed


def _resources(team: Team, lines: Lines) -> list[str]:
    """The usual ones, those with a limit, and every type of GPU that a profile has."""
    limited = {account.resource for account in lines[team.pk] if account.scope == Scope.TEAM}
    gpus = (
        Profile.objects.filter(gpu_count__gt=0)
        .exclude(gpu_resource="")
        .values_list("gpu_resource", flat=True)
    )
    limited -= set(resources.BUDGETS)
    found = {*resources.BASIC, *limited, *(resources.gpu(each) for each in gpus.distinct())}
    return sorted(found, key=resources.sort_key)


def _hint(resource: str) -> str:
    return {resources.CPU: "cores", resources.MEMORY: "GiB"}.get(resource, "at once")


def _rows(team: Team, before: Mapping[int, Waits], after: Mapping[int, Waits]) -> list[Row]:
    names = dict(Team.objects.filter(pk__in=before).values_list("pk", "name"))
    most = max((each.nine_of_ten or 0 for each in [*before.values(), *after.values()]), default=0)
    rows = [
        Row(
            names.get(each, "A team that is gone"),
            each == team.pk,
            before[each],
            after[each],
            (_percent(before[each].nine_of_ten, most), _percent(after[each].nine_of_ten, most)),
        )
        for each in before
    ]
    return sorted(rows, key=lambda row: (not row.is_own, row.name))


def _percent(part: float | None, whole: float) -> int:
    return round(100 * (part or 0) / whole) if whole else 0
