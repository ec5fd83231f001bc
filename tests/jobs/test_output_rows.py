"""The lines of the output page as HTML."""

from django.utils.safestring import mark_safe

from jobs.output.outputpages import Line
from jobs.output.rows import rows
from jobs.output.terminal import Terminal


def test_each_line_has_a_link_to_itself_and_the_one_asked_for_stands_out():
    first, second = (Line(number, "stdout", mark_safe("text")) for number in (1200, 1201))
    assert rows([first, second], 1201, "stream=stdout&").split("\n") == [
        '<div class="line"><a class="line-number" id="L1200" href="?stream=stdout&amp;line=1200#L1200">1200</a>'
        '<span class="line-text">text</span></div>',
        '<div class="line is-marked"><a class="line-number" id="L1201" href="?stream=stdout&amp;line=1201#L1201">'
        '1201</a><span class="line-text">text</span></div>',
    ]


def test_what_a_script_wrote_is_text():
    hostile = "<script>alert(1)</script>\x1b[31m<img src=x onerror=alert(2)>\x1b[0m"
    line = Line(1, "stderr", Terminal().html(hostile), mark="<b>12 bytes</b> were left out")
    text = rows([line], None, "")
    assert "<script" not in text
    assert "<img" not in text
    assert '<p class="output-mark" role="note">&lt;b&gt;12 bytes&lt;/b&gt; were left out</p>' in text
    assert '<div class="line line-err">' in text
