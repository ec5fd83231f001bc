"""A page's lines as HTML: five hundred turns of a template's loop took more than half of the whole page's time."""

from collections.abc import Iterable

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from jobs.output.outputpages import Line


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
