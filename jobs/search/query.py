"""The language of the search box: words, "a phrase", -word, tag:x, owner:x, file:x. Pure."""

import re
from dataclasses import dataclass

from jobs.search.words import FILE, LONGEST, PIECE, SHORTEST_PIECE, TAG, WORD, words_in

MOST_TERMS = 12
FIELDS = ("tag", "owner", "file")
TERM = re.compile(r'(?P<minus>-?)(?:(?P<field>tag|owner|file):)?(?:"(?P<quoted>[^"]*)"|(?P<plain>\S*))', re.I)
# Where a key's team and shelf are put in (jobs/history/searching.py).
PLACE = "\x01"


class Misspelt(ValueError):
    """The message says what is wrong in the search and what to write instead."""


@dataclass(frozen=True)
class Term:
    """One thing that must be there, or with `is_left_out` must not. `field`: "" for anywhere."""

    text: str
    field: str = ""
    is_left_out: bool = False
    is_quoted: bool = False

    @property
    def is_word(self) -> bool:
        """True for one word, which is found by its beginning; anything else must be there as it is written."""
        return not self.is_quoted and WORD.fullmatch(self.text) is not None


@dataclass(frozen=True)
class Search:
    """What is looked for: all of it must match."""

    terms: tuple[Term, ...] = ()

    @property
    def places(self) -> list[Term]:
        """The terms that a page can show where they were found."""
        return [term for term in self.terms if not term.is_left_out and term.field != "owner"]

    @property
    def owners(self) -> list[Term]:
        """The people that are named."""
        return [term for term in self.terms if term.field == "owner"]

    @property
    def exact(self) -> list[Term]:
        """The terms that the index of words alone does not decide."""
        return [term for term in self.terms if not term.field and not term.is_word]

    @property
    def lookup(self) -> str:
        """A tsquery with PLACE for team and shelf; "" where nothing is asked that the index holds."""
        positive = [key for term in self.terms if not term.is_left_out for key in _keys(term)]
        negative = [f"!{_whole(term)}" for term in self.terms if term.is_left_out and _is_indexed(term)]
        return " & ".join(positive + negative) if positive else ""

    @property
    def check(self) -> str:
        """As `lookup` for a job at hand, also where nothing is asked but that something is missing."""
        negative = [f"!{_whole(term)}" for term in self.terms if term.is_left_out and _is_indexed(term)]
        return self.lookup or " & ".join(negative)


def parse(text: str) -> Search:
    """What the text asks for. Raises Misspelt."""
    terms: list[Term] = []
    at, text = 0, text.replace(PLACE, " ").strip()
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = TERM.match(text, at)
        assert found is not None  # anything that is not a space is at least a plain term
        terms.append(_term(found))
        at = found.end()
    if len(terms) > MOST_TERMS:
        raise Misspelt(f"These are {len(terms)} words; at most {MOST_TERMS} are looked for at once.")
    return Search(tuple(terms))


def _term(found: re.Match[str]) -> Term:
    quoted, plain = found["quoted"], found["plain"]
    name, is_left_out = (found["field"] or "").lower(), bool(found["minus"])
    if quoted is None and plain.startswith('"'):
        raise Misspelt(f"A quote is opened and never closed: {plain} … Close it, or take it away.")
    if not name and quoted is None and not plain:
        raise Misspelt("A “-” leaves a word out: write the word right behind it, as in -test.")
    value = (plain if quoted is None else quoted).strip()
    if not value:
        what = f"“{name}:”" if name else "The pair of quotes"
        raise Misspelt(
            f"{what} names nothing: write what to look for right behind it, as in {EXAMPLES[name]}."
        )
    return Term(value, name, is_left_out, quoted is not None)


EXAMPLES = {"": '"read_csv(path"', "tag": "tag:paper", "owner": "owner:alice", "file": "file:train.py"}


def _is_indexed(term: Term) -> bool:
    return term.field in ("tag", "file") or (not term.field and term.is_word)


def _keys(term: Term) -> list[str]:
    """What must be in the index where the term is found."""
    if term.field == "tag":
        return [_key(TAG + term.text.lower())]
    if term.field == "file":
        return [_key(FILE + term.text.lower(), is_beginning=True)]
    if term.field:
        return []
    if term.is_word:
        # Whole, not its parts: "learning_rate" is a word of its own.
        return [_anywhere(term.text.lower().strip("_")[:LONGEST])] if term.text.strip("_") else []
    inner = [found.group().lower().strip("_")[:LONGEST] for found in WORD.finditer(term.text)]
    return [_anywhere(word) for word in dict.fromkeys(inner) if word]


def _anywhere(word: str) -> str:
    is_beginning = len(word) >= SHORTEST_PIECE
    return f"({_key(word, is_beginning=is_beginning)} | {_key(PIECE + word, is_beginning=is_beginning)})"


def _whole(term: Term) -> str:
    if term.field == "tag":
        return _key(TAG + term.text.lower())
    if term.field == "file":
        return _key(FILE + term.text.lower(), is_beginning=True)
    words = list(words_in(term.text))[:1]
    return _key(words[0] if words else term.text.lower())


def _key(word: str, *, is_beginning: bool = False) -> str:
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{PLACE}{quoted}'" + (":*" if is_beginning else "")
