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

# The largest first; each with how many months its sums span.
OWNER_SPANS = ((Grain.OWNER_YEAR, 12), (Grain.OWNER_QUARTER, 3), (Grain.OWNER, 1))


def cover(first: date, end: date) -> dict[Grain, list[date]]:
    """The fewest of people's sums that make up the months from `first` to before `end`, by their first days. Pure."""
    days: dict[Grain, list[date]] = defaultdict(list)
    month = first
    while month < end:
        for grain, months in OWNER_SPANS:
            if (month.month - 1) % months == 0 and month_after(month, months) <= end:
                days[grain].append(month)
                month = month_after(month, months)
                break
    return dict(days)


def most_active_people(first: date, end: date, passes: Q, most: int) -> list[int]:
    """The ids of the `most` people who used most in the months from `first` to before `end`, the largest first.

    `passes` filters sums that tell people and clusters apart, and nothing else.
    """
    # Nothing is used in the future: the rest of this year counts as wanted, and one sum does for all of the year.
    if end > this_month():
        end = date(end.year + (end.month > 1), 1, 1)
    arms, values = _arms(cover(first, end).items(), passes)
    if not arms:
        return []
    with connection.cursor() as cursor:
        cursor.execute(LARGEST.format(arms=" UNION ALL ".join(arms)), [*values, most])
        return [owner for (owner,) in cursor.fetchall()]


def _arms(covered: Iterable[tuple[Grain, list[date]]], passes: Q) -> tuple[list[str], list[Any]]:
    """A statement for each kind of sum: each is read in its index alone, which PostgreSQL does not do for an OR."""
    arms: list[str] = []
    values: list[Any] = []
    for grain, days in covered:
        rows = UsageSum.objects.filter(
            passes, grain=grain, day__in=days, owner__isnull=False, team__isnull=True
        )
        try:
            text, given = rows.values_list("owner_id", "cpu", "gpu").query.sql_with_params()
        except EmptyResultSet:
            continue
        arms.append(f"({text})")
        values += given
    return arms, values


LARGEST = """
SELECT owner FROM ({arms}) AS kept (owner, cpu, gpu)
GROUP BY owner ORDER BY sum(cpu) DESC, sum(gpu) DESC, owner LIMIT %s
"""
