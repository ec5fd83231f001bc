"""What was written for a terminal, as HTML: colours stay, everything that moves or links is dropped."""

import re

from ansi2html import Ansi2HTMLConverter
from django.utils.safestring import SafeString

from jobs.previews.addresses import Addresses
from jobs.previews.clean import cleaned
from jobs.previews.decoding import visible_controls

# Operating system commands (links, clipboard, titles), and every control sequence that is no colour.
NOT_COLOUR = re.compile(
    r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b[@-Z\\^_](?<!\x1b\[)|\x1b[ -/]+[0-~]"
)


def terminal_html(text: str) -> SafeString:
    """The text's HTML with classes `ansi31` and the like; of a line that was overwritten the last state."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    coloured = NOT_COLOUR.sub("", "\n".join(lines))
    html = Ansi2HTMLConverter(inline=False, linkify=False).convert(coloured, full=False)
    return cleaned(visible_controls(html), Addresses())
