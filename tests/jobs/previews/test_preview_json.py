"""JSON laid out, and what is shown when it is none."""

import json
import re

import pytest
from django.utils.html import strip_tags
from hypothesis import given
from hypothesis import strategies as st

from jobs.previews.json_data import MOST_CHARACTERS, indented


def shown(made):
    return (
        strip_tags(made.html).replace("&quot;", '"').replace("&#x27;", "'").replace("&#34;", '"').strip("\n")
    )


def test_it_is_indented_and_highlighted(preview):
    made = preview("a.json", '{"a":[1,2.50],"b":{},"c":[]}')
    assert shown(made) == '{\n  "a": [\n    1,\n    2.50\n  ],\n  "b": {},\n  "c": []\n}'
    assert '<span class="nt">' in made.html
    assert made.note == ""


def test_numbers_and_doubled_keys_stay_as_they_were_written(preview):
    text = '{"a": 1.10, "a": 12345678901234567890123, "b": 1e400}'
    assert re.findall(r"[\d.e]+(?=[,\n])", shown(preview("a.json", text))) == [
        "1.10",
        "12345678901234567890123",
        "1e400",
    ]


def test_broken_json_is_shown_as_it_is_with_where_it_breaks(preview):
    made = preview("a.json", '{"a": 1,\n"b": }')
    assert shown(made) == '{"a": 1,\n"b": }'
    assert made.note == "not valid JSON (line 2: Expecting value), shown as it is"


def test_deep_nesting_and_endless_numbers_do_not_break_the_page(preview):
    assert "too deeply" in preview("a.json", "[" * 50_000 + "]" * 50_000).note
    assert "too long" in preview("a.json", "9" * 10_000).note


def test_indentation_cannot_make_it_explode():
    deep = "[" * 500 + ",".join(["0"] * 100_000) + "]" * 500
    assert indented(deep) == ""
    assert len(indented("[" * 500 + "]" * 500)) < MOST_CHARACTERS


def test_records_one_per_line_are_counted(preview):
    made = preview("a.ndjson", '{"a":1}\n{"a":2}\n')
    assert made.note == "2 records"
    assert shown(made) == '{"a":1}\n{"a":2}'
    assert preview("a.jsonl", '{"a":1}\n{"a":\n').note == "line 2 is not valid JSON"


def test_a_large_file_is_cut_and_not_judged(preview):
    made = preview("a.json", "[" + "1," * 400_000 + "1]")
    assert made.truncated
    assert "valid" not in made.note


def test_text_in_it_is_never_html(preview):
    assert "<script" not in preview("a.json", '{"<script>alert(1)</script>": "<img src=x>"}').html
    assert "<script" not in preview("a.json", '{"<script>').html


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(VALUES)
def test_laying_out_changes_nothing_but_white_space(value):
    assert json.loads(indented(json.dumps(value))) == value
    assert indented(json.dumps(value, ensure_ascii=False)) == indented(
        json.dumps(value, ensure_ascii=False, indent=1)
    )
    if isinstance(value, (list, dict)) and value and "[]" not in json.dumps(value):
        assert indented(json.dumps(value)) == json.dumps(value, indent=2) or "{}" in json.dumps(value)


@pytest.mark.parametrize("path", ["a.json", "a.ndjson", "a.geojson"])
def test_an_empty_file_is_said_to_be_empty(preview, path):
    assert preview(path, b"").kind == "empty"
