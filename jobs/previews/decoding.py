"""The beginning of a file as text, whatever wrote it."""

import codecs
from dataclasses import dataclass
from typing import BinaryIO

HEAD_BYTES = 512 * 1024
# Longest first: the mark of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b")) + b"\x7f"
# A text has hardly any control characters.
MOST_CONTROLS = 0.02
# Shown as their pictures: an invisible character may hide something.
PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
# Characters that turn the reading direction: what is shown must be what is there.
PICTURES |= {code: 0xFFFD for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclass(frozen=True)
class Head:
    """A file's beginning. `text` is None for a binary file; lines end with a newline only."""

    text: str | None
    is_cut: bool
    note: str = ""


def read_head(file: BinaryIO, limit: int = HEAD_BYTES) -> Head:
    """At most `limit` bytes of `file`, decoded."""
    data = file.read(limit + 1)
    return decode(data[:limit], is_cut=len(data) > limit)


def decode(data: bytes, *, is_cut: bool = False) -> Head:
    """By byte order mark, as UTF-8, or as Latin-1 where it still looks like text."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            text = _incremental(data[len(mark) :], encoding, "replace", is_cut=is_cut)
            return Head(_tidy(text), is_cut, "" if encoding == "utf-8" else encoding[:6].upper())
    if _looks_binary(data):
        return Head(None, is_cut)
    try:
        return Head(_tidy(_incremental(data, "utf-8", "strict", is_cut=is_cut)), is_cut)
    except UnicodeDecodeError:
        return Head(_tidy(_latin(data)), is_cut, "not UTF-8, read as Latin-1")


def visible_controls(text: str) -> str:
    """The text with control characters as pictures."""
    return text.translate(PICTURES)


def _incremental(data: bytes, encoding: str, errors: str, *, is_cut: bool) -> str:
    # A character that the cut went through is left away.
    return codecs.getincrementaldecoder(encoding)(errors).decode(data, final=not is_cut)


def _latin(data: bytes) -> str:
    # As browsers do: what is called Latin-1 is nearly always Windows-1252.
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _looks_binary(data: bytes) -> bool:
    return b"\0" in data or len(data) - len(data.translate(None, CONTROLS)) > MOST_CONTROLS * len(data)


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
