"""The table on a file's page: names and types of the columns, links that sort, rows of text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.previews.decoding import visible_controls

MOST_ROWS = 500
MOST_COLUMNS = 100
MOST_CELL_CHARACTERS = 400
MOST_NAME_CHARACTERS = 80
ORDER = re.compile(r"(-?)([1-9][0-9]{0,3})")


@dataclass(frozen=True)
class Order:
    """By which column the rows are asked for; the first is 0."""

    column: int
    descending: bool = False

    @property
    def parameter(self) -> str:
        """As it stands in an address: `3`, `-3`; the first column is 1."""
        return f"{'-' if self.descending else ''}{self.column + 1}"


@dataclass(frozen=True)
class Column:
    """`name` is empty where the file has none."""

    name: str
    kind: str
    is_numeric: bool = False


@dataclass(frozen=True)
class ShownTable:
    """The table's HTML and what it says about itself."""

    html: SafeString
    note: str
    is_cut: bool
    is_sorted: bool = False


def order_of(parameter: str) -> Order | None:
    """The order that an address asks for; None for none, and for what nobody's link says."""
    found = ORDER.fullmatch(parameter)
    return Order(int(found[2]) - 1, bool(found[1])) if found else None


def label(columns: Sequence[Column], index: int) -> str:
    """The column's name in a sentence."""
    name = visible_controls(columns[index].name).strip()
    return f"“{_cut(name, MOST_NAME_CHARACTERS)}”" if name else f"column {index + 1}"


def html_of(columns: Sequence[Column], rows: Sequence[Sequence[str]], order: Order | None) -> SafeString:
    """The rows' first MOST_COLUMNS cells, each cut to MOST_CELL_CHARACTERS."""
    columns = columns[:MOST_COLUMNS]
    marks = [SafeString(' class="num"') if column.is_numeric else SafeString("") for column in columns]
    heads = format_html_join("", "{}", ((_head(columns, i, order),) for i in range(len(columns))))

    def line(row: Sequence[str]) -> SafeString:
        cells = ((mark, _cell(row, i)) for i, mark in enumerate(marks))
        return format_html("<tr>{}</tr>", format_html_join("", "<td{}>{}</td>", cells))

    lines = format_html_join("", "{}", ((line(row),) for row in rows))
    table = '<table class="preview-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    return format_html(table, heads, lines)


def _head(columns: Sequence[Column], index: int, order: Order | None) -> SafeString:
    column = columns[index]
    is_here = order is not None and order.column == index
    turned = Order(index, descending=is_here and order is not None and not order.descending)
    now = ("descending" if order and order.descending else "ascending") if is_here else ""
    return format_html(
        '<th scope="col"{}{}><a class="column-sort" href="?sort={}" title="Sort by {}, {}">{}</a>'
        '<span class="column-type">{}</span></th>',
        SafeString(' class="num"' if column.is_numeric else ""),
        format_html(' aria-sort="{}"', now) if now else "",
        turned.parameter,
        label(columns, index),
        "largest first" if turned.descending else "smallest first",
        _cut(visible_controls(column.name[:MOST_CELL_CHARACTERS]).strip(), MOST_NAME_CHARACTERS)
        or f"{index + 1}",
        column.kind,
    )


def _cell(row: Sequence[str], index: int) -> str:
    if index >= len(row):
        return ""
    return _cut(visible_controls(row[index][: MOST_CELL_CHARACTERS + 1]), MOST_CELL_CHARACTERS)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def counted(width: int) -> str:
    """How many columns, and how many of them are shown."""
    columns = f"{width:,} column{'' if width == 1 else 's'}"
    return f"first {MOST_COLUMNS} of {columns}" if width > MOST_COLUMNS else columns
