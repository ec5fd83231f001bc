"""The sums made anew from the jobs themselves: to audit them, and to mend them after a change of the time zone."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Job, OutcomeSum, PastJob, UsageSum
from jobs.usage.counting import portal_zone, write
from jobs.usage.outcomes import kept_outcomes, tallied, write_outcomes
from jobs.usage.parts import COLUMNS, NUMBERS, Amounts, Key, Sums, Used, summed

# Nobody adds to the sums meanwhile; reading them goes on.
LOCK = "LOCK TABLE jobs_usagesum, jobs_outcomesum IN SHARE ROW EXCLUSIVE MODE"
ROWS = 5000


@transaction.atomic
def differences() -> list[str]:
    """A sentence for each sum that is not what the counted jobs make; [] when all is right."""
    _lock()
    expected, kept = _expected(), _kept()
    nothing = Amounts()
    wrong = sorted(
        key for key in expected.keys() | kept.keys() if expected.get(key, nothing) != kept.get(key, nothing)
    )
    said = [f"{_words(key)}: {kept.get(key)} is kept, the jobs make {expected.get(key)}" for key in wrong]
    return said + _different_outcomes()


def _different_outcomes() -> list[str]:
    expected, kept = tallied(_counted_jobs(), portal_zone()), kept_outcomes()
    wrong = sorted(key for key in expected.keys() | kept.keys() if expected.get(key) != kept.get(key))
    return [f"{key}: {kept.get(key)} is kept, the jobs make {expected.get(key)}" for key in wrong]


@transaction.atomic
def rebuild() -> int:
    """Replace all sums by what the counted jobs make; how many there are."""
    _lock()
    sums = _expected()
    UsageSum.objects.all().delete()
    ordered = sorted(sums)
    for start in range(0, len(ordered), ROWS):
        write({key: sums[key] for key in ordered[start : start + ROWS]})
    OutcomeSum.objects.all().delete()
    write_outcomes(tallied(_counted_jobs(), portal_zone()))
    return len(sums)


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK)


def _expected() -> Sums:
    # They have ended: "now" counts for none of them.
    return summed(_counted_jobs(), portal_zone(), timezone.now())


def _counted_jobs() -> Iterator[Used]:
    """One statement for those that are there and those that are gone: a job that goes meanwhile is read once."""
    there = Job.objects.filter(usage_counted_at__isnull=False).values_list(*COLUMNS)
    gone = PastJob.objects.values_list(*COLUMNS)
    for row in there.union(gone, all=True).iterator(ROWS):
        yield Used(*row)


def _kept() -> Sums:
    names = [*Key._fields, *NUMBERS, "waits"]
    rows = UsageSum.objects.values_list(*names).iterator(ROWS)
    return {_key(row[: len(Key._fields)]): Amounts(*row[len(Key._fields) :]) for row in rows}


def _key(row: tuple[Any, ...]) -> Key:
    key = Key(*row)
    return key._replace(team_id=key.team_id or 0, owner_id=key.owner_id or 0)


def _words(key: Key) -> str:
    return ", ".join(f"{name} {value}" for name, value in key._asdict().items() if value)
