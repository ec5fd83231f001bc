"""The charts of a report: hours by day (or by month), the largest groups apart. The page has the same as a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.usage.parts import Amounts
from jobs.usage.reading import Reader
from jobs.usage.report import CORE_HOUR, GPU_HOUR, Report, Row

MOST_SERIES = 5
OTHERS = "Others"
JOBS = "jobs"
OUTCOMES = (("succeeded", "4"), ("failed", "5"), ("error", "2"), ("cancelled", "rest"))
# An hour's rounding: what is less is no use of the others.
LITTLE = 0.005


@dataclass(frozen=True)
class Series:
    """One colour of a chart. `look`: 1 to 5, or "rest" for the others together."""

    label: str
    look: str
    values: list[float]


@dataclass(frozen=True)
class Chart:
    """`unit` is what the axis counts. Each series has a value for each step, the largest series first."""

    name: str
    unit: str
    is_by_day: bool
    steps: Sequence[date]
    series: list[Series]

    @property
    def is_counted(self) -> bool:
        """Whole numbers only: there is no half job."""
        return self.name == JOBS

    @property
    def lines(self) -> list[tuple[date, list[float]]]:
        """Step by step, for the table."""
        values = [one.values for one in self.series]
        return [(step, list(line)) for step, line in zip(self.steps, zip(*values, strict=True), strict=True)]


def make_charts(reader: Reader, report: Report) -> list[Chart]:
    """CPU-hours, GPU-hours where any GPU was used, and jobs by outcome. Two statements at most."""
    if report.is_empty:
        return []
    top = _top(report) if report.asked.by != "month" else []
    keys = {row.key for row in top}
    parts = reader.groups_by_step(keys) if keys else {}
    # Where a text is looked for, the groups that it does not find are nobody's business.
    whole = {} if report.asked.text else reader.whole_by_step()
    makers: list[tuple[str, str, Callable[[Amounts], float]]] = [
        ("cpu", "CPU-hours", lambda amounts: amounts.cpu / CORE_HOUR),
        ("gpu", "GPU-hours", lambda amounts: amounts.gpu / GPU_HOUR),
    ]
    charts = []
    for name, unit, hours in makers:
        if getattr(report.whole.usage.amounts, name):
            series = _series(top, report.steps, parts, whole, hours)
            charts.append(Chart(name, unit, reader.is_by_day, report.steps, series))
    if whole and report.whole.jobs:
        charts.append(Chart(JOBS, "Jobs", reader.is_by_day, report.steps, _outcomes(report.steps, whole)))
    return charts


def _outcomes(steps: Sequence[date], whole: Mapping[date, Amounts]) -> list[Series]:
    """How many jobs ended in each way; ways in which none did are left out."""
    nothing = Amounts()
    series = [
        Series(name.capitalize(), look, [float(getattr(whole.get(step, nothing), name)) for step in steps])
        for name, look in OUTCOMES
    ]
    return [one for one in series if any(one.values)]


def _top(report: Report) -> list[Row]:
    """The largest by their shares of cores and of GPUs: in every chart the same ones, in the same colours."""
    whole = report.whole.usage.amounts

    def share(row: Row) -> float:
        amounts = row.usage.amounts
        return amounts.cpu / max(1, whole.cpu) + amounts.gpu / max(1, whole.gpu)

    return sorted((row for row in report.rows if share(row)), key=share, reverse=True)[:MOST_SERIES]


def _series(
    top: Sequence[Row],
    steps: Sequence[date],
    parts: Mapping[tuple[Any, date], Amounts],
    whole: Mapping[date, Amounts],
    hours: Callable[[Amounts], float],
) -> list[Series]:
    nothing = Amounts()
    series = [
        Series(row.label, str(look), [hours(parts.get((row.key, step), nothing)) for step in steps])
        for look, row in enumerate(top, start=1)
    ]
    rest = [
        hours(whole.get(step, nothing)) - sum(one.values[at] for one in series)
        for at, step in enumerate(steps)
    ]
    if not series:
        return [Series("All together", "1", rest)]
    series = [one for one in series if any(one.values)]
    if max(rest, default=0) > LITTLE:
        series.append(Series(OTHERS, "rest", [max(0.0, value) for value in rest]))
    return series
