"""Markdown as HTML: rendered, then cleaned; raw HTML in it is treated like everything else."""

import re
import time

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

from jobs.previews import source
from jobs.previews.addresses import Addresses
from jobs.previews.clean import cleaned
from jobs.previews.kinds import LANGUAGES

# The parser's worst inputs take time with the square of their length: this much takes two seconds.
MOST_CHARACTERS = 64 * 1024
CODE_NAMES = {
    **{extension[1:]: name for extension, name in LANGUAGES.items()},
    "json": "json",
    "console": "console",
}
CODE_NAMES |= {name: name for name in LANGUAGES.values()}


def render(text: str, addresses: Addresses) -> SafeString:
    """The HTML of the first MOST_CHARACTERS; pictures and links only as `addresses` allows."""
    return cleaned(_renderer().render(text[:MOST_CHARACTERS]), addresses)


def _renderer() -> MarkdownIt:
    # A new one each time: its state is not for two threads.
    deadline = time.monotonic() + source.HIGHLIGHT_SECONDS

    def highlight(code: str, language: str, attributes: str) -> str:
        name = CODE_NAMES.get(re.split(r"[\s,{}]+", language.strip("{} "))[0].lower(), "")
        is_quick = source.is_quick(code, name) and time.monotonic() < deadline
        return source.tokens_html(code, name) if is_quick else ""

    options = {"html": True, "highlight": highlight}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
