"""The language of the search box."""

import pytest

from jobs.search.query import Misspelt, Term, parse


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  rain   wind ", [Term("rain"), Term("wind")]),
        ('"import numpy" x', [Term("import numpy", is_quoted=True), Term("x")]),
        ("-test", [Term("test", is_left_out=True)]),
        ("tag:paper TAG:b", [Term("paper", "tag"), Term("b", "tag")]),
        ('tag:"two words"', [Term("two words", "tag", is_quoted=True)]),
        ("-owner:bob file:.csv", [Term("bob", "owner", is_left_out=True), Term(".csv", "file")]),
        ("http://x a:b", [Term("http://x"), Term("a:b")]),
        ("it's a\"b", [Term("it's"), Term('a"b')]),
    ],
)
def test_what_a_text_asks_for(text, terms):
    assert list(parse(text).terms) == terms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"open', "never closed"),
        ('tag:"open', "never closed"),
        ("rain -", "leaves a word out"),
        ("tag:", "as in tag:paper"),
        ('""', "names nothing"),
        (" ".join("abcdefghijklm"), "at most 12"),
    ],
)
def test_what_is_misspelt_is_told_with_what_to_write(text, said):
    with pytest.raises(Misspelt, match=said):
        parse(text)


def test_quotes_and_signs_cannot_leave_their_key():
    keys = parse("tag:it's\\ file:a'b").lookup.replace("\x01", "")
    assert keys == "'#it''s\\\\' & '/a''b':*"
