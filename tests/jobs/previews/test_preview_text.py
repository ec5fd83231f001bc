"""Text and code."""

import time

import pytest
from django.utils.html import strip_tags

from jobs.previews import source
from jobs.previews.preview import SNIPPET_BYTES, snippet_of


def test_text_is_shown_as_it_is_and_escaped(preview):
    made = preview("a.txt", "<b>1 & 2</b>\n\n  x\n")
    assert made.html == '<pre class="plain">\n&lt;b&gt;1 &amp; 2&lt;/b&gt;\n\n  x\n</pre>'


@pytest.mark.parametrize(
    "text", ["x = 1\n", "x = 1", "\n\nx = 1\n\n", "", "  x", "def f():\n\treturn '<b>'\n"]
)
@pytest.mark.parametrize("language", ["python", "r", "json", "bash"])
def test_highlighting_neither_adds_nor_loses_a_character(text, language):
    html = source.tokens_html(text, language)
    shown = (
        strip_tags(html)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&quot;", '"')
    )
    assert shown == text


def test_code_is_highlighted_by_its_name(preview):
    made = preview("train.R", "x <- c(1, 2) # two\n")
    assert made.kind == "code"
    assert '<span class="c1"># two</span>' in made.html


def test_long_code_is_plain_and_still_whole(preview):
    made = preview("a.py", "x = 1\n" * 50_000)
    assert "<span" not in made.html
    assert made.html.count("x = 1") == 50_000


def test_a_line_that_could_keep_a_lexer_busy_is_plain(preview):
    assert "<span" not in preview("a.ini", "=" * 100_000).html
    assert "<span" in preview("a.ini", "a = 1\n").html


def test_a_slow_lexer_is_stopped_and_the_rest_is_plain(monkeypatch):
    monkeypatch.setattr(source, "HIGHLIGHT_SECONDS", -1)
    html = source.tokens_html("import os\nimport <sys>\n", "python")
    assert strip_tags(html).endswith("import &lt;sys&gt;\n")
    assert html.count("<span") == 1


def test_a_large_file_is_cut_at_half_a_mebibyte(preview):
    made = preview("a.log", "line\n" * 200_000)
    assert made.truncated
    assert len(made.html) < 600 * 1024


def test_a_file_without_a_known_name_is_text_when_it_looks_like_it(preview):
    assert preview("LICENSE", "words\n").kind == "text"
    assert preview("core", b"\x7fELF\x00\x00").kind == "binary"
    assert preview("a.txt", b"\x00\x01").kind == "binary"
    assert not preview("a.txt", b"\x00\x01").html


@pytest.mark.parametrize("path", ["a.png", "a.pdf", "a.pkl", "a.zip"])
def test_what_the_browser_shows_or_nobody_can_is_not_even_opened(path):
    from jobs.previews.preview import preview_of

    assert not preview_of(path, 10, lambda: pytest.fail("opened")).html


@pytest.mark.parametrize("path", ["a.csv", "a.json", "a.md", "a.txt", "a.py", "a.ndjson", "nothing"])
def test_a_snippet_is_small_whatever_the_file_is(path):
    for data in (b"x" * SNIPPET_BYTES, b"a,b\n" * 1024, b"[" * 4096, b'{"a":1}\n' * 512, "ü".encode() * 2048):
        began = time.monotonic()
        assert len(snippet_of(path, data)) < 12_000
        assert time.monotonic() - began < 5


def test_a_snippet_of_nothing_or_of_bytes_is_empty():
    assert snippet_of("a.txt", b"") == snippet_of("a.txt", b" \n") == snippet_of("a.csv", b"\x00") == ""
