"""JSON for reading. Its own tokens are kept: numbers, doubled keys and escapes stay as they were written."""

import json
import re

from jobs.previews.decoding import Head
from jobs.previews.json_tree import Tree, tree_of, tree_of_lines
from jobs.previews.kinds import extension_of

PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
INDENT = "  "
DEEPEST_INDENT = 40
MOST_CHARACTERS = 2 * 1024 * 1024
LINES = frozenset({".ndjson", ".jsonl"})


def tree(text: str, path: str, *, is_cut: bool) -> Tree | None:
    """To be opened and closed; None for a single value. Raises Invalid where the whole is not JSON."""
    if extension_of(path) not in LINES:
        return tree_of(text, is_cut=is_cut)
    lines = text.removesuffix("\n").split("\n")
    return tree_of_lines(lines[:-1] if is_cut else lines)


def laid_out(head: Head, path: str) -> str:
    """For a glance: indented where it is valid and whole, else as it is."""
    text = head.text or ""
    if head.is_cut or extension_of(path) in LINES:
        return text
    try:
        json.loads(text)
    except (RecursionError, ValueError):
        return text
    return indented(text) or text


def indented(text: str) -> str:
    """The valid JSON `text` with one value per line; empty when that would be far longer than the text."""
    parts: list[str] = []
    depth = length = 0
    previous = ""
    for piece in PIECE.findall(text):
        if piece in "}]":
            depth -= 1
        if _begins_line(previous, piece):
            parts.append("\n" + INDENT * min(depth, DEEPEST_INDENT))
        elif previous == ":":
            parts.append(" ")
        parts.append(piece)
        if piece in "{[":
            depth += 1
        length += len(parts[-1]) + len(INDENT) * min(depth, DEEPEST_INDENT)
        if length > MOST_CHARACTERS:
            return ""
        previous = piece
    return "".join(parts)


def _begins_line(previous: str, piece: str) -> bool:
    if piece in {"}", "]"}:
        return previous not in {"{", "["}
    return previous in {"{", "[", ","} and piece != ","
