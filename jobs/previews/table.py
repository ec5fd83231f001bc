"""CSV and TSV as a table: the first rows, their columns' types, sorted by one of them when asked."""

import csv
from collections.abc import Sequence
from io import StringIO

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.previews import columns, grid
from jobs.previews.columns import Rows
from jobs.previews.decoding import Head, visible_controls
from jobs.previews.grid import MOST_ROWS, Column, Order, ShownTable
from jobs.previews.kinds import extension_of

SNIPPET_ROWS, SNIPPET_COLUMNS, SNIPPET_CELL = 8, 6, 24
DELIMITERS = (",", ";", "\t", "|")
JUDGED_LINES = 25


def render(head: Head, path: str, order: Order | None = None) -> ShownTable | None:
    """The first MOST_ROWS rows, or those that come first in `order` among all that `head` holds; None for no table."""
    rows = _parsed(head, path)
    if not rows:
        return None
    header, body = _split(rows)
    width = max(len(row) for row in rows)
    found = [_column(header, body, index) for index in range(min(width, grid.MOST_COLUMNS))]
    if order and order.column < len(found):
        kind = found[order.column].kind
        body = columns.sorted_by(body, order.column, kind, descending=order.descending)
    else:
        order = None
    shown = body[:MOST_ROWS]
    note = f"{_counted(len(shown), len(body), is_cut=head.is_cut)}, {grid.counted(width)}"
    if order:
        among = f" among the first {len(body):,} rows" if head.is_cut else ""
        note += f", sorted by {grid.label(found, order.column)}{among}"
    html = grid.html_of(found, shown, order)
    return ShownTable(html, note, len(body) > len(shown), is_sorted=order is not None)


def _column(header: Sequence[str], body: Rows, index: int) -> Column:
    kind = columns.type_of(columns.column(body, index))
    name = header[index] if index < len(header) else ""
    return Column(name, kind, kind in columns.NUMERIC)


def snippet(head: Head, path: str) -> SafeString | None:
    """A small table of the first rows and columns."""
    rows = _parsed(head, path)
    if not rows:
        return None
    header, body = _split(rows)
    width = min(max(len(row) for row in rows), SNIPPET_COLUMNS)
    return _small(header, body[:SNIPPET_ROWS], width)


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
    has_header = not any(columns.is_number(cell) for cell in first) and any(cell.strip() for cell in first)
    return (first, rows[1:]) if has_header else ([], rows)


def _small(header: Sequence[str], body: Rows, width: int) -> SafeString:
    places = range(width)
    kinds = [columns.type_of(columns.column(body, place)) for place in places]
    marks = [SafeString(' class="num"') if kind in columns.NUMERIC else SafeString("") for kind in kinds]

    def line(cell: str, row: Sequence[str]) -> SafeString:
        cells = ((marks[i], _cell(row, i)) for i in places)
        return format_html("<tr>{}</tr>", format_html_join("", cell, cells))

    lines = format_html_join("", "{}", ((line("<td{}>{}</td>", row),) for row in body))
    top = line('<th scope="col"{}>{}</th>', header) if header else ""
    head = format_html("<thead>{}</thead>", top) if top else SafeString("")
    return format_html('<table class="preview-table">{}<tbody>{}</tbody></table>', head, lines)


def _cell(row: Sequence[str], index: int) -> str:
    cell = visible_controls(row[index][: SNIPPET_CELL + 1]) if index < len(row) else ""
    return cell if len(cell) <= SNIPPET_CELL else cell[:SNIPPET_CELL] + "…"


def _counted(shown: int, found: int, *, is_cut: bool) -> str:
    rows = f"{shown:,} row{'' if shown == 1 else 's'}"
    if is_cut:
        return f"first {rows}"
    return f"first {shown:,} of {found:,} rows" if shown < found else rows
