"""JSON as a tree, its text laid out for a glance, and what is shown when it is none."""

import json
import re
import time

import pytest
from django.utils.html import strip_tags
from hypothesis import given
from hypothesis import strategies as st

from jobs.previews.json_data import MOST_CHARACTERS, indented
from jobs.previews.json_events import Invalid, events
from jobs.previews.json_tree import DEEPEST, LONGEST_TEXT, MOST_VALUES


def text_of(html):
    for entity, char in (("&quot;", '"'), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        html = html.replace(entity, char)
    return html


def shown(made):
    """The tree's text, an entry a line."""
    return text_of(strip_tags(re.sub(r"<(?:li|/details)[^>]*>", "\n", made.html))).strip()


def test_it_is_a_tree_that_opens_and_closes_without_a_script(preview):
    made = preview("a.json", '{"a":[1,2.50],"b":{},"c":[],"d":null}')
    assert made.kind == "tree"
    assert shown(made).split() == [
        *("{", "4", "entries", '"a":', "[", "2", "entries", "0", "1", "1", "2.50]"),
        *('"b":', "{}", '"c":', "[]", '"d":', "null}"),
    ]
    assert made.html.count("<details open><summary>") == 2
    assert "<script" not in made.html
    assert (made.note, made.truncated) == ("", False)


def test_numbers_and_texts_stay_as_they_were_written(preview):
    made = preview(
        "a.json", r'{"a": 1.10, "b": 12345678901234567890123, "c": 1e400, "d": -0.0, "e": "\u00e9\n"}'
    )
    assert re.findall(r'class="mi">([^<]+)', made.html) == [
        "1.10",
        "12345678901234567890123",
        "1e400",
        "-0.0",
    ]
    assert r'"\u00e9\n"' in shown(made)


def test_a_name_that_comes_twice_is_shown_twice_and_marked(preview):
    made = preview("a.json", '{"a": 1, "b": {"a": 2}, "a": 3}')
    assert re.findall(r'class="mi">([^<]+)', made.html) == ["1", "2", "3"]
    assert made.html.count("again") == 1


def test_what_python_writes_for_numbers_that_json_has_not_is_taken(preview):
    assert re.findall(r'class="kc">([^<]+)', preview("a.json", "[NaN, -Infinity, true]").html) == [
        *("NaN", "-Infinity", "true")
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"a": 1,\n"b": }', "line 2, column 6, a value is expected here"),
        ('{"a" 1}', "line 1, column 6, “:” is expected here"),
        ("[1 2]", "line 1, column 4, “,” or “]” is expected here"),
        ('{"a": 1\n "b": 2}', "line 2, column 2, “,” or “}” is expected here"),
        ('{"a": 1,}', "line 1, column 9, a name in double quotes is expected here"),
        ("{'a': 1}", "line 1, column 2, a name in double quotes or “}” is expected here"),
        ("[1]\n[2]", "line 2, column 1, there is more behind the end"),
        ("[[1]", "line 1, column 5, it ends before all that was opened is closed"),
        ('["a\nb"]', "line 1, column 2, this text has no end, or a character that"),
        ("[01]", "line 1, column 3, “,” or “]” is expected here"),
        ("[1}", "line 1, column 3, “,” or “]” is expected here"),
    ],
)
def test_broken_json_is_shown_as_text_with_where_it_breaks(preview, text, where):
    made = preview("a.json", text)
    assert made.kind == "json"
    assert text_of(strip_tags(made.html)).strip("\n") == text
    assert made.note.startswith(f"not valid JSON: {where}")
    assert made.note.endswith("shown as text")


def test_deep_nesting_is_laid_out_as_deep_as_it_can_be_read(preview):
    made = preview("a.json", "[" * 10_000 + "]" * 10_000)
    assert made.html.count("<details") == DEEPEST
    assert f"deeper than {DEEPEST} levels" in made.note
    assert len(made.html) < 20_000


def test_more_values_than_a_page_can_hold_are_counted(preview):
    made = preview("a.json", json.dumps([[{"a": 1}] * 10_000, "last"]))
    assert made.html.count("<li") < MOST_VALUES + 20
    assert re.match(r"the first 3,000 values are laid out, [\d,]+ more are not", made.note)
    assert "more not laid out</li>" in made.html


def test_long_texts_are_cut_and_it_is_said_by_how_much(preview):
    made = preview("a.json", json.dumps({"t": "x" * 10_000, "n" * 5000: 9}))
    assert f"{5000 - LONGEST_TEXT:,} characters more" in shown(preview("a.json", f"[{'9' * 5000}]"))
    assert f"{10_002 - LONGEST_TEXT:,} characters more" in shown(made)
    assert len(made.html) < 5000


def test_ten_megabytes_in_one_line_cost_the_beginning_only(preview):
    began = time.process_time()
    made = preview("a.json", "[" + "1234567," * 1_300_000 + "1]")
    assert time.process_time() - began < 5
    assert made.truncated
    assert made.html.count("1234567</span>") > 1000
    assert len(made.html) < 500_000
    assert "entries" in made.html
    assert "+ entries" in made.html
    assert "the file goes on" in made.html


def test_nothing_half_is_shown_at_a_cut():
    for whole in ('{"name": "value", "n": -12.5e3, "x": [true, {}]}', r'["a\"b", 1234]'):
        pieces = [event.text for event in events(whole)]
        for cut in range(len(whole)):
            found = [event.text for event in events(whole[:cut], is_cut=True)]
            assert found == pieces[: len(found)]


def test_what_is_wrong_long_before_the_cut_is_told():
    with pytest.raises(Invalid):
        list(events('{"a": ?, "b": 1, ', is_cut=True))


def test_a_single_value_is_text(preview):
    for text in ("9" * 10_000, '"a"', "null"):
        made = preview("a.json", text)
        assert (made.kind, text_of(strip_tags(made.html)).strip(), made.note) == ("json", text, "")


def test_each_line_is_a_record(preview):
    made = preview("a.ndjson", '{"a":1}\n{"a":2.0}\n\n7\n')
    assert made.kind == "tree"
    assert re.findall(r'class="mi">([^<]+)', made.html) == ["1", "2.0", "7"]
    assert re.findall(r'class="json-index">(\d+)', made.html) == ["1", "2", "4"]


def test_a_line_that_is_no_json_is_shown_as_text_between_the_others(preview):
    made = preview("a.jsonl", '{"a":1}\n{"a":[1,\n<b>\n{"a":3}\n')
    assert made.note == "line 2 and 1 more lines are not valid JSON"
    assert '{"a":[1, not valid JSON: column 9, it ends before' in shown(made)
    assert "<b>" not in made.html
    assert re.findall(r'class="mi">([^<]+)', made.html) == ["1", "3"]


def test_text_in_it_is_never_html(preview):
    for path, text in [
        ("a.json", '{"<script>alert(1)</script>": "<img src=x>"}'),
        ("a.json", '{"<script>'),
        ("a.jsonl", '{"<script>": "<script>"}\n<script>\n'),
        ("a.json", '{"\u202e<script>": 1'),
    ]:
        html = preview(path, text).html
        assert "<script" not in html
        assert "<img" not in html
        assert "\u202e" not in html


def test_a_tile_of_the_grid_shows_it_indented():
    from jobs.previews.preview import snippet_of

    assert text_of(strip_tags(snippet_of("a.json", b'{"a":[1]}'))).strip() == '{\n  "a": [\n    1\n  ]\n}'
    assert text_of(strip_tags(snippet_of("a.json", b'{"a":'))).strip() == '{"a":'


def test_indentation_cannot_make_it_explode():
    deep = "[" * 500 + ",".join(["0"] * 100_000) + "]" * 500
    assert indented(deep) == ""
    assert len(indented("[" * 500 + "]" * 500)) < MOST_CHARACTERS


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(VALUES)
def test_laying_out_changes_nothing_but_white_space(value):
    text = json.dumps(value)
    assert json.dumps(json.loads(indented(text))) == text
    if isinstance(value, (list, dict)) and value and "[]" not in json.dumps(value):
        assert indented(json.dumps(value)) == json.dumps(value, indent=2) or "{}" in json.dumps(value)


@given(VALUES, st.booleans())
def test_every_piece_of_valid_json_comes_as_it_is_written(value, is_ascii):
    text = json.dumps(value, ensure_ascii=is_ascii)
    pieces = "".join(event.text for event in events(text))
    assert pieces == "".join(re.findall(r'"(?:[^"\\]|\\.)*"|[^\s:,]', text))


@given(st.text('[]{}":,1-.eE+ \n\\utrfalsn', max_size=12))
def test_what_json_takes_is_taken_and_nothing_else(text):
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(Invalid):
            list(events(text))
    else:
        list(events(text))


@pytest.mark.parametrize("path", ["a.json", "a.ndjson", "a.geojson"])
def test_an_empty_file_is_said_to_be_empty(preview, path):
    assert preview(path, b"").kind == "empty"
