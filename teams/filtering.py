"""Filters that live in a page's address: reading their values, spans of time, and menus of choices. For every list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.urls import get_script_prefix, reverse
from django.utils import timezone

PERIODS = {"today": 0, "7d": 7, "30d": 30}
PERIOD_LABELS = {"today": "Today", "7d": "Last 7 days", "30d": "Last 30 days"}
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Chip:
    """One choice: what it is called and where it leads."""

    label: str
    url: str
    is_active: bool


@dataclass(frozen=True)
class Menu:
    """The choices of one filter, for `_filter_menus.html`. `chosen` is what to show on it while it filters.

    `search_url`: where to look for what is not listed.
    """

    name: str
    label: str
    chips: list[Chip]
    chosen: str = ""
    search_url: str = ""


@dataclass(frozen=True, kw_only=True)
class InTime:
    """The part of filters that is a period up to now, or a span of days; both are empty for any time."""

    time: str = ""
    start: str = ""
    end: str = ""

    @property
    def since(self) -> datetime | None:
        """What is of this moment or later."""
        if self.time:
            return _midnight(timezone.localdate() - timedelta(days=PERIODS[self.time]))
        first = _day(self.start)
        return _midnight(first) if first else None

    @property
    def until(self) -> datetime | None:
        """What is before this moment: the last day belongs to the span."""
        last = _day(self.end)
        return _midnight(last + timedelta(days=1)) if last else None

    @property
    def span(self) -> str:
        """The days as people read them; "" where they are not asked for."""
        return f"{self.start or '…'} – {self.end or 'today'}" if self.start or self.end else ""


def in_time(query: Mapping[str, Any]) -> dict[str, str]:
    """The fields of InTime that a query string names; what it says wrongly is left out."""
    period = query.get("time", "")
    start, end = _day(query.get("start", "")), _day(query.get("end", ""))
    return {
        "time": period if period in PERIODS and not (start or end) else "",
        "start": start.isoformat() if start else "",
        "end": end.isoformat() if end else "",
    }


def number(value: Any) -> int:
    """A positive id out of an address; 0 for anything else."""
    text = str(value or "")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return 0
    return int(text) if int(text) <= LARGEST_ID else 0


def words(value: str, longest: int) -> str:
    """A text out of an address, as the database takes it."""
    return value.replace("\0", "").strip()[:longest]


def address(view: str, values: Mapping[str, Any]) -> str:
    """The page with these filters; empty ones are not named."""
    query = urlencode({name: value for name, value in values.items() if value})
    return _page(view, get_script_prefix()) + (f"?{query}" if query else "")


@lru_cache(maxsize=64)
def _page(view: str, prefix: str) -> str:
    """Its address, which `prefix` begins: a page of the history names dozens of its own."""
    return reverse(view)


def _day(value: str) -> date | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if 1990 <= day.year <= 2200 else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
