"""What a usage report is asked for: read from an address, written back to one. Pure but for the clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from jobs.usage.counting import portal_zone

GROUPS = {"team": "Teams", "user": "People", "profile": "Profiles", "cluster": "Clusters", "month": "Months"}
MOST_MONTHS = 24
LONGEST_TEXT = 120
LARGEST_ID = 2**63 - 1


def this_month() -> date:
    """The first day of the month that it is now."""
    return timezone.localdate(timezone=portal_zone()).replace(day=1)


def month_after(month: date, count: int = 1) -> date:
    """The first day of the month that comes `count` months later; earlier for a negative one."""
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


@dataclass(frozen=True)
class Asked:
    """Whole months from `first` to `last`, both by their first day; the filters are 0 or "" for everything.

    What an address says wrongly is left out. MOST_MONTHS months at most: later ones count.
    """

    first: date
    last: date
    by: str = "team"
    team: int = 0
    user: int = 0
    cluster: int = 0
    text: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> "Asked":
        """What a query string names; this month without any."""
        named = [_month(query.get(name, "")) for name in ("from", "to")]
        given = sorted(month for month in named if month) or [this_month()]
        by = query.get("by", "")
        return cls(
            first=max(given[0], month_after(given[-1], 1 - MOST_MONTHS)),
            last=given[-1],
            by=by if by in GROUPS else "team",
            team=_id(query.get("team", "")),
            user=_id(query.get("user", "")),
            cluster=_id(query.get("cluster", "")),
            text=query.get("text", "").replace("\0", "").strip()[:LONGEST_TEXT],
        )

    @property
    def months(self) -> int:
        """How many."""
        return (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1

    @property
    def end(self) -> date:
        """The day after the last one."""
        return month_after(self.last)

    @property
    def days(self) -> list[date]:
        """Each of them."""
        return [self.first + timedelta(days=number) for number in range((self.end - self.first).days)]

    @property
    def is_filtered(self) -> bool:
        """True when not all is shown that the asker may see."""
        return bool(self.team or self.user or self.cluster or self.text)

    def moved(self, spans: int) -> "Asked":
        """As many months, so many times as long later."""
        count = spans * self.months
        return replace(self, first=month_after(self.first, count), last=month_after(self.last, count))

    def but(self, **changes: Any) -> "Asked":
        """The same with other values."""
        return replace(self, **changes)

    def url(self, view: str = "usage_report") -> str:
        """The report's address; `usage_export` is the same as a file."""
        query = urlencode({name: value for name, value in self.fields() if value})
        return reverse(view) + (f"?{query}" if query else "")

    def fields(self, *without: str) -> list[tuple[str, Any]]:
        """Names and values of the query string that say what is not usual; for a form, without what it has itself."""
        is_now = self.first == self.last == this_month()
        values = {
            "by": "" if self.by == "team" else self.by,
            "from": "" if is_now else f"{self.first:%Y-%m}",
            "to": "" if is_now else f"{self.last:%Y-%m}",
            **{"team": self.team, "user": self.user, "cluster": self.cluster, "text": self.text},
        }
        return [(name, value) for name, value in values.items() if value and name not in without]


def _month(text: str) -> date | None:
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return month if 2000 <= month.year <= 2200 else None


def _id(text: str) -> int:
    """A positive id; 0 for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return 0
    return min(int(text), LARGEST_ID)
