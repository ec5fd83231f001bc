"""The report as rows of a file: those of the page, and each one that the page sums up as “Others”."""

from collections.abc import Iterator
from typing import Any

from jobs.usage.reading import Reader
from jobs.usage.report import Report, gpu_word, heading_of, make_report


def header(report: Report) -> list[str]:
    """The names of the columns, with units."""
    return [
        *(heading_of(report.asked.by), "from", "to", "CPU-hours"),
        *(f"GPU-hours {gpu_word(resource)}" for resource in report.gpus),
        *("memory GiB-hours", "jobs", "succeeded", "failed", "cancelled", "error"),
        *("median wait s", "90 % waited at most s"),
    ]


def all_rows(reader: Reader) -> Report:
    """The report without an end to its table."""
    return make_report(reader, most=None)


def export_rows(report: Report) -> Iterator[list[Any]]:
    """As `header` names them. Months that have begun are reported until now."""
    asked = report.asked
    for row in report.rows:
        amounts = row.usage.amounts
        label = f"{row.key:%Y-%m}" if asked.by == "month" else row.label
        yield [
            *(label, f"{asked.first:%Y-%m}", f"{asked.last:%Y-%m}", round(row.cpu_hours, 4)),
            *(round(hours, 4) for hours in row.gpu_hours),
            *(round(row.memory_hours, 4), row.jobs, amounts.succeeded, amounts.failed, amounts.cancelled),
            *(amounts.error, _whole(row.median_wait), _whole(row.longest_wait)),
        ]


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
