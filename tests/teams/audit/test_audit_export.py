"""The log as a file: what the filters leave, all of it, as text that no spreadsheet computes."""

import csv
from io import StringIO

import pytest

from teams.audit import pages, record_by
from teams.audit.export import COLUMNS
from teams.csv_export import BYTE_ORDER_MARK

pytestmark = pytest.mark.django_db


def export(client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/audit/audit.csv{query}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-')
    assert answer.streaming
    assert answer["Cache-Control"] == "private, no-store"
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_all_that_the_filters_leave_is_there_across_batches(client_of, dana, monkeypatch):
    monkeypatch.setattr(pages, "BATCH", 3)
    for number in range(8):
        record_by("x", "team.changed", f"team {number}", new={"name": f"Größe, {number}"})
    record_by("x", "job.cancelled", None)
    rows = export(client_of(dana), "?area=team")
    assert [row["target"] for row in rows] == [f"team {number}" for number in range(7, -1, -1)]
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["sentence"], rows[0]["new"]) == ("x changed the team team 7", '{"name": "Größe, 7"}')


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", '"=', "＝"])
def test_nothing_is_a_formula(client_of, dana, start):
    """What teams/csv_export.py promises holds for this file too (tests/teams/test_csv_export.py)."""
    record_by("x", "team.changed", f"{start}cmd|' /C calc'!A0")
    (row,) = export(client_of(dana), "?area=team")
    assert row["target"] == f"'{start}cmd|' /C calc'!A0"


def test_numbers_stay_numbers_and_moments_have_their_zone(client_of, dana):
    event = record_by("x", "team.changed", "Biology")
    (row,) = export(client_of(dana), "?area=team")
    assert (row["id"], row["account id"]) == (str(event.pk), "")
    assert row["at"].endswith("Z")


def test_an_auditor_has_the_file_too(client_of, otto):
    record_by("x", "team.changed", "Biology")
    assert [row["target"] for row in export(client_of(otto), "?area=team")] == ["Biology"]


def test_a_hostile_name_stays_in_its_cell(client_of, dana):
    record_by("=1+1", "team.changed", 'a",\r\n=HYPERLINK("http://evil.example")', new={"x": "\x1b[2J"})
    (row,) = export(client_of(dana), "?area=team")
    assert row["who"] == "'=1+1"
    assert row["target"] == 'a",\\r\\n=HYPERLINK("http://evil.example")'
    assert row["sentence"].startswith("'=1+1")
    assert row["new"] == '{"x": "\\\\x1b[2J"}'
