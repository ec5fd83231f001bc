"""A line of terminal output as HTML: colours become classes, everything else that a terminal obeys is dropped."""

import re

from ansi2html import Ansi2HTMLConverter
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

# Every sequence stops at the next ESC, so that no input makes the search slow.
_SEQUENCE = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~]|$)"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
)
_OVERLAY_LIMIT = 4096
_CARRIED_MOST = 200


class Terminal:
    """Turns the lines of one stream into HTML, in order: a colour stays until it is changed."""

    def __init__(self) -> None:
        self._carried = ""
        self._converter = Ansi2HTMLConverter(inline=False, linkify=False)

    def html(self, line: str) -> SafeString:
        """The line, escaped, in spans whose classes css/output.css knows."""
        text = _SEQUENCE.sub(_keep_colours, collapse(line))
        if "\x1b" not in text and not self._carried:
            return escape(text)
        coloured = self._carried + text
        self._carry(text)
        return mark_safe(self._converter.convert(coloured, full=False))  # noqa: S308 - the converter escapes

    def _carry(self, text: str) -> None:
        for match in _SEQUENCE.finditer(text):
            is_reset = match["parameters"] in ("", "0")
            self._carried = "" if is_reset else self._carried + match[0]
        if len(self._carried) > _CARRIED_MOST:
            self._carried = ""


def collapse(line: str) -> str:
    """What is left to see of a line with carriage returns: a progress bar's last text over its earlier ones."""
    if "\r" not in line:
        return line
    shown = ""
    for part in line.split("\r"):
        if not part:
            continue
        simple = len(shown) <= _OVERLAY_LIMIT and "\x1b" not in shown and "\x1b" not in part
        shown = part + shown[len(part) :] if simple else part
    return shown


def _keep_colours(match: re.Match[str]) -> str:
    if match["final"] != "m":
        return ""
    # Colons separate as semicolons do; what is no number means nothing.
    codes = re.split("[;:]", match["parameters"])
    return f"\x1b[{';'.join(code for code in codes if code.isdecimal() and len(code) < 4)}m"
