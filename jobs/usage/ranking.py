"""Who used most in a span of months: read from sums of years and quarters where the span contains them whole."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q

from jobs.models import Grain, UsageSum
from jobs.usage.asked import month_after, this_month

# For what can be ranked so: the column, and its sums, the largest first, each with how many months it spans.
SPANS: dict[Grain, tuple[str, tuple[tuple[Grain, int], ...]]] = {
    Grain.TEAM: ("team", ((Grain.TEAM_YEAR, 12), (Grain.TEAM_QUARTER, 3), (Grain.TEAM, 1))),
    Grain.OWNER: ("owner", ((Grain.OWNER_YEAR, 12), (Grain.OWNER_QUARTER, 3), (Grain.OWNER, 1))),
}


def cover(of: Grain, first: date, end: date) -> dict[Grain, list[date]]:
    """The fewest sums that make up the months from `first` to before `end`, by their first days. Pure."""
    days: dict[Grain, list[date]] = defaultdict(list)
    month = first
    while month < end:
        for grain, months in SPANS[of][1]:
            if (month.month - 1) % months == 0 and month_after(month, months) <= end:
                days[grain].append(month)
                month = month_after(month, months)
                break
    return dict(days)


def most_active(of: Grain, first: date, end: date, passes: Q, most: int) -> list[int]:
    """The ids of the `most` teams or people (`of`: TEAM, OWNER) who used most in the months from `first` to before
    `end`, the largest first.

    `passes` filters sums that tell them and clusters apart, and nothing else.
    """
    # Nothing is used in the future: the rest of this year counts as wanted, and one sum does for all of the year.
    if end > this_month():
        end = date(end.year + (end.month > 1), 1, 1)
    arms, values = _arms(of, cover(of, first, end).items(), passes)
    if not arms:
        return []
    with connection.cursor() as cursor:
        cursor.execute(LARGEST.format(arms=" UNION ALL ".join(arms)), [*values, most])
        return [key for (key,) in cursor.fetchall()]


def _arms(of: Grain, covered: Iterable[tuple[Grain, list[date]]], passes: Q) -> tuple[list[str], list[Any]]:
    """A statement for each kind of sum: each is read in its index alone, which PostgreSQL does not do for an OR."""
    arms: list[str] = []
    values: list[Any] = []
    column = SPANS[of][0]
    # Said for the planner, as the indexes have it.
    of_one = Q(team__isnull=column != "team", owner__isnull=column != "owner")
    for grain, days in covered:
        rows = UsageSum.objects.filter(passes, of_one, grain=grain, day__in=days)
        try:
            text, given = rows.values_list(f"{column}_id", "cpu", "gpu").query.sql_with_params()
        except EmptyResultSet:
            continue
        arms.append(f"({text})")
        values += given
    return arms, values


LARGEST = """
SELECT key FROM ({arms}) AS kept (key, cpu, gpu)
GROUP BY key ORDER BY sum(cpu) DESC, sum(gpu) DESC, key LIMIT %s
"""
