"""Curves for a chart: one for each metric, with a line for each job."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.metrics import curve
from jobs.models import Metric
from jobs.provenance.wording import number_text

CHARTS_ON_A_PAGE = 12
# Of all lines of a chart together; and of a line in the table beside it.
MOST_POINTS, LEAST_POINTS, MOST_TOLD = 1200, 60, 12


@dataclass(frozen=True)
class CurveLine:
    """One job's curve. `look`: 1 to 20, the same job has the same in all charts."""

    label: str
    look: int
    points: list[curve.Point]

    @property
    def told(self) -> list[tuple[str, str]]:
        """A few points as texts, for the table."""
        few = curve.thinned(self.points, MOST_TOLD)
        return [(number_text(step), number_text(value)) for step, value in few]


@dataclass(frozen=True)
class Chart:
    """One metric."""

    name: str
    number: int
    lines: list[CurveLine]

    @property
    def key(self) -> str:
        """Id of its data in the page."""
        return f"curve-{self.number}"

    @property
    def data(self) -> dict[str, Any]:
        """For static/js/curves.js."""
        return {
            "name": self.name,
            "lines": [
                {
                    "label": line.label,
                    "look": line.look,
                    "steps": [step for step, _ in line.points],
                    "values": [value for _, value in line.points],
                }
                for line in self.lines
            ],
        }


@dataclass(frozen=True)
class Charts:
    """A page of them. `before` and `after`: numbers of the neighbouring pages, 0 for none."""

    charts: list[Chart]
    before: int = 0
    after: int = 0


def charts_of(labels: Mapping[int, str], page: int = 1) -> Charts:
    """`labels`: name of each attempt's line. Only metrics with more than one value have a curve. Two statements."""
    rows = Metric.objects.filter(attempt_id__in=labels, count__gt=1)
    page = max(1, page)
    first = (page - 1) * CHARTS_ON_A_PAGE
    # Each attempt has a bounded number of names, so this is a short list.
    names = sorted(set(rows.values_list("name", flat=True)))
    chosen = names[first : first + CHARTS_ON_A_PAGE]
    lines = _lines(labels, rows.filter(name__in=chosen))
    charts = [Chart(name, number, lines[name]) for number, name in enumerate(chosen, first + 1)]
    return Charts(charts, page - 1, page + 1 if len(names) > first + CHARTS_ON_A_PAGE else 0)


def _lines(labels: Mapping[int, str], rows: Any) -> dict[str, list[CurveLine]]:
    looks = {attempt_id: look for look, attempt_id in enumerate(labels, 1)}
    most = max(LEAST_POINTS, MOST_POINTS // max(1, len(labels)))
    by_name: dict[str, list[CurveLine]] = defaultdict(list)
    metrics: Sequence[Metric] = sorted(rows, key=lambda metric: looks[metric.attempt_id])
    for metric in metrics:
        points = curve.thinned(zip(metric.steps, metric.values, strict=True), most)
        line = CurveLine(labels[metric.attempt_id], looks[metric.attempt_id], points)
        by_name[metric.name].append(line)
    return by_name
