"""Text and code as HTML: escaped, highlighted as long as that is quick."""

import time
from collections.abc import Iterator
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import Token

from jobs.previews.decoding import visible_controls

# Above it the page gets heavy: every token becomes an element.
HIGHLIGHT_CHARACTERS = 200_000
HIGHLIGHT_SECONDS = 1.0
# Some lexers' patterns take time with the square of a line's length; the one for JSON has no patterns.
LONGEST_LINE = 4000
SNIPPET_LINES = 14
SNIPPET_COLUMNS = 120


def plain(text: str) -> SafeString:
    """The text as it is."""
    return _preformatted(escape(visible_controls(text)), "plain")


def highlighted(text: str, language: str) -> SafeString:
    """Source code with Pygments' classes; plain when it is long, or from the point where it takes too long."""
    text = visible_controls(text)
    if not is_quick(text, language):
        return _preformatted(escape(text), "plain")
    return _preformatted(tokens_html(text, language), "code")


def is_quick(text: str, language: str) -> bool:
    """True when there is a lexer and nothing in the text that could keep it busy for seconds."""
    if not language or len(text) > HIGHLIGHT_CHARACTERS:
        return False
    return language == "json" or max(map(len, text.split("\n"))) <= LONGEST_LINE


def snippet(text: str, language: str) -> SafeString:
    """The first lines, cut to what a tile of the grid can hold."""
    lines = text.lstrip("\n").split("\n", SNIPPET_LINES)[:SNIPPET_LINES]
    return highlighted("\n".join(line[:SNIPPET_COLUMNS] for line in lines), language)


def tokens_html(text: str, language: str) -> str:
    """Escaped HTML of spans for the text; ends with it, adds nothing."""
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
    parts = _Parts()
    formatter.format(_in_time(lexer, text), parts)
    return "".join(parts).removesuffix("\n") + ("\n" if text.endswith("\n") else "")


class _Parts(list[str]):
    """A list that can be written to."""

    def write(self, part: str) -> None:
        self.append(part)


def _in_time(lexer: Any, text: str) -> Iterator[tuple[Any, str]]:
    """The lexer's tokens; after HIGHLIGHT_SECONDS the rest is one token: some inputs make some lexers slow."""
    deadline = time.monotonic() + HIGHLIGHT_SECONDS
    done = 0
    for kind, value in lexer.get_tokens(text):
        yield kind, value
        done += len(value)
        if time.monotonic() > deadline:
            yield Token.Text, text[done:]
            return


def _preformatted(html: str, name: str) -> SafeString:
    # The parser drops a newline right after <pre>: one more keeps the text's own.
    return mark_safe(f'<pre class="{name}">\n{html}</pre>')  # noqa: S308 - callers give escaped text
