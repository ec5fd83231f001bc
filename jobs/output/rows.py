"""A page's lines as HTML: five hundred turns of a template's loop took more than half of the whole page's time."""

from collections.abc import Iterable, Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from jobs.output.newest import Newest
from jobs.output.outputpages import Line
from jobs.output.terminal import Terminal


def rows(lines: Iterable[Line], marked: int | None, query: str) -> SafeString:
    """Each line with a link to itself; the one with the number `marked` stands out.

    `query` goes before `line=` in the links, such as "stream=stdout&".
    """
    link = f"?{escape(query)}line="
    text = "\n".join(_row(line, link, is_marked=line.number == marked) for line in lines)
    return mark_safe(text)  # noqa: S308 (each part of a row is safe: see there)


def _row(line: Line, link: str, *, is_marked: bool) -> str:
    """`line.html` is safe as it is (jobs/output/terminal.py); the rest is numbers, and words that are escaped here."""
    mark = f'<p class="output-mark" role="note">{escape(line.mark)}</p>' if line.mark else ""
    names = "line" + (" line-err" if line.stream == "stderr" else "") + (" is-marked" if is_marked else "")
    number = line.number
    anchor = f'<a class="line-number" id="L{number}" href="{link}{number}#L{number}">{number}</a>'
    return f'{mark}<div class="{names}">{anchor}<span class="line-text">{line.html}</span></div>'


def newest_rows(streams: Iterable[Newest]) -> SafeString:
    """The newest lines of streams, without numbers, each stream behind the words that lead to it."""
    text = "\n".join(row for each in streams for row in _newest_rows(each))
    return mark_safe(text)  # noqa: S308 (as above)


def _newest_rows(newest: Newest) -> Iterator[str]:
    yield f'<p class="output-mark" role="note">{escape(newest.words)}</p>'
    terminal, names = Terminal(), "line" + (" line-err" if newest.stream == "stderr" else "")
    for line in newest.text.removesuffix("\n").split("\n"):
        text = f'<span class="line-text">{terminal.html(line)}</span>'
        yield f'<div class="{names}"><span class="line-gutter"></span>{text}</div>'
