"""A comparison as a CSV file."""

from collections.abc import Iterable, Iterator
from typing import Any

from jobs.provenance.comparing import Row

HEADER_WORDS = ("Group", "What", "Differs")


def export_rows(rows: Iterable[Row]) -> Iterator[list[Any]]:
    """A number as itself, whole and exact; everything else as the page shows it."""
    for row in rows:
        cells = [cell.number if cell.number is not None else cell.text for cell in row.cells]
        yield [row.group, row.label, row.differs, *cells]
