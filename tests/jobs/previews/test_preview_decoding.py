"""The beginning of a file as text."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.previews.decoding import decode, read_head, visible_controls


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("größe".encode(), "größe"),
        (b"\xef\xbb\xbfa,b", "a,b"),
        ("größe".encode("utf-16"), "größe"),
        ("größe".encode("utf-16-be"), None),
        (b"\xfe\xff" + "größe".encode("utf-16-be"), "größe"),
        ("größe".encode("utf-32"), "größe"),
        ("größe €".encode("cp1252"), "größe €"),
        (b"caf\xe9 \x81", "café \x81"),
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"\x00\x01\x02", None),
        (b"\x89PNG\r\n\x1a\n\x00", None),
        (b"\x01\x02\x03 text", None),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
    ],
)
def test_text_is_found_in_every_usual_encoding_and_binary_is_told(data, text):
    assert decode(data).text == text


def test_a_latin_1_file_says_so():
    assert "Latin-1" in decode(b"caf\xe9").note
    assert decode("café".encode()).note == ""


def test_a_character_that_the_cut_went_through_does_not_make_it_latin_1():
    data = "ab€".encode()
    head = read_head(BytesIO(data), len(data) - 1)
    assert head.text == "ab"
    assert head.is_cut
    assert head.note == ""


def test_only_the_beginning_is_read():
    file = BytesIO(b"x" * 1000)
    head = read_head(file, 100)
    assert len(head.text) == 100
    assert head.is_cut
    assert file.tell() <= 101


def test_a_file_of_exactly_the_limit_is_whole():
    assert not read_head(BytesIO(b"x" * 100), 100).is_cut


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(data):
    decode(data)
    decode(data, is_cut=True)


def test_invisible_controls_become_visible():
    assert visible_controls("a\x00b\x1bc\t\n\u202ed") == "a\u2400b\u241bc\t\n\ufffdd"
