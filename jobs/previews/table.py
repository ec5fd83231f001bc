"""CSV and TSV as a table: the first rows, numbers to the right."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.previews.decoding import Head, visible_controls
from jobs.previews.kinds import extension_of

MOST_ROWS = 500
MOST_COLUMNS = 100
MOST_CELL_CHARACTERS = 400
SNIPPET_ROWS, SNIPPET_COLUMNS, SNIPPET_CELL = 8, 6, 24
DELIMITERS = (",", ";", "\t", "|")
JUDGED_LINES = 25
NUMBER = re.compile(r"[-+−]?(\d[\d ,._']*|\.\d+)([eE][-+]?\d+)?\s?%?|[-+]?(inf|Inf|INF)")
MISSING = frozenset({"", "NA", "NaN", "nan", "null", "None", "N/A", "-"})

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class ShownTable:
    """The table's HTML and what it says about itself."""

    html: SafeString
    note: str
    is_cut: bool


def render(head: Head, path: str) -> ShownTable | None:
    """The first MOST_ROWS rows; None when the text is no table."""
    rows = _parsed(head, path)
    if not rows:
        return None
    header, body = _split(rows)
    shown = body[:MOST_ROWS]
    width = max(len(row) for row in rows)
    html = _html(header, shown, min(width, MOST_COLUMNS), MOST_CELL_CHARACTERS)
    has_more = len(body) > len(shown)
    return ShownTable(html, _note(len(shown), len(body), width, is_cut=head.is_cut), has_more)


def snippet(head: Head, path: str) -> SafeString | None:
    """A small table of the first rows and columns."""
    rows = _parsed(head, path)
    if not rows:
        return None
    header, body = _split(rows)
    width = min(max(len(row) for row in rows), SNIPPET_COLUMNS)
    return _html(header, body[:SNIPPET_ROWS], width, SNIPPET_CELL)


def _parsed(head: Head, path: str) -> list[list[str]]:
    text = head.text or ""
    delimiter = "\t" if extension_of(path) in {".tsv", ".tab"} else delimiter_of(text)
    try:
        rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        return []
    # The last row of a cut file may miss its end.
    return rows[:-1] if head.is_cut and len(rows) > 1 else rows


def delimiter_of(text: str) -> str:
    """The delimiter that gives the most lines the same number of cells, more than one; a comma when none does."""
    lines = text.split("\n", JUDGED_LINES)[:JUDGED_LINES]
    return max(DELIMITERS, key=lambda delimiter: _agreement(lines, delimiter))


def _agreement(lines: list[str], delimiter: str) -> tuple[int, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return (0, 0)
    width = max(set(widths), key=widths.count, default=0)
    return (widths.count(width), width) if width > 1 else (0, 0)


def _split(rows: Rows) -> tuple[Sequence[str], Rows]:
    """The header (empty when the first row already has numbers in it) and the rest."""
    first = rows[0]
    has_header = not any(_is_number(cell) for cell in first) and any(cell.strip() for cell in first)
    return (first, rows[1:]) if has_header else ([], rows)


def _is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell.strip()) is not None


def _is_numeric(column: Iterable[str]) -> bool:
    values = [cell for cell in column if cell.strip() not in MISSING]
    return bool(values) and all(_is_number(cell) for cell in values)


def _html(header: Sequence[str], body: Rows, width: int, longest: int) -> SafeString:
    columns = range(width)
    numeric = [_is_numeric(row[i] for row in body if i < len(row)) for i in columns]
    marks = [SafeString(' class="num"') if is_numeric else SafeString("") for is_numeric in numeric]

    def line(cell: str, row: Sequence[str]) -> SafeString:
        cells = ((marks[i], _cell(row, i, longest)) for i in columns)
        return format_html("<tr>{}</tr>", format_html_join("", cell, cells))

    lines = format_html_join("", "{}", ((line("<td{}>{}</td>", row),) for row in body))
    top = line('<th scope="col"{}>{}</th>', header) if header else ""
    head = format_html("<thead>{}</thead>", top) if top else SafeString("")
    return format_html('<table class="preview-table">{}<tbody>{}</tbody></table>', head, lines)


def _cell(row: Sequence[str], index: int, longest: int) -> str:
    if index >= len(row):
        return ""
    cell = visible_controls(row[index][: longest + 1])
    return cell if len(cell) <= longest else cell[:longest] + "…"


def _note(shown: int, found: int, width: int, *, is_cut: bool) -> str:
    columns = f"{width:,} column{'' if width == 1 else 's'}"
    if width > MOST_COLUMNS:
        columns = f"first {MOST_COLUMNS} of {columns}"
    rows = f"{shown:,} row{'' if shown == 1 else 's'}"
    if is_cut:
        rows = f"first {rows}"
    elif shown < found:
        rows = f"first {shown:,} of {found:,} rows"
    return f"{rows}, {columns}"
