"""A likely start as a range: rounded as people say it, in words, and judged as it was said. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf

MINUTE, HOUR, DAY = 60, 3600, 86400
# Up to so long a range is said in steps of so much.
STEPS = ((10 * MINUTE, MINUTE), (2 * HOUR, 5 * MINUTE), (12 * HOUR, 30 * MINUTE), (2 * DAY, HOUR), (inf, DAY))
# What is called the same unit as the end of the range.
UNITS = ((2 * HOUR, MINUTE, "min"), (2 * DAY, HOUR, "h"), (inf, DAY, "days"))
# Shares of the draws between which the range lies, and how much wider than the draws it is made: they know nothing of
# the jobs that are still to come. `manage.py simulate_month` says how often such ranges hold (docs/forecast.md).
EARLY_SHARE, LATE_SHARE = 0.06, 0.94
EARLIER, LATER = 0.9, 1.1


@dataclass(frozen=True)
class Range:
    """Seconds from now, as they are said: whole steps. `late` None: it cannot be said until when."""

    early: float
    late: float | None
    median: float | None = None

    def holds(self, seconds: float) -> bool:
        """Whether a start after so many seconds was right."""
        return self.early <= seconds and (self.late is None or seconds <= self.late)

    @property
    def words(self) -> str:
        """ "10–25 min", "20 min – 3 h", "less than 5 min", "more than 2 h"; to stand behind "in"."""
        if self.late is None:
            number, unit = _said(self.early)
            return f"more than {number} {_unit(number, unit)}"
        late, unit = _said(self.late)
        if self.early <= 0:
            return f"less than {late} {_unit(late, unit)}"
        early, early_unit = _said(self.early)
        if early_unit == unit:
            return f"{early} {_unit(early, unit)}" if early == late else f"{early}–{late} {unit}"
        return f"{early} {_unit(early, early_unit)} – {late} {_unit(late, unit)}"


def _said(seconds: float) -> tuple[str, str]:
    size, unit = next((size, unit) for most, size, unit in UNITS if seconds < most)
    return f"{seconds / size:g}", unit


def _unit(number: str, unit: str) -> str:
    return "day" if unit == "days" and number == "1" else unit


def _step(seconds: float) -> float:
    return next(step for most, step in STEPS if seconds < most)


def range_of(starts: Sequence[float], cut_at: Sequence[float] = ()) -> Range | None:
    """Of the draws in which it started, and of those that were cut off before it did (when). None: nothing to say."""
    count = len(starts) + len(cut_at)
    if not count:
        return None
    known = sorted(starts)
    # Where it was not reached it starts later than the cut, as far as is known.
    lowest = sorted([*starts, *cut_at])
    early = EARLIER * lowest[floor((count - 1) * EARLY_SHARE)]
    at = ceil((count - 1) * LATE_SHARE)
    late = LATER * known[at] if at < len(known) else None
    middle = (count - 1) // 2
    median = known[middle] if middle < len(known) else None
    early -= early % _step(early)
    if late is None:
        return Range(early, None, median) if early > 0 else None
    return Range(early, max(_up(late), MINUTE), median)


def _up(seconds: float) -> float:
    step = _step(seconds)
    return ceil(seconds / step) * step
