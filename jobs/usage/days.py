"""A span of time, cut at the midnights of a time zone. Pure."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

MILLISECOND = timedelta(milliseconds=1)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When the day begins there, in UTC; a midnight that the clocks skip is the moment at which they skip it."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def milliseconds_by_day(start: datetime, end: datetime, zone: tzinfo) -> dict[date, int]:
    """How much of the span lies in each day, in whole milliseconds: their sum is the whole. Aware times.

    An empty span, or one whose end lies before its start, is {}.
    """
    begun, ended = _whole(start), _whole(end)
    days: dict[date, int] = {}
    day = begun.astimezone(zone).date()
    while begun < ended:
        day += timedelta(days=1)
        cut = min(midnight(day, zone), ended)
        if cut > begun:
            days[day - timedelta(days=1)] = (cut - begun) // MILLISECOND
            begun = cut
    return days


def _whole(moment: datetime) -> datetime:
    """To the millisecond, in UTC: differences of times in one zone would ignore its changes of the clock."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
