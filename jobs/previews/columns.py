"""What the columns of a text table hold, judged by the rows that were read, and by what their cells are sorted."""

import re
from collections.abc import Callable, Iterable, Sequence

NUMBER = re.compile(r"[-+−]?(\d[\d ,._']*|\.\d+)([eE][-+]?\d+)?\s?%?|[-+]?(inf|Inf|INF)")
INTEGER = re.compile(r"[-+−]?\d+")
THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[-+]\d\d:?\d\d)?")
TRUTH = frozenset({"true", "false", "yes", "no", "t", "f"})
MISSING = frozenset({"", "NA", "NaN", "nan", "null", "None", "N/A", "-"})
NUMERIC = frozenset({"integer", "number"})

Rows = Sequence[Sequence[str]]
# A missing cell is last, whichever way the column is sorted: this part is not turned round.
Key = tuple[float, str]


def is_number(cell: str) -> bool:
    """In one of the notations that people use: 1,5 and 1.5, 1 000, 50 %, 1e-3, inf."""
    return NUMBER.fullmatch(cell.strip()) is not None


def type_of(cells: Iterable[str]) -> str:
    """integer, number, true/false, date, date and time, text; empty when every cell is missing."""
    values = [cell.strip() for cell in cells if cell.strip() not in MISSING]
    if not values:
        return "empty"
    tests: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("integer", INTEGER.fullmatch),
        ("number", NUMBER.fullmatch),
        ("true/false", lambda value: value.lower() in TRUTH),
        ("date", DATE.fullmatch),
        ("date and time", TIME.fullmatch),
    )
    return next((name for name, fits in tests if all(map(fits, values))), "text")


def column(rows: Rows, index: int) -> list[str]:
    """Its cells; a row that is too short has an empty one."""
    return [row[index] if index < len(row) else "" for row in rows]


def sorted_by(rows: Rows, index: int, kind: str, *, descending: bool) -> list[Sequence[str]]:
    """The rows in the order of one column: numbers by value, text without case, missing cells always last."""
    cells = column(rows, index)
    there = [place for place, cell in enumerate(cells) if cell.strip() not in MISSING]
    missing = [place for place, cell in enumerate(cells) if cell.strip() in MISSING]
    there.sort(key=lambda place: _key(cells[place].strip(), kind), reverse=descending)
    return [rows[place] for place in (*there, *missing)]


def _key(cell: str, kind: str) -> Key:
    if kind in NUMERIC:
        return (_value(cell), "")
    return (0.0, cell.casefold() if kind == "text" else cell)


def _value(cell: str) -> float:
    text = re.sub(r"[\s_'%]", "", cell).replace("−", "-")
    if text.count(",") == 1 and "." not in text and not THOUSANDS.fullmatch(text):
        text = text.replace(",", ".")
    elif text.rfind(",") > text.rfind(".") >= 0:
        text = text.replace(".", "").replace(",", ".")
    text = text.replace(",", "")
    try:
        return float(text)
    except ValueError:
        return float("inf")
