"""How a job's use is cut into days: nothing is lost and nothing counts twice, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.usage import waits
from jobs.usage.days import MILLISECOND, midnight, milliseconds_by_day
from jobs.usage.parts import Amounts, Used, by_day, keys, summed

BERLIN = ZoneInfo("Europe/Berlin")
# Clocks change at two in the night, at midnight forwards and backwards, by half an hour; a day is left out.
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Beirut",
    "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
]  # fmt: skip
HOUR = 3_600_000
moments = st.datetimes(datetime(2008, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
spans = st.timedeltas(timedelta(0), timedelta(days=70))


def used(**fields):
    values = {
        "id": 1, "team_id": 2, "owner_id": 3, "cluster_id": 4, "profile_label": "Small", "gpu_resource": "",
        "cpu_millis": 2000, "memory_bytes": 3 * 1024**2, "gpu_count": 0, "status": "succeeded",
        "created_at": datetime(2026, 3, 1, tzinfo=UTC), "running_at": None, "finishing_at": None,
        "finished_at": None,
    }  # fmt: skip
    return Used(**values | fields)


@given(moments, spans, st.sampled_from(ZONES))
def test_the_days_together_are_the_whole(start, span, zone):
    days = milliseconds_by_day(start, start + span, ZoneInfo(zone))
    ends = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in (start, start + span)]
    assert sum(days.values()) == (ends[1] - ends[0]) // MILLISECOND
    assert all(0 < amount <= 25 * HOUR for amount in days.values())
    assert list(days) == sorted(days)


@given(moments, spans, st.sampled_from(ZONES))
def test_each_day_has_what_lies_between_its_midnights(start, span, zone):
    zone, end = ZoneInfo(zone), start + span
    for day, amount in milliseconds_by_day(start, end, zone).items():
        inside = min(end, midnight(day + timedelta(days=1), zone)) - max(start, midnight(day, zone))
        assert abs(inside - amount * MILLISECOND) <= MILLISECOND
        assert max(start, midnight(day, zone)).astimezone(zone).date() == day


@given(st.lists(st.tuples(moments, spans), max_size=8), st.sampled_from(ZONES))
def test_months_and_days_and_everybodys_sums_are_the_same_whole(runs, zone):
    jobs = [
        used(id=number, owner_id=number % 3 + 1, running_at=at, finishing_at=at + span, finished_at=at + span)
        for number, (at, span) in enumerate(runs)
    ]
    totals = {}
    for key, amounts in summed(jobs, ZoneInfo(zone), datetime(2030, 1, 1, tzinfo=UTC)).items():
        totals.setdefault(key.grain, Amounts()).add(amounts)
    assert len({str(total) for total in totals.values()}) <= 1
    if jobs:
        whole = sum(sum(milliseconds_by_day(job.running_at, job.finished_at, UTC).values()) for job in jobs)
        assert totals["detail"].cpu == 2000 * whole
        assert totals["detail"].memory == 3 * whole
        assert totals["detail"].jobs == sum(totals["detail"].waits) == len(jobs)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)])
def test_a_day_is_as_long_as_its_clocks_say(day, hours):
    day = date.fromisoformat(day)
    span = midnight(day, BERLIN), midnight(day + timedelta(days=1), BERLIN)
    assert milliseconds_by_day(*span, BERLIN) == {day: hours * HOUR}


def test_a_job_over_the_turn_of_a_month_counts_in_both_and_ends_in_one():
    job = used(
        running_at=datetime(2026, 1, 31, 22, tzinfo=UTC),
        finishing_at=datetime(2026, 2, 1, 1, tzinfo=UTC),
        finished_at=datetime(2026, 2, 1, 2, tzinfo=UTC),
        created_at=datetime(2026, 1, 31, 21, 59, tzinfo=UTC),
    )
    days = dict(by_day(job, UTC, datetime(2026, 3, 1, tzinfo=UTC)))
    assert days[date(2026, 1, 31)] == Amounts(cpu=2000 * 2 * HOUR, memory=3 * 2 * HOUR)
    assert days[date(2026, 2, 1)].cpu == 2000 * HOUR
    assert days[date(2026, 2, 1)].succeeded == 1
    assert sum(days[date(2026, 2, 1)].waits) == 1
    assert {key.day for key in keys(job, date(2026, 2, 17))} == {
        date(2026, 2, 17),
        date(2026, 2, 1),
        date(2026, 1, 1),
    }


def test_a_script_that_never_started_is_a_job_that_used_nothing():
    job = used(status="error", finished_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert dict(by_day(job, UTC, job.finished_at)) == {date(2026, 2, 1): Amounts(error=1)}


def test_what_runs_has_used_what_it_used_so_far_and_is_no_outcome():
    job = used(status="running", running_at=datetime(2026, 2, 1, tzinfo=UTC), gpu_count=2, gpu_resource="a")
    days = dict(by_day(job, UTC, datetime(2026, 2, 1, 3, tzinfo=UTC)))
    assert days == {date(2026, 2, 1): Amounts(cpu=6000 * HOUR, memory=9 * HOUR, gpu=6 * HOUR)}


def test_an_end_before_the_start_counts_for_nothing():
    at = datetime(2026, 2, 1, tzinfo=UTC)
    assert milliseconds_by_day(at, at - timedelta(hours=1), UTC) == {}


@given(st.lists(st.floats(0, 3_000_000), min_size=1))
def test_a_median_out_of_steps_is_at_most_a_fifth_off(seconds):
    counts = []
    for one in seconds:
        step = waits.step_of(one)
        counts = waits.added(counts, [0] * step + [1])
    ordered = sorted(seconds)
    for share in (0.5, 0.9):
        exact = next(one for n, one in enumerate(ordered, start=1) if n >= share * len(ordered))
        found = waits.quantile(counts, share)
        assert abs(found - exact) <= 0.2 * (1 + exact)


def test_nobody_waited_is_no_median():
    assert waits.quantile([], 0.5) is None
    assert waits.quantile([0, 4], 0.5) < waits.quantile([0, 4], 0.9)
