"""Where in a job a search was found: the text with the match marked. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from jobs.search.query import Term

MOST_HITS = 4
# So much of a long line is shown, and so much of that before the match.
SHOWN, BEFORE = 160, 50
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Piece:
    """A part of a text that was found; `is_match`: it is what was looked for."""

    text: str
    is_match: bool


@dataclass
class Hit:
    """One place: "Tag", "main.py, line 12". `pieces` put together are its text."""

    where: str
    text: str
    patterns: list[re.Pattern[str]] = field(default_factory=list)

    @property
    def pieces(self) -> list[Piece]:
        """The text, parted at the matches; a long one from shortly before the first."""
        return marked(self.text, self.patterns)

    @property
    def html(self) -> SafeString:
        """The text with its matches in `<mark>`. Made here: a template's loop over all pieces of a page is slow."""
        return mark_safe("".join(_html(piece) for piece in self.pieces))  # noqa: S308 (each piece is escaped)


def _html(piece: Piece) -> str:
    text = escape(piece.text)
    return f"<mark>{text}</mark>" if piece.is_match else text


@dataclass(frozen=True)
class Given:
    """What a job was given, as far as it is searched. `texts`: by path."""

    name: str
    tags: Sequence[str]
    arguments: Sequence[str]
    texts: dict[str, str]


def find_hits(given: Given, terms: Iterable[Term]) -> list[Hit]:
    """Where each of the terms was found, the first place of each; what is on one line is one hit."""
    hits: dict[tuple[str, str], Hit] = {}
    for term in terms:
        found = next(filter(None, (look(given, term) for look in _LOOKS)), None)
        if found:
            where, text, pattern = found
            hits.setdefault((where, text), Hit(where, text)).patterns.append(pattern)
    return list(hits.values())[:MOST_HITS]


def is_in_name_or_tags(name: str, tags: Sequence[str], term: Term) -> bool:
    """True where nothing else has to be read to find the term."""
    given = Given(name, tags, [], {})
    return bool(_in_name(given, term) or _in_tags(given, term))


Found = tuple[str, str, re.Pattern[str]]


def _in_name(given: Given, term: Term) -> Found | None:
    return _first("Name", [given.name], _anywhere(term)) if not term.field else None


def _in_tags(given: Given, term: Term) -> Found | None:
    if term.field == "tag":
        return _first("Tag", given.tags, _wholly(term))
    return _first("Tag", given.tags, _anywhere(term)) if not term.field else None


def _in_arguments(given: Given, term: Term) -> Found | None:
    if term.field:
        return None
    texts = given.arguments if term.is_word else [" ".join(given.arguments)]
    return _first("Argument", texts, _beginning(term))


def _in_files(given: Given, term: Term) -> Found | None:
    return _first("File", given.texts, _anywhere(term)) if term.field in ("", "file") else None


def _in_scripts(given: Given, term: Term) -> Found | None:
    if term.field:
        return None
    pattern = _beginning(term)
    for path, text in given.texts.items():
        match = pattern.search(text)
        if match:
            number = len(LINE_END.findall(text, 0, match.start())) + 1
            line = next(iter(LINE_END.split(text[_line_start(text, match.start()) :], maxsplit=1)))
            return f"{path}, line {number:,}", line, pattern
    return None


_LOOKS: tuple[Callable[[Given, Term], Found | None], ...] = (
    _in_name,
    _in_tags,
    _in_arguments,
    _in_files,
    _in_scripts,
)


def marked(text: str, patterns: Iterable[re.Pattern[str]]) -> list[Piece]:
    """The text, parted at the matches, which do not overlap."""
    spans = sorted(match.span() for pattern in patterns for match in pattern.finditer(text))
    start = max(0, spans[0][0] - BEFORE) if spans and len(text) > SHOWN else 0
    end = min(len(text), start + SHOWN)
    pieces = [Piece("…", False)] if start else []
    at = start
    for first, last in spans:
        if first < at or last > end or first == last:
            continue
        pieces += [Piece(text[at:first], False), Piece(text[first:last], True)]
        at = last
    pieces.append(Piece(text[at:end] + ("…" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece.text]


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _first(where: str, texts: Iterable[str], pattern: re.Pattern[str]) -> Found | None:
    return next(((where, text, pattern) for text in texts if pattern.search(text)), None)


# The same few for each job of a page.
@lru_cache(maxsize=256)
def _wholly(term: Term) -> re.Pattern[str]:
    return re.compile(rf"\A{re.escape(term.text)}\Z", re.I)


@lru_cache(maxsize=256)
def _anywhere(term: Term) -> re.Pattern[str]:
    return re.compile(re.escape(term.text), re.I)


@lru_cache(maxsize=256)
def _beginning(term: Term) -> re.Pattern[str]:
    """A word begins where no letter or digit stands before it; anything else is as it is written."""
    return re.compile((r"(?<![^\W_])" if term.is_word else "") + re.escape(term.text), re.I)
