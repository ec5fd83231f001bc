"""JSON laid out for reading. Its own tokens are kept: numbers, doubled keys and escapes stay as they were written."""

import json
import re
from dataclasses import dataclass

from jobs.previews.decoding import Head
from jobs.previews.kinds import extension_of

PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
INDENT = "  "
DEEPEST_INDENT = 40
MOST_CHARACTERS = 2 * 1024 * 1024
LINES = frozenset({".ndjson", ".jsonl"})


@dataclass(frozen=True)
class LaidOut:
    """Text to show, and what the reader should know about it."""

    text: str
    note: str = ""


def laid_out(head: Head, path: str) -> LaidOut:
    """Indented where it is valid and whole, else as it is, with a note that says why."""
    text = head.text or ""
    if extension_of(path) in LINES:
        return _lines(text, is_cut=head.is_cut)
    if head.is_cut:
        return LaidOut(text)
    try:
        json.loads(text)
    except RecursionError:
        return LaidOut(text, "nested too deeply to be laid out")
    except ValueError as error:
        return LaidOut(text, f"not valid JSON ({_reason(error)}), shown as it is")
    return LaidOut(indented(text) or text)


def _lines(text: str, *, is_cut: bool) -> LaidOut:
    lines = text.removesuffix("\n").split("\n")
    if is_cut:
        lines = lines[:-1]
    for number, line in enumerate(lines, 1):
        try:
            json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            return LaidOut(text, f"line {number} is not valid JSON")
    count = f"{len(lines)} record{'' if len(lines) == 1 else 's'}"
    return LaidOut("\n".join(lines), f"first {count}" if is_cut else count)


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


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: {error.msg}"
    return "a number in it is too long"
