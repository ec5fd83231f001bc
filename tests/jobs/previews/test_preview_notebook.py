"""Notebooks: cells and outputs; whatever is broken in them is shown as text or left out."""

import base64
import json

import pytest

from jobs.previews import notebook

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()


def book(*cells, **more):
    return json.dumps({"nbformat": 4, "cells": list(cells)} | more)


def code(source="", *outputs, **more):
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "execution_count": 3} | more


def display(**data):
    return {
        "output_type": "display_data",
        "data": {key.replace("_", "/", 1): value for key, value in data.items()},
    }


def test_cells_are_rendered_in_their_order(preview):
    made = preview("a.ipynb", book({"cell_type": "markdown", "source": ["# Ti", "tle"]}, code("import os\n")))
    assert made.kind == "notebook"
    assert made.note == "2 cells"
    assert made.html.index("<h2>Title</h2>") < made.html.index('<span class="kn">import</span>')
    assert "[3]" in made.html


def test_streams_keep_their_colours_and_lose_everything_else(preview):
    text = "\x1b[31mred\x1b[0m\x1b[2K \x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07 10%\r100% <b>\n"
    html = preview("a.ipynb", book(code("", {"output_type": "stream", "name": "stderr", "text": text}))).html
    assert "100% &lt;b&gt;" in html
    assert "10%\r" not in html
    assert "javascript" not in html
    assert "nb-stderr" in html
    colours = {"output_type": "stream", "text": "\x1b[31mred\x1b[0m\n"}
    assert '<span class="ansi31">red</span>' in preview("a.ipynb", book(code("", colours))).html


def test_an_error_shows_its_traceback(preview):
    output = {
        "output_type": "error",
        "ename": "E",
        "evalue": "v",
        "traceback": ["\x1b[31mline 1\x1b[0m", "line 2"],
    }
    html = preview("a.ipynb", book(code("", output))).html
    assert '<span class="ansi31">line 1</span>\nline 2' in html


def test_a_table_is_shown_as_a_table(preview):
    table = "<style>x{}</style><table border=1 class='dataframe'><tr><td>1</td></tr></table>"
    html = preview("a.ipynb", book(code("", display(text_html=table, text_plain="plain")))).html
    assert '<table class="dataframe">' in html
    assert "plain" not in html.replace('class="plain"', "")
    assert "x{}" not in html


def test_pictures_are_data_addresses(preview):
    html = preview("a.ipynb", book(code("", display(image_png=PNG)))).html
    assert f'<img src="data:image/png;base64,{PNG}"' in html
    svg = preview(
        "a.ipynb", book(code("", {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}}))
    ).html
    assert 'src="data:image/svg+xml;base64,' in svg
    assert "<svg" not in svg


@pytest.mark.parametrize(
    ("mime", "data"),
    [
        ("image/png", base64.b64encode(b"<script>alert(1)</script>").decode()),
        ("image/png", "not base64 at all ("),
        ("image/png", ["a", 1]),
        ("image/png", None),
        ("image/x-evil", PNG),
        ("text/html;base64,", PNG),
        ('image/png" onerror="alert(1)', PNG),
    ],
)
def test_a_picture_that_is_none_is_not_shown(preview, mime, data):
    html = preview("a.ipynb", book(code("", {"output_type": "display_data", "data": {mime: data}}))).html
    assert "<img" not in html
    assert "Interactive output" in html


def test_attachments_of_a_cell_are_shown_in_it(preview):
    cell = {
        "cell_type": "markdown",
        "source": "![x](attachment:a%20b.png)",
        "attachments": {"a b.png": {"image/png": PNG}},
    }
    assert f'src="data:image/png;base64,{PNG}"' in preview("a.ipynb", book(cell)).html


def test_script_output_says_that_it_is_not_shown(preview):
    script = "<div id='p'></div><script>Plotly.newPlot('p')</script>"
    html = preview("a.ipynb", book(code("", display(text_html=script)))).html
    assert "Plotly" not in html
    assert "Interactive output; download the notebook to see it." in html


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '"x"',
        '{"cells": 7}',
        '{"worksheets": []}',
        "[" * 100_000,
        "\xff",
        '{"cells": {"a": 1}}',
        "1" * 10_000,
    ],
)
def test_what_is_no_notebook_is_shown_as_text(preview, content):
    made = preview("a.ipynb", content)
    assert made.kind in {"text", "empty"}
    if content:
        assert notebook.UNREADABLE in made.note


@pytest.mark.parametrize(
    "cell",
    [
        7,
        None,
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": 7, "outputs": 7, "execution_count": "<b>"},
        {"cell_type": "code", "source": [1, None], "outputs": [1, None, {}, {"output_type": 3, "data": []}]},
        {"cell_type": "markdown", "source": None, "attachments": {"a": 7, "b": {"image/png": 7}}},
        {"cell_type": "markdown", "source": "x", "attachments": []},
        {"cell_type": "raw", "source": "<b>raw</b>"},
        {"cell_type": "code", "outputs": [{"output_type": "error", "traceback": 7}]},
        {
            "cell_type": "code",
            "outputs": [{"output_type": "display_data", "data": {"application/json": [[1]]}}],
        },
    ],
)
def test_a_broken_cell_does_not_break_the_others(preview, cell):
    made = preview("a.ipynb", book(cell, code("after()")))
    assert made.kind == "notebook"
    assert "after" in made.html
    assert "<b>" not in made.html


def test_the_language_is_the_notebooks(preview):
    text = "x <- 1 # note"
    r = preview("a.ipynb", book(code(text), metadata={"language_info": {"name": "R"}})).html
    assert '<span class="o">&lt;-</span>' in r


def test_a_huge_notebook_is_text_and_a_long_one_is_cut(preview, monkeypatch):
    monkeypatch.setattr(notebook, "MOST_BYTES", 1000)
    assert preview("a.ipynb", book(code("x" * 2000))).kind == "text"
    monkeypatch.setattr(notebook, "MOST_BYTES", 10**6)
    monkeypatch.setattr(notebook, "MOST_CELLS", 3)
    made = preview("a.ipynb", book(*[code("x")] * 5))
    assert made.truncated
    assert made.html.count("nb-code") == 3


def test_rich_rendering_has_a_budget(preview, monkeypatch):
    monkeypatch.setattr("jobs.previews.notebook_output.RICH_CHARACTERS", 30)
    html = preview("a.ipynb", book(*[code("import os")] * 5)).html
    assert html.count('<span class="kn">') == 3
    assert html.count("import") == 5
