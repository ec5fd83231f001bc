"""CSV and TSV as tables."""

import re
from io import BytesIO

import pytest

from jobs.previews.columns import sorted_by, type_of
from jobs.previews.grid import MOST_COLUMNS, MOST_ROWS, Order, order_of
from jobs.previews.preview import preview_of, snippet_of
from jobs.previews.table import delimiter_of


def cells(html, tag="td"):
    return re.findall(rf"<{tag}(?: [^>]*)?>(.*?)</{tag}>", html)


def names(html):
    return re.findall(r'<th [^>]*><a [^>]*>(.*?)</a><span class="column-type">', html)


def kinds(html):
    return re.findall(r'<span class="column-type">(.*?)</span>', html)


def in_order(text, order):
    data = text.encode()
    return preview_of("a.csv", len(data), lambda: BytesIO(data), order=order)


def test_the_first_line_is_the_header_and_numbers_stand_right(preview):
    made = preview("a.csv", "name,speed\nmini,4.5\nlorry,-1e3\nbike,NA\n")
    assert names(made.html) == ["name", "speed"]
    assert cells(made.html) == ["mini", "4.5", "lorry", "-1e3", "bike", "NA"]
    assert (
        '<th scope="col" class="num"><a class="column-sort" href="?sort=2" title="Sort by “speed”'
        in made.html
    )
    assert '<th scope="col"><a class="column-sort" href="?sort=1"' in made.html
    assert made.note == "3 rows, 2 columns"
    assert not made.truncated


def test_a_first_line_with_numbers_is_no_header(preview):
    made = preview("a.csv", "1,2\n3,4\n")
    assert names(made.html) == ["1", "2"]
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


def test_each_column_says_what_it_holds(preview):
    made = preview(
        "a.csv",
        "a,b,c,d,e,f,g\n1,1.5,true,2026-01-02,2026-01-02 10:00,x,\n-2,NA,no,NA,2026-01-02T10:00:01Z,1,NA\n",
    )
    assert kinds(made.html) == ["integer", "number", "true/false", "date", "date and time", "text", "empty"]


@pytest.mark.parametrize("cells", [["1", "x"], ["2026-01-01", "1"], ["yes", "maybe"], ["1", "2026-01-01"]])
def test_a_column_of_two_kinds_is_text(cells):
    assert type_of(cells) == "text"


def test_numbers_are_sorted_by_value_and_missing_ones_are_last():
    made = in_order("n,m\n10,a\n9,b\n,c\n-1e3,d\n", Order(0))
    assert cells(made.html)[1::2] == ["d", "b", "a", "c"]
    assert cells(in_order("n,m\n10,a\n9,b\n,c\n-1e3,d\n", Order(0, descending=True)).html)[1::2] == [
        "a",
        "b",
        "d",
        "c",
    ]
    assert made.note == "4 rows, 2 columns, sorted by “n”"
    assert made.is_sorted


@pytest.mark.parametrize(
    "ordered",
    [
        ["1,5", "2,5", "10"],
        ["1.5", "1,000", "2,000.5"],
        ["5 %", "50 %"],
        ["1 000", "2 000,5"],
        ["−3", "2"],
        ["1.000,5", "2.000,5"],
    ],
)
def test_numbers_in_other_notations_are_sorted_by_value(ordered):
    rows = [[cell] for cell in reversed(ordered)]
    assert sorted_by(rows, 0, "number", descending=False) == [[cell] for cell in ordered]


def test_text_is_sorted_without_case_and_dates_by_time():
    assert cells(in_order("n\nb\nA\nC\n", Order(0)).html) == ["A", "b", "C"]
    assert cells(in_order("n\n2026-10-01\n2026-02-01\n", Order(0)).html) == ["2026-02-01", "2026-10-01"]


def test_all_rows_that_were_read_are_sorted_not_only_those_that_are_shown():
    made = in_order("n\n" + "".join(f"{i}\n" for i in range(2000)), Order(0, descending=True))
    assert cells(made.html)[0] == "1999"
    assert made.note == "first 500 of 2,000 rows, 1 column, sorted by “n”"


def test_of_a_large_file_the_page_says_among_which_rows_it_is_sorted():
    made = in_order("n,m\n" + "123456789,1\n" * 100_000, Order(0))
    assert re.fullmatch(
        r"first 500 rows, 2 columns, sorted by “n” among the first 43,\d\d\d rows", made.note
    ), made.note


def test_the_sorted_column_says_so_and_its_link_turns_it_round(preview):
    html = in_order("n,m\n1,2\n", Order(1)).html
    assert html.count("aria-sort") == 1
    assert 'aria-sort="ascending"><a class="column-sort" href="?sort=-2"' in html
    assert (
        'aria-sort="descending"><a class="column-sort" href="?sort=2"'
        in in_order("n,m\n1,2\n", Order(1, True)).html
    )


@pytest.mark.parametrize("order", [Order(5), Order(99), Order(3000, True)])
def test_a_column_that_is_not_there_sorts_nothing(order):
    made = in_order("n\n2\n1\n", order)
    assert cells(made.html) == ["2", "1"]
    assert not made.is_sorted


@pytest.mark.parametrize("parameter", ["", "0", "-0", "x", "1;", "--1", "1 ", "99999", "1.5", "٣", "-"])
def test_an_order_that_no_link_asks_for_is_none(parameter):
    assert order_of(parameter) is None


def test_an_order_is_what_its_parameter_says():
    assert order_of("-3") == Order(2, descending=True)
    assert Order(2, descending=True).parameter == "-3"
    assert order_of("1") == Order(0)


def test_a_snippet_has_no_links(preview):
    assert "<a " not in snippet_of("a.csv", b"a,b\n1,2\n")
