"""What the report says about jobs beside what they used: how they ended and why, how long they ran, in what."""

from dataclasses import dataclass, field

from django.core.exceptions import EmptyResultSet
from django.db.models import Q

from jobs.models import Grain, OutcomeKind
from jobs.usage import waits
from jobs.usage.counting import portal_zone
from jobs.usage.outcomes import Tally, read_outcomes, tallied
from jobs.usage.reading import Reader

MOST_LINES = 8


@dataclass(frozen=True)
class Line:
    """One label; `bar`: per cent of the largest."""

    label: str
    jobs: int
    bar: int
    took: list[int] = field(default_factory=list)

    @property
    def median_took(self) -> float | None:
        """Seconds from the start of the script to its end; None where none started."""
        return waits.quantile(self.took, 0.5)


@dataclass(frozen=True)
class Statistics:
    """`took`: all together, in steps."""

    reasons: list[Line] = field(default_factory=list)
    environments: list[Line] = field(default_factory=list)
    profiles: list[Line] = field(default_factory=list)
    took: list[int] = field(default_factory=list)

    @property
    def median_took(self) -> float | None:
        """What half of the jobs ran for at most."""
        return waits.quantile(self.took, 0.5)

    @property
    def longest_took(self) -> float | None:
        """What nine of ten did not run longer than."""
        return waits.quantile(self.took, 0.9)


def make_statistics(reader: Reader) -> Statistics:
    """Of the jobs that the report is about, by the same rights. One statement; none where a text is looked for."""
    asked = reader.asked
    if asked.text:
        return Statistics()
    days = Q(day__gte=asked.first, day__lt=asked.end)
    is_everybody = reader.whole_grain == Grain.ALL
    try:
        read = read_outcomes(days & reader.scope.allowed(asked), is_everybody=is_everybody)
    except EmptyResultSet:
        read = {}
    for key, tally in tallied(reader.just_ended, portal_zone()).items():
        if asked.first <= key.day < asked.end and (key.team_id == 0) == is_everybody:
            read.setdefault((key.kind, key.label), Tally()).add(tally.jobs, tally.took)
    lines = {kind: _lines(read, kind) for kind in OutcomeKind}
    together = Tally()
    for (kind, _), tally in read.items():
        if kind == OutcomeKind.ENVIRONMENT:
            together.add(0, tally.took)
    return Statistics(
        reasons=lines[OutcomeKind.REASON],
        environments=lines[OutcomeKind.ENVIRONMENT],
        profiles=lines[OutcomeKind.PROFILE],
        took=together.took,
    )


def _lines(read: dict[tuple[str, str], Tally], kind: str) -> list[Line]:
    """The most frequent first."""
    found = sorted(
        ((tally, label) for (of, label), tally in read.items() if of == kind),
        key=lambda pair: (-pair[0].jobs, pair[1]),
    )
    largest = found[0][0].jobs if found else 1
    return [
        Line(_words(kind, label), tally.jobs, round(100 * tally.jobs / largest), tally.took)
        for tally, label in found[:MOST_LINES]
    ]


def _words(kind: str, label: str) -> str:
    if kind != OutcomeKind.REASON:
        return label or "not kept"
    status, _, reason = label.partition(":")
    return f"{status.capitalize()}: {reason.replace('_', ' ')}" if reason else status.capitalize()
