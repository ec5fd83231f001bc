"""What the log's page is asked for: read from an address, written back to one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

PERIODS = {"today": 0, "7d": 7, "30d": 30}
LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 200


@dataclass(frozen=True)
class Filters:
    """One value per filter; empty or 0: everything. What an address says wrongly is left out.

    `who` is an account's id; `by` the name of who has none, such as a command. `target` is "kind:id".
    """

    who: int = 0
    by: str = ""
    area: str = ""
    target: str = ""
    team: int = 0
    time: str = ""
    start: str = ""
    end: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> "Filters":
        """The filters that a query string names."""
        period = query.get("time", "")
        start, end = _day(query.get("start", "")), _day(query.get("end", ""))
        who = number(query.get("who"))
        return cls(
            who=who,
            by="" if who else _words(query.get("by", "")),
            area=_words(query.get("area", "")),
            target=_words(query.get("target", "")),
            team=number(query.get("team")),
            time=period if period in PERIODS and not (start or end) else "",
            start=start.isoformat() if start else "",
            end=end.isoformat() if end else "",
        )

    @property
    def since(self) -> datetime | None:
        """Entries of this moment or later."""
        if self.time:
            return _midnight(timezone.localdate() - timedelta(days=PERIODS[self.time]))
        first = _day(self.start)
        return _midnight(first) if first else None

    @property
    def until(self) -> datetime | None:
        """Entries before this moment: the last day belongs to the span."""
        last = _day(self.end)
        return _midnight(last + timedelta(days=1)) if last else None

    @property
    def is_any(self) -> bool:
        """True when something is filtered at all."""
        return self != Filters()

    def but(self, **changes: Any) -> "Filters":
        """The same with other values. A period and a span of days exclude each other, so do an account and a name."""
        for name, others in (("time", ("start", "end")), ("who", ("by",)), ("by", ("who",))):
            if changes.get(name):
                changes |= {other: type(getattr(self, other))() for other in others}
        return replace(self, **changes)

    def url(self, view: str = "audit_list", **extra: Any) -> str:
        """The address of the page with these filters."""
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
