"""CSV that people open in a spreadsheet: no cell of it is ever taken for a formula.

What others typed (a job's name, a tag, a command) ends up in the spreadsheet of whoever exports it. Excel, LibreOffice
and Google Sheets run a cell that begins with = + - @ (https://owasp.org/www-community/attacks/CSV_Injection). Such a
text gets an apostrophe in front, which spreadsheets show as text; numbers stay numbers.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.http import StreamingHttpResponse

# Excel reads a .csv without it in the machine's old code page, and “Müller” becomes “MÃ¼ller”; pandas, readr and
# Google Sheets take it away.
BYTE_ORDER_MARK = "\ufeff"
QUOTE = "'"
STARTERS = "=+-@＝＋－＠﹦﹢﹣﹫"
# What separates cells, or rows, where a spreadsheet does not take the comma: German Excel splits at semicolons and
# does not see that our quotes hold them together, so that a formula may hide behind one.
BREAKS = ";\t\r\n"
ROWS_AT_ONCE = 500
_HIDDEN_BEHIND_A_BREAK = re.compile(rf"([{BREAKS}])(?=[^{BREAKS}]*[{re.escape(STARTERS)}])")


def safe(value: Any) -> str:
    """The value as a cell's text: None is empty, a number its digits, a moment ISO 8601 in UTC, the rest made harmless.

    A text is changed only where a spreadsheet could run it.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return _harmless(str(value).replace("\0", ""))


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The file piece by piece, as many rows at a time as are cheap to send; `rows` is read as it goes."""
    text = StringIO()
    text.write(BYTE_ORDER_MARK)
    # QUOTE_MINIMAL with CRLF: RFC 4180.
    writer = csv.writer(text)
    writer.writerow([safe(name) for name in header])
    for number, row in enumerate(rows, start=1):
        writer.writerow([safe(value) for value in row])
        if number % ROWS_AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


def csv_response(
    filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """The file as a download. `rows` are read while they are sent: memory does not grow with their number."""
    response = StreamingHttpResponse(lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _taken(text: StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece


def _harmless(text: str) -> str:
    behind_breaks = _HIDDEN_BEHIND_A_BREAK.sub(_quoted, text)
    return QUOTE + behind_breaks if text[:1] in ("\t", "\r", "\n") or _starts_formula(text) else behind_breaks


def _quoted(found: re.Match[str]) -> str:
    return found[1] + (QUOTE if _starts_formula(found.string[found.end() :]) else "")


def _starts_formula(text: str) -> bool:
    """True where the first sign to be seen is a starter: some spreadsheets trim what stands before, and quotes."""
    for sign in text:
        if sign in STARTERS:
            return True
        if not (sign in "\"'" or sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf", "Zs")):
            return False
    return False
