"""Figures, how they are printed and how they are kept."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

BASE = Path(__file__).resolve().parents[2]
RESULTS = BASE / "bench-results"
HEADING = ("bench", "figure", "value", "goal", "", "note")


@dataclass(frozen=True)
class Figure:
    """One measured value. `goal` is in words; `is_met` is None where a figure has no goal."""

    bench: str
    name: str
    value: float
    unit: str
    goal: str = ""
    is_met: bool | None = None
    note: str = ""

    @property
    def shown(self) -> str:
        digits = (
            0
            if abs(self.value) >= 100 or self.value == int(self.value)
            else 1
            if abs(self.value) >= 10
            else 2
        )
        return f"{self.value:,.{digits}f} {self.unit}"

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "MISSED"}[self.is_met]


def at_most(bench: str, name: str, value: float, unit: str, limit: float, note: str = "") -> Figure:
    """A figure whose goal is not to exceed `limit`."""
    return Figure(bench, name, value, unit, f"≤ {limit:g} {unit}", value <= limit, note)


def at_least(bench: str, name: str, value: float, unit: str, limit: float, note: str = "") -> Figure:
    """A figure whose goal is to reach `limit`."""
    return Figure(bench, name, value, unit, f"≥ {limit:g} {unit}", value >= limit, note)


def p50(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], part: int) -> float:
    """The value that `part` of 100 do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, min(len(ranked), -(-part * len(ranked) // 100)) - 1)]


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, -(-95 * len(ranked) // 100) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table with aligned columns."""
    return aligned([HEADING, *(cells(figure) for figure in figures)])


def cells(figure: Figure) -> tuple[str, ...]:
    """One figure's row below HEADING."""
    return (figure.bench, figure.name, figure.shown, figure.goal, figure.verdict, figure.note)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"


def machine() -> str:
    """What the figures were measured on, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load {load}, tree {tree()}, {datetime.now(UTC):%d %b %Y}"
    )


def tree() -> str:
    """The commit that is measured; a + when files differ from it."""
    command = ["git", "describe", "--always", "--dirty=+"]
    done = subprocess.run(command, cwd=BASE, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def keep(figures: Sequence[Figure]) -> Path:
    """Write all figures as JSON into bench-results/; the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    content = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path
