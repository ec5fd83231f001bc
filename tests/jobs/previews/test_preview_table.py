"""CSV and TSV as tables."""

import re

import pytest

from jobs.previews.table import MOST_COLUMNS, MOST_ROWS, delimiter_of


def cells(html, tag="td"):
    return re.findall(rf"<{tag}(?: [^>]*)?>(.*?)</{tag}>", html)


def test_the_first_line_is_the_header_and_numbers_stand_right(preview):
    made = preview("a.csv", "name,speed\nmini,4.5\nlorry,-1e3\nbike,NA\n")
    assert cells(made.html, "th") == ["name", "speed"]
    assert cells(made.html) == ["mini", "4.5", "lorry", "-1e3", "bike", "NA"]
    assert '<th scope="col" class="num">speed</th>' in made.html
    assert '<th scope="col">name</th>' in made.html
    assert made.note == "3 rows, 2 columns"
    assert not made.truncated


def test_a_first_line_with_numbers_is_no_header(preview):
    made = preview("a.csv", "1,2\n3,4\n")
    assert cells(made.html, "th") == []
    assert made.note == "2 rows, 2 columns"


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("one\ntwo\n", ","),
        ('"x, y";2\n"u, v";3\n', ";"),
        ("", ","),
    ],
)
def test_the_delimiter_is_guessed(text, delimiter):
    assert delimiter_of(text) == delimiter


def test_a_tsv_is_split_at_tabs_whatever_else_is_in_it(preview):
    assert cells(preview("a.tsv", "a,b\tc\nd,e\tf\n").html) == ["d,e", "f"]


def test_quoted_cells_keep_commas_quotes_and_line_breaks(preview):
    assert cells(preview("a.csv", 'a,b\n"x, ""y""","1\n2"\n').html.replace("\n", "↵")) == [
        "x, &quot;y&quot;",
        "1↵2",
    ]


def test_the_first_rows_are_shown_and_said(preview):
    made = preview("a.csv", "n\n" + "".join(f"{i}\n" for i in range(2000)))
    assert len(cells(made.html)) == MOST_ROWS
    assert made.note == "first 500 of 2,000 rows, 1 column"
    assert made.truncated


def test_a_cut_file_shows_no_half_row(preview):
    made = preview("a.csv", "n,m\n" + "123456789,1\n" * 100_000)
    assert made.truncated
    assert made.note == "first 500 rows, 2 columns"


def test_too_many_columns_are_cut_and_said(preview):
    row = ",".join(["x"] * 300)
    made = preview("a.csv", f"{row}\n{row}\n")
    assert len(cells(made.html)) == MOST_COLUMNS
    assert made.note == "1 row, first 100 of 300 columns"


def test_ragged_rows_are_filled(preview):
    assert cells(preview("a.csv", "a,b,c\nx\ny,z,u,v\n").html) == ["x", "", "", "", "y", "z", "u", "v"]


def test_cells_are_text_never_html(preview):
    made = preview("a.csv", '<b>h</b>,"<img src=x onerror=alert(1)>"\n<script>,1\n')
    assert "<b>" not in made.html
    assert "<img" not in made.html
    assert "<script" not in made.html


def test_a_file_that_is_no_table_is_shown_as_text(preview):
    made = preview("a.csv", '"' + "x" * 200_000)
    assert made.kind == "text"
    assert made.note == "it cannot be read as a table"


def test_a_long_cell_is_cut(preview):
    assert cells(preview("a.csv", "a\n" + "x" * 1000 + "\n").html) == ["x" * 400 + "…"]


def test_numbers_in_other_notations_count_as_numbers(preview):
    html = preview("a.csv", "a;b;c\n1,5;1 000;50 %\n2,5;2 000;inf\n").html
    assert html.count('class="num"') == 9


def test_dates_and_identifiers_are_no_numbers(preview):
    assert 'class="num"' not in preview("a.csv", "day,id\n2026-01-01,A7\n").html
