"""One range of bytes, as HTTP asks for it: RFC 9110, sections 13.1.5 (If-Range) and 14 (Range).

Several ranges in one request are answered with everything, which section 14.2 allows.
"""

import re
from typing import NamedTuple

from django.utils.http import parse_http_date_safe

# "2-5", "2-" and "-5"; a number has any length there.
_SPEC = re.compile(r"(\d*)-(\d*)", re.ASCII)
_LONGEST = 18


class Span(NamedTuple):
    """Bytes from `start` up to `end`, which is not part of it; never empty."""

    start: int
    end: int

    def words(self, size: int) -> str:
        """The header `Content-Range` of an answer with these bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


class Unsatisfiable(Exception):
    """A range that is well asked for and lies behind the end: 416."""


def span_of(wanted: str, size: int) -> Span | None:
    """What the header `Range` asks for of so many bytes; None where that is everything, or not to be understood.

    Raises Unsatisfiable.
    """
    unit, _, ranges = wanted.partition("=")
    specs = [spec for part in ranges.split(",") if (spec := part.strip(" \t"))]
    found = _SPEC.fullmatch(specs[0]) if len(specs) == 1 and unit.lower() == "bytes" else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return _suffix(_number(last), size)
    start = _number(first)
    if last and _number(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(size, _number(last) + 1) if last else size)


def may_resume(if_range: str, tag: str, modified: int | None) -> bool:
    """Whether a range may be taken of the content that has this ETag and was last modified then.

    The header `If-Range` is an entity tag, which has to be strong and the same, or a date, which has to be the same;
    what is neither means no. `modified`: Unix seconds; None where it was never told to anybody (see `settled`).
    """
    if not if_range:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == tag and not tag.startswith("W/")
    return modified is not None and parse_http_date_safe(if_range) == modified


def settled(modified: float, now: float) -> int | None:
    """The second of the last change, once it is over: then no other content can have the same. Else None.

    A date that is told only then is a strong validator (RFC 9110, section 8.8.2.2). `modified` is to be looked up
    before the content is.
    """
    return int(modified) if now >= int(modified) + 1 else None


def _suffix(length: int, size: int) -> Span | None:
    if length == 0:
        raise Unsatisfiable
    # All of nothing has no Content-Range; it is the whole, too.
    return Span(max(0, size - length), size) if size else None


def _number(text: str) -> int:
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= _LONGEST else 10**_LONGEST
