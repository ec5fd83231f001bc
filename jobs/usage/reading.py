"""Reads the sums that a report shows: whole, by group, by day. What runs now is added to all of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import DateField, F, Q, QuerySet, Sum
from django.db.models.functions import Cast, TruncMonth

from jobs.models import Grain, UsageSum
from jobs.usage import waits
from jobs.usage.asked import Asked
from jobs.usage.live import live_jobs, live_sums
from jobs.usage.parts import NUMBERS, Amounts, Key
from jobs.usage.ranking import SPANS, most_active
from jobs.usage.scope import Scope, found

# PostgreSQL makes a moment of it, Django a date again; what is read past Django should be one, too.
MONTH = Cast(TruncMonth("day"), DateField())
FIELDS: dict[str, Any] = {
    "team": F("team_id"),
    "user": F("owner_id"),
    "profile": F("profile_label"),
    "cluster": F("cluster_id"),
    "month": MONTH,
}
LONGEST_BY_DAY = 3
# What charts show.
STEPPED = ("cpu", "gpu", "succeeded", "failed", "cancelled", "error")
# What all jobs together used has one key.
WHOLE = ""


@dataclass
class Usage:
    """What one group used; `gpus` by the resource's name, in GPU-milliseconds."""

    amounts: Amounts = field(default_factory=Amounts)
    gpus: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, gpu_resource: str, amounts: Amounts) -> None:
        """Take another sum in."""
        self.amounts.add(amounts)
        if gpu_resource:
            self.gpus[gpu_resource] += amounts.gpu


class Reader:
    """Of one report. Rows are read by statements whose number does not depend on what they find."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked = scope, asked
        self.grain = scope.grain(asked)
        self.is_by_day = asked.months <= LONGEST_BY_DAY
        jobs = live_jobs(scope.allowed(asked) & found(asked))
        self.running = sum(job.finished_at is None for job in jobs)
        self.just_ended = [job for job in jobs if job.finished_at is not None]
        self._live = [pair for pair in live_sums(jobs).items() if self._is_asked(pair[0])]

    @property
    def whole_grain(self) -> Grain:
        """The sums for all groups together: a text is looked for in names that the coarsest ones do not have."""
        is_coarse = self.grain != Grain.DETAIL and not self.asked.text
        return Grain.ALL if is_coarse else self.grain

    def whole(self) -> Usage:
        """All groups together."""
        rows = self._rows(self.whole_grain)
        usage = self._usages(rows, None).get(WHOLE, Usage())
        usage.amounts.waits = self._waits(rows, None).get(WHOLE, [])
        for key, amounts in self._live_of(self.whole_grain):
            usage.add(key.gpu_resource, amounts)
        return usage

    def groups(self, most: int | None) -> dict[Any, Usage]:
        """By key of the group, the largest first: `most` of them, and whoever runs something now."""
        rows, by = self._rows(self.grain), self.asked.by
        live = [(group_of(key, by), key, amounts) for key, amounts in self._live_of(self.grain)]
        grouped = rows.annotate(group=FIELDS[by])
        if most is not None:
            keys = {*self._largest(grouped, most), *(group for group, _, _ in live)}
            grouped = grouped.filter(group__in=keys)
        usages = self._usages(grouped, "group")
        for group, counts in self._waits(grouped, "group").items():
            usages[group].amounts.waits = counts
        for group, key, amounts in live:
            usages.setdefault(group, Usage()).add(key.gpu_resource, amounts)
        return dict(sorted(usages.items(), key=lambda pair: _rank(*pair))[:most])

    def _largest(self, grouped: QuerySet[Any], most: int) -> Iterable[Any]:
        """The keys of the groups that used most, but for what runs now."""
        if self.grain in SPANS:
            passes = self.scope.allowed(self.asked) & found(self.asked)
            return most_active(self.grain, self.asked.first, self.asked.end, passes, most)
        largest = grouped.values("group").annotate(c=Sum("cpu"), g=Sum("gpu")).order_by("-c", "-g", "group")
        return largest.values_list("group", flat=True)[:most]

    def steps(self) -> list[date]:
        """The days of the chart, or the months of a long span."""
        if self.is_by_day:
            return self.asked.days
        return sorted({day.replace(day=1) for day in self.asked.days})

    def whole_by_step(self) -> dict[date, Amounts]:
        """What all together used in each step; steps without use are left out."""
        found_ = self._by_step(self._rows(self.whole_grain), self.whole_grain, None)
        return {step: amounts for (_, step), amounts in found_.items()}

    def groups_by_step(self, keys: Collection[Any]) -> dict[tuple[Any, date], Amounts]:
        """The same for each of these groups."""
        # The months of teams and people tell no days apart.
        is_coarse = self.grain in (Grain.TEAM, Grain.OWNER) and self.is_by_day
        grain = Grain.DETAIL if is_coarse else self.grain
        rows = self._rows(grain).annotate(group=FIELDS[self.asked.by]).filter(group__in=keys)
        found_ = self._by_step(rows, grain, self.asked.by)
        return {pair: amounts for pair, amounts in found_.items() if pair[0] in keys}

    def _rows(self, grain: Grain) -> QuerySet[UsageSum]:
        days = Q(grain=grain, day__gte=self.asked.first, day__lt=self.asked.end)
        # Said for the planner: only the indexes by team and by owner have such rows.
        days &= {Grain.TEAM: Q(team__isnull=False), Grain.OWNER: Q(owner__isnull=False)}.get(grain, Q())
        return UsageSum.objects.filter(days & self.scope.allowed(self.asked) & found(self.asked))

    def _usages(self, rows: QuerySet[Any], group: str | None) -> dict[Any, Usage]:
        names = [group] if group else []
        sums = rows.values(*names, "gpu_resource").annotate(**{f"sum_{name}": Sum(name) for name in NUMBERS})
        usages: dict[Any, Usage] = {}
        for row in sums.values_list(*names, "gpu_resource", *(f"sum_{name}" for name in NUMBERS)):
            *keys, gpu_resource = row[: -len(NUMBERS)]
            amounts = Amounts.of(int(number) for number in row[-len(NUMBERS) :])
            usages.setdefault(keys[0] if keys else WHOLE, Usage()).add(gpu_resource, amounts)
        return usages

    def _waits(self, rows: QuerySet[Any], group: str | None) -> dict[Any, list[int]]:
        names = [group] if group else []
        try:
            inner, values = rows.values_list(*names, "waits").query.sql_with_params()
        except EmptyResultSet:
            # Nobody may be seen: Django does not ask the database for that.
            return {}
        columns = "grouped, waits" if group else "waits"
        key = "grouped" if group else "''"
        text = WAITS.format(inner=inner, columns=columns, key=key)
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            read: dict[Any, list[int]] = defaultdict(lambda: [0] * waits.STEPS)
            for name, step, count in cursor.fetchall():
                read[name][step - 1] = int(count)
        return dict(read)

    def _by_step(self, rows: QuerySet[Any], grain: Grain, by: str | None) -> dict[tuple[Any, date], Amounts]:
        step = F("day") if self.is_by_day else MONTH
        names = ["group", "step"] if by else ["step"]
        summed = {f"sum_{name}": Sum(name) for name in STEPPED}
        sums = rows.annotate(step=step).values(*names).annotate(**summed)
        read: dict[tuple[Any, date], Amounts] = defaultdict(Amounts)
        for row in sums.values_list(*names, *summed):
            *keys, when = row[: -len(STEPPED)]
            amounts = read[keys[0] if keys else WHOLE, when]
            for name, number in zip(STEPPED, row[-len(STEPPED) :], strict=True):
                setattr(amounts, name, getattr(amounts, name) + int(number))
        for key, amounts in self._live_of(grain):
            when = key.day if self.is_by_day else key.day.replace(day=1)
            read[group_of(key, by) if by else WHOLE, when].add(amounts)
        return dict(read)

    def _live_of(self, grain: Grain) -> Iterable[tuple[Key, Amounts]]:
        return [(key, amounts) for key, amounts in self._live if key.grain == grain]

    def _is_asked(self, key: Key) -> bool:
        return self.asked.first <= key.day < self.asked.end


def group_of(key: Key, by: str) -> Any:
    """To which group of a report a sum belongs."""
    if by == "month":
        return key.day.replace(day=1)
    return getattr(
        key, {"team": "team_id", "user": "owner_id", "cluster": "cluster_id"}.get(by, "profile_label")
    )


def _rank(group: Any, usage: Usage) -> tuple[Any, ...]:
    """Months in their order, everything else by what it used."""
    if isinstance(group, date):
        return (group,)
    return (-usage.amounts.cpu, -usage.amounts.gpu, -usage.amounts.jobs, str(group))


# Each sum has its counts as an array; here they are added up step by step.
WAITS = """
SELECT {key}, step, sum(jobs) FROM ({inner}) AS kept ({columns}), unnest(waits) WITH ORDINALITY AS u (jobs, step)
WHERE jobs > 0 GROUP BY 1, 2
"""
