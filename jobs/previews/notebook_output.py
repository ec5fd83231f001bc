"""The stored outputs of notebook cells: text with colours, cleaned HTML, pictures as data addresses."""

import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.previews import json_data, markdown, source
from jobs.previews.addresses import Addresses
from jobs.previews.clean import cleaned
from jobs.previews.terminal import terminal_html

RICH_CHARACTERS = 400_000
RICH_SECONDS = 4.0
# A picture is shown only when its content begins as its type says.
BEGINNINGS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
NOT_SHOWN = SafeString('<p class="nb-note">Interactive output; download the notebook to see it.</p>')
HAS_CONTENT = re.compile(r"<img |>\s*[^<\s]|^\s*[^<\s]")


class Budget:
    """How much of one notebook is rendered richly; what is above it is shown as plain text."""

    def __init__(self, began: float) -> None:
        self._until = began + RICH_SECONDS
        self._left = RICH_CHARACTERS

    def allows(self, text: str) -> bool:
        """Takes the text's share; False when it is used up."""
        self._left -= len(text)
        return self._left >= 0 and time.monotonic() < self._until


def as_text(value: object) -> str:
    """A multi-line string of the format: a string or a list of them; anything else is empty."""
    if isinstance(value, str):
        return value
    return "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else ""


def output_html(output: object, budget: Budget) -> SafeString:
    """One output; empty when there is nothing to show."""
    if not isinstance(output, dict):
        return SafeString("")
    kind = output.get("output_type")
    if kind == "stream":
        name = "nb-stderr" if output.get("name") == "stderr" else "nb-stdout"
        return _terminal(as_text(output.get("text")), name, budget)
    if kind == "error":
        lines = output.get("traceback")
        text = "\n".join(as_text(line) for line in lines) if isinstance(lines, list) else ""
        return _terminal(text or f"{output.get('ename')}: {output.get('evalue')}", "nb-error", budget)
    data = output.get("data")
    return _richest(data, budget) if isinstance(data, dict) else SafeString("")


def picture_address(mime: str, data: str) -> str:
    """A data address of a picture; empty when the type is not allowed or the content is something else."""
    if mime == "image/svg+xml":
        return _data_address(mime, data.encode("utf-8", "replace"))
    beginning = BEGINNINGS.get(mime)
    try:
        content = base64.b64decode(data) if beginning else b""
    except (binascii.Error, ValueError):
        return ""
    return _data_address(mime, content) if beginning and beginning.match(content) else ""


def _richest(data: Mapping[str, Any], budget: Budget) -> SafeString:
    html = as_text(data.get("text/html"))
    if html and budget.allows(html):
        safe = cleaned(html, Addresses())
        if HAS_CONTENT.search(safe):
            return format_html('<div class="nb-html">{}</div>', safe)
    for mime in ("image/svg+xml", *BEGINNINGS):
        if address := picture_address(mime, as_text(data.get(mime))) if mime in data else "":
            return format_html('<img src="{}" alt="Output of the cell">', address)
    return _words(data, budget)


def _words(data: Mapping[str, Any], budget: Budget) -> SafeString:
    text = as_text(data.get("text/markdown"))
    if text and len(text) <= markdown.MOST_CHARACTERS and budget.allows(text):
        return markdown.render(text, Addresses())
    if "application/json" in data:
        text = _json(data["application/json"])
        return source.highlighted(text, "json" if budget.allows(text) else "")
    text = as_text(data.get("text/plain")) or as_text(data.get("text/latex"))
    return _terminal(text, "nb-result", budget) if text else NOT_SHOWN


def _json(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown)"
    return json_data.indented(text) or text


def _terminal(text: str, name: str, budget: Budget) -> SafeString:
    if not text:
        return SafeString("")
    if not budget.allows(text):
        return source.plain(text)
    return format_html('<pre class="{}">{}{}</pre>', name, "\n", terminal_html(text))


def _data_address(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}" if content else ""
