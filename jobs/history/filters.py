"""What the history is asked for: read from an address, written back to one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from jobs.lifecycle import ACTIVE, Status

ACTIVE_WORD = "active"
PERIODS = {"today": 0, "7d": 7, "30d": 30}
LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 120
# PostgreSQL finds pieces of a name by their trigrams: three characters at least.
SHORTEST_INDEXED_TEXT = 3


@dataclass(frozen=True)
class Filters:
    """One value per filter; empty or 0: everything. What an address says wrongly is left out."""

    status: str = ""
    owner: int = 0
    team: int = 0
    cluster: int = 0
    tag: str = ""
    time: str = ""
    start: str = ""
    end: str = ""
    text: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> "Filters":
        """The filters that a query string names."""
        status, period = query.get("status", ""), query.get("time", "")
        start, end = _day(query.get("start", "")), _day(query.get("end", ""))
        is_span = bool(start or end)
        return cls(
            status=status if status == ACTIVE_WORD or status in list(Status) else "",
            owner=number(query.get("owner")),
            team=number(query.get("team")),
            cluster=number(query.get("cluster")),
            tag=_words(query.get("tag", "")),
            time=period if period in PERIODS and not is_span else "",
            start=start.isoformat() if start else "",
            end=end.isoformat() if end else "",
            text=_words(query.get("text", "")),
        )

    @property
    def statuses(self) -> list[str]:
        """The statuses asked for; none: all of them."""
        if self.status == ACTIVE_WORD:
            return [str(status) for status in ACTIVE]
        return [self.status] if self.status else []

    @property
    def since(self) -> datetime | None:
        """Jobs submitted at this moment or later."""
        if self.time:
            return _midnight(timezone.localdate() - timedelta(days=PERIODS[self.time]))
        first = _day(self.start)
        return _midnight(first) if first else None

    @property
    def until(self) -> datetime | None:
        """Jobs submitted before this moment: the last day belongs to the span."""
        last = _day(self.end)
        return _midnight(last + timedelta(days=1)) if last else None

    @property
    def is_rare_by_index(self) -> bool:
        """True where an index finds the few matches of a tag or a text among all jobs."""
        return bool(self.tag) or len(self.text) >= SHORTEST_INDEXED_TEXT

    @property
    def is_any(self) -> bool:
        """True when something is filtered at all."""
        return self != Filters()

    def but(self, **changes: Any) -> "Filters":
        """The same with other values. A period and a span of days exclude each other."""
        if changes.get("time"):
            changes |= {"start": "", "end": ""}
        return replace(self, **changes)

    def url(self, **extra: Any) -> str:
        """The address of the history with these filters."""
        return self._address("job_list", extra)

    @property
    def counts_url(self) -> str:
        """The address of the counts alone."""
        return self._address("job_counts", {})

    @property
    def export_url(self) -> str:
        """The address of the same jobs as a file."""
        return self._address("job_export", {})

    def _address(self, view: str, extra: dict[str, Any]) -> str:
        query = urlencode({name: value for name, value in (vars(self) | extra).items() if value})
        return reverse(view) + (f"?{query}" if query else "")


def number(value: Any) -> int:
    """A positive id out of an address; 0 for anything else."""
    text = str(value or "")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return 0
    return int(text) if int(text) <= LARGEST_ID else 0


def _words(value: str) -> str:
    return value.replace("\0", "").strip()[:LONGEST_TEXT]


def _day(value: str) -> date | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if 1990 <= day.year <= 2200 else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
