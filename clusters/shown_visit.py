"""A visit of the doctor as pages show it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from clusters.doctor.lines import is_of_environment, works_but_for_environments
from clusters.models import Cluster, DoctorRun

# A visit that nobody ended by then was lost with its worker.
LONGEST_VISIT = timedelta(minutes=10)
# The level of a line, as the badge that every page has for it, and its word.
LEVELS = {
    "pass": ("succeeded", "Passed"),
    "warn": ("error", "Warning"),
    "fail": ("failed", "Failed"),
    "skip": ("cancelled", "Skipped"),
}
# The levels that are shown before the others.
FIRST = {"fail": 0, "warn": 1}


@dataclass(frozen=True)
class Line:
    """One line of a visit."""

    key: str
    title: str
    level: str
    sentence: str
    fix: str
    fix_kind: str
    # The title of an earlier line that has the same fix: one paste puts both right.
    same_as: str = ""

    @property
    def badge(self) -> str:
        """For `status_mark`."""
        return LEVELS.get(self.level, LEVELS["skip"])[0]

    @property
    def word(self) -> str:
        """Passed, Warning, Failed, Skipped."""
        return LEVELS.get(self.level, LEVELS["skip"])[1]

    @property
    def is_pasted(self) -> bool:
        """The fix is a command or YAML, not a sentence."""
        return self.fix_kind in ("command", "yaml")


class Visit:
    """A visit of the doctor. `is_running` for at most LONGEST_VISIT."""

    def __init__(self, run: DoctorRun) -> None:
        self.run = run
        self.lines = _fixed_once(
            self._in_order([_line(line) for line in run.lines if isinstance(line, dict)])
        )

    def _in_order(self, lines: list[Line]) -> list[Line]:
        """What does not work comes first; while the doctor is there nothing moves."""
        return lines if self.is_running else sorted(lines, key=lambda line: FIRST.get(line.level, len(FIRST)))

    @property
    def is_running(self) -> bool:
        """The page comes back for more."""
        return self.run.ended_at is None and timezone.now() - self.run.asked_at < LONGEST_VISIT

    @property
    def is_lost(self) -> bool:
        """It never ended."""
        return self.run.ended_at is None and not self.is_running

    @property
    def failed(self) -> str:
        """Why no job can run there; "" where some can."""
        broken = () if self._works_otherwise else self._broken
        return next(
            (line.sentence for line in sorted(broken, key=lambda line: is_of_environment(line.key))), ""
        )

    @property
    def broken_environment(self) -> str:
        """The sentence about an environment that is broken while others work; "" where none is."""
        return self._broken[0].sentence if self._broken and self._works_otherwise else ""

    @property
    def _broken(self) -> list[Line]:
        return [line for line in self.lines if line.level == "fail"]

    @property
    def _works_otherwise(self) -> bool:
        return works_but_for_environments((line.key, line.level) for line in self.lines)

    @property
    def summary(self) -> str:
        """ "9 passed, 1 warning, 2 failed"."""
        levels = [line.level for line in self.lines]
        words = {"pass": "passed", "warn": "to look at", "fail": "failed", "skip": "skipped"}
        return ", ".join(f"{levels.count(level)} {word}" for level, word in words.items() if level in levels)


def ended_visits(clusters: Iterable[Cluster]) -> dict[int, Visit]:
    """The newest that has ended, by cluster."""
    ended = DoctorRun.objects.filter(cluster__in=list(clusters)).exclude(ended_at=None)
    newest = ended.order_by("cluster_id", "-id").distinct("cluster_id")
    return {run.cluster_id: Visit(run) for run in newest}


def last_visit(cluster: Cluster) -> Visit | None:
    """The newest."""
    run = DoctorRun.objects.filter(cluster=cluster).first()
    return Visit(run) if run else None


def _fixed_once(lines: list[Line]) -> list[Line]:
    """The same YAML or command is shown at the first line that asks for it; the others name that one."""
    found: list[Line] = []
    at: dict[str, str] = {}
    for line in lines:
        is_again = line.is_pasted and line.fix in at
        found.append(replace(line, same_as=at[line.fix]) if is_again else line)
        if line.is_pasted:
            at.setdefault(line.fix, line.title)
    return found


def _line(line: dict[str, Any]) -> Line:
    key, title, level, sentence, fix, fix_kind = (
        str(line.get(name) or "") for name in ("key", "title", "level", "sentence", "fix", "fix_kind")
    )
    return Line(key, title, level, sentence, fix, fix_kind)
