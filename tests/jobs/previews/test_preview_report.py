"""HTML reports: the page says which ones load what they are not given here."""

import io
import time

import pytest

from jobs.previews.preview import preview_of
from jobs.previews.report import HEAD_BYTES, LOADS, loads_from_elsewhere


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.plot.ly/plotly-3.0.0.min.js"></script>',
        "<SCRIPT SRC=report_files/libs/jquery.js></SCRIPT>",
        "<script\n  defer\n  src = 'libs/x.js'></script>",
        '<link rel="stylesheet" href="//fonts.example.org/a.css">',
        "<link href='site/style.css' rel=stylesheet>",
        '<img alt="a > b" src="plots/one.png">',
        '<script>var a = "<b>";</script><img src="plots/one.png">',
        '<iframe src="widget.html"></iframe>',
        '<object data="plot.svg"></object>',
        "<style>@import url(https://fonts.example.org/a.css);</style>",
        "<style>@font-face { src: url('https://fonts.example.org/a.woff2') }</style>",
    ],
)
def test_a_report_that_loads_what_is_beside_it_or_elsewhere_says_so(html):
    assert loads_from_elsewhere(html.encode())
    assert loads_from_elsewhere(html.encode("utf-16"))


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p>Words.</p>",
        "<script>document.write('<script src=\"https://example.org/x.js\"><\\/script>')</script>",
        '<script>const tag = "<img src=plots/one.png>"</script>',
        "<!-- <script src='https://example.org/x.js'></script> -->",
        '<script type="text/javascript" src="data:text/javascript;base64,AAAA"></script>',
        '<img src="data:image/png;base64,AAAA"><img src="blob:x"><img src="">',
        '<link rel="icon" href="data:image/png;base64,AAAA">',
        '<link rel="canonical" href="https://example.org/">',
        '<a href="https://example.org/">a link</a> <a href="other.html">another</a>',
        '<img data-src="later.png">',
        "<style>a { background: url(data:image/png;base64,AAAA) }</style>",
        "<p>Write src=&quot;x.png&quot; and @import there.</p>",
    ],
)
def test_a_report_that_holds_all_it_needs_says_nothing(html):
    assert not loads_from_elsewhere(html.encode())


@pytest.mark.parametrize(
    "piece", [b"<script>", b"<script ", b"<img ", b"<!--", b"<", b"<style>@import", b"url(", b"src="]
)
def test_no_file_keeps_the_page_waiting(piece):
    head = (piece * HEAD_BYTES)[:HEAD_BYTES]
    begin = time.process_time()
    loads_from_elsewhere(head)
    assert time.process_time() - begin < 1


def test_only_the_beginning_is_looked_at():
    tag = b'<script src="a.js"></script>'
    for before, hint in ((0, LOADS), (HEAD_BYTES, "")):
        content = io.BytesIO(b" " * before + tag)
        preview = preview_of("a.html", before + len(tag), lambda file=content: file)
        assert (preview.kind, preview.hint) == ("html", hint)
