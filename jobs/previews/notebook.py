"""Notebooks (format 4) as HTML: cells and stored outputs, cleaned. Nothing of them is run."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.previews import markdown, source
from jobs.previews.addresses import Addresses
from jobs.previews.notebook_output import Budget, as_text, output_html, picture_address

MOST_BYTES = 8 * 1024 * 1024
MOST_CELLS = 500
MOST_CHARACTERS = 12 * 1024 * 1024
UNREADABLE = "not a notebook of format 4, shown as it is"
LANGUAGES = {"python": "python", "r": "r", "julia": "julia", "bash": "bash", "scala": "scala", "sql": "sql"}


@dataclass(frozen=True)
class Rendered:
    """The notebook's HTML and what it says about itself."""

    html: SafeString
    note: str
    is_cut: bool


def render(data: bytes, addresses: Addresses) -> Rendered | None:
    """The first cells with their outputs; None when `data` is no notebook that we can read."""
    try:
        book = json.loads(data)
    except (ValueError, RecursionError):
        return None
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list):
        return None
    cells = [cell for cell in cells if isinstance(cell, dict)]
    parts, length = [], 0
    for part in _cells_html(cells[:MOST_CELLS], _language(book), addresses):
        length += len(part)
        if length > MOST_CHARACTERS:
            break
        parts.append(part)
    note = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
    html = format_html_join("", "{}", ((part,) for part in parts))
    return Rendered(html, note, is_cut=len(parts) < len(cells))


def _cells_html(cells: list[dict[str, Any]], language: str, addresses: Addresses) -> Iterator[SafeString]:
    budget = Budget(time.monotonic())
    for cell in cells:
        text = as_text(cell.get("source"))
        if cell.get("cell_type") == "markdown":
            yield _markdown_cell(cell, text, addresses, budget)
        elif cell.get("cell_type") == "code":
            yield _code_cell(cell, text, language, budget)
        else:
            yield format_html('<div class="nb-cell">{}</div>', source.plain(text))


def _markdown_cell(cell: dict[str, Any], text: str, addresses: Addresses, budget: Budget) -> SafeString:
    if len(text) > markdown.MOST_CHARACTERS or not budget.allows(text):
        return format_html('<div class="nb-cell">{}</div>', source.plain(text))
    here = replace(addresses, attachments=_attachments(cell.get("attachments")))
    return format_html('<div class="nb-cell nb-text">{}</div>', markdown.render(text, here))


def _code_cell(cell: dict[str, Any], text: str, language: str, budget: Budget) -> SafeString:
    code = source.highlighted(text, language if budget.allows(text) else "") if text else ""
    outputs = cell.get("outputs")
    shown = [output_html(output, budget) for output in outputs] if isinstance(outputs, list) else []
    count = cell.get("execution_count")
    return format_html(
        '<div class="nb-cell nb-code"><div class="nb-count">{}</div>{}{}</div>',
        f"[{count}]" if isinstance(count, int) else "[ ]",
        code,
        format_html_join("", '<div class="nb-output">{}</div>', ((html,) for html in shown if html)),
    )


def _attachments(found: object) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    addresses = {
        str(name): next(
            (a for mime, data in bundle.items() if (a := picture_address(mime, as_text(data)))), ""
        )
        for name, bundle in found.items()
        if isinstance(bundle, dict)
    }
    return {name: address for name, address in addresses.items() if address}


def _language(book: dict[str, Any]) -> str:
    metadata = book.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    name = info.get("name") if isinstance(info, dict) else None
    return LANGUAGES.get(str(name).lower(), "python" if name is None else "")
