"""One preview of one file: which kind shows it, and the promise that nothing of it is unbounded."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from django.utils.safestring import SafeString

from jobs.previews import json_data, markdown, notebook, parquet, report, source, table
from jobs.previews.addresses import Addresses
from jobs.previews.decoding import HEAD_BYTES, Head, decode, read_head
from jobs.previews.grid import Order
from jobs.previews.json_events import Invalid
from jobs.previews.kinds import kind_of, language_of

SNIPPET_BYTES = 4096
# Kinds that the browser loads by itself, from the file's own address.
FRAMED = frozenset({"image", "pdf"})
UNSHOWN = frozenset({"archive", "binary"})


@dataclass(frozen=True)
class Preview:
    """What the page of one file shows. `html` is empty where a frame, a picture or nothing is shown.

    `hint` is a sentence about what cannot be seen in a frame.
    """

    kind: str
    html: SafeString = SafeString("")
    note: str = ""
    truncated: bool = False
    is_sorted: bool = False
    hint: str = ""


def preview_of(
    path: str,
    size: int,
    open_file: Callable[[], BinaryIO],
    addresses: Addresses | None = None,
    order: Order | None = None,
) -> Preview:
    """The preview of the file at `path`. Reads at most HEAD_BYTES, of a notebook more. Raises FileNotFoundError.

    `addresses` says where a document's relative pictures and links lead, `order` how a table's rows are sorted.
    """
    kind = kind_of(path)
    if kind == "html":
        return _report(open_file)
    if kind in FRAMED or kind in UNSHOWN:
        return Preview(kind)
    if kind == "parquet":
        return _parquet(open_file, size, order)
    addresses = addresses or Addresses()
    if kind == "notebook" and size <= notebook.MOST_BYTES:
        with open_file() as file:
            rendered = notebook.render(file.read(notebook.MOST_BYTES), addresses)
        if rendered is not None:
            return Preview(kind, rendered.html, rendered.note, rendered.is_cut)
    with open_file() as file:
        head = read_head(file, HEAD_BYTES)
    return (
        _of_table(path, head, order)
        if kind == "table" and head.text
        else _of_text(path, kind, head, addresses)
    )


def snippet_of(path: str, data: bytes) -> SafeString:
    """A few lines for the grid, made of the file's first SNIPPET_BYTES; empty where an icon says more."""
    head = decode(data, is_cut=len(data) >= SNIPPET_BYTES)
    if not head.text or not head.text.strip():
        return SafeString("")
    kind = kind_of(path)
    if kind == "table" and (grid := table.snippet(head, path)):
        return grid
    if kind == "json":
        return source.snippet(json_data.laid_out(head, path), "json")
    if kind == "code":
        return source.snippet(head.text, language_of(path))
    return source.snippet(head.text, "")


def _report(open_file: Callable[[], BinaryIO]) -> Preview:
    with open_file() as file:
        head = file.read(report.HEAD_BYTES)
    return Preview("html", hint=report.LOADS if report.loads_from_elsewhere(head) else "")


def _parquet(open_file: Callable[[], BinaryIO], size: int, order: Order | None) -> Preview:
    shown = parquet.render(open_file, size, order)
    if isinstance(shown, str):
        return Preview("binary", note=shown)
    return Preview("table", shown.html, shown.note, shown.is_cut, shown.is_sorted)


def _of_table(path: str, head: Head, order: Order | None) -> Preview:
    shown = table.render(head, path, order)
    if shown is None:
        note, text = "it cannot be read as a table", source.plain(head.text or "")
        return Preview("text", text, _joined(head.note, note), head.is_cut)
    is_cut = head.is_cut or shown.is_cut
    return Preview("table", shown.html, _joined(head.note, shown.note), is_cut, shown.is_sorted)


def _of_text(path: str, kind: str, head: Head, addresses: Addresses) -> Preview:
    if head.text is None:
        return Preview("binary")
    if not head.text:
        return Preview("empty", note="an empty file")
    made = _made(path, kind, head, addresses)
    return replace(made, note=_joined(head.note, made.note))


def _json(path: str, text: str, *, is_cut: bool) -> Preview:
    """A tree; text where it is none."""
    try:
        made = json_data.tree(text, path, is_cut=is_cut)
    except Invalid as invalid:
        note = f"not valid JSON: {invalid.where(text)}, {invalid}; shown as text"
        return Preview("json", source.plain(text), note, is_cut)
    if made is None:
        return Preview("json", source.highlighted(text, "json"), "", is_cut)
    return Preview("tree", made.html, made.note, is_cut)


def _joined(*notes: str) -> str:
    return " · ".join(filter(None, notes))


def _made(path: str, kind: str, head: Head, addresses: Addresses) -> Preview:
    text = head.text or ""
    if kind == "json":
        return _json(path, text, is_cut=head.is_cut)
    if kind == "markdown":
        is_cut = head.is_cut or len(text) > markdown.MOST_CHARACTERS
        return Preview("markdown", markdown.render(text, addresses), "", is_cut)
    if kind == "code":
        return Preview("code", source.highlighted(text, language_of(path)), "", head.is_cut)
    note = notebook.UNREADABLE if kind == "notebook" else ""
    return Preview("text", source.plain(text), note, head.is_cut)
