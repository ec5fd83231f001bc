"""JSON piece by piece, each as it is written. However deep it is, nothing here calls itself."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_PIECE = re.compile(
    r'[ \t\n\r]*(?:(?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    # What Python, R and JavaScript write for numbers that JSON has not.
    r"|(?P<word>true|false|null|NaN|-?Infinity)"
    r"|(?P<mark>[{}\[\],:]))"
)
_BLANK = re.compile(r"[ \t\n\r]*")
# The end of a text that was cut within a piece.
_BEGUN = re.compile(r'"[^"\\\x00-\x1f]*(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*)*\\?|-?[0-9.eE+-]*|-?[A-Za-z]{1,8}')
NAME, OPEN, CLOSE = "name", "open", "close"
_CLOSING = {"{": "}", "[": "]"}
_VALUE, _FIRST, _NEXT_NAME, _FIRST_NAME, _COLON, _NEXT, _END = range(7)
_EXPECTED = {
    _VALUE: "a value is expected here",
    _FIRST: "a value or “]” is expected here",
    _NEXT_NAME: "a name in double quotes is expected here",
    _FIRST_NAME: "a name in double quotes or “}” is expected here",
    _COLON: "“:” is expected here",
    _END: "there is more behind the end",
}


class Event(NamedTuple):
    """`kind`: NAME, OPEN, CLOSE, or "string", "number", "word" for a value; `text` is what is written."""

    kind: str
    text: str


class Invalid(Exception):
    """`at` is where, as an offset; the text says what is expected there."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at

    def where(self, text: str) -> str:
        """In words: line and column of `text`, from 1."""
        line = text.count("\n", 0, self.at) + 1
        return f"line {line}, column {self.at - text.rfind(chr(10), 0, self.at)}"


def events(text: str, *, is_cut: bool = False) -> Iterator[Event]:
    """The one value in `text`. Raises Invalid. With `is_cut` it may end anywhere, and nothing half is given."""
    stack: list[str] = []
    wanted = _VALUE
    at = 0
    while True:
        match = _PIECE.match(text, at)
        if match is None:
            _check_end(text, at, wanted, stack, is_cut=is_cut)
            return
        kind, at = match.lastgroup or "", match.end()
        piece = match[kind]
        if kind == "number" and is_cut and _BEGUN.fullmatch(text, match.start(kind)):
            return
        if kind == "string" and wanted in (_NEXT_NAME, _FIRST_NAME):
            yield Event(NAME, piece)
            wanted = _COLON
        elif wanted == _COLON and piece == ":":
            wanted = _VALUE
        elif wanted == _NEXT and piece == ",":
            wanted = _NEXT_NAME if stack[-1] == "{" else _VALUE
        elif wanted in (_NEXT, _FIRST, _FIRST_NAME) and piece == _CLOSING[stack[-1]]:
            yield Event(CLOSE, piece)
            stack.pop()
            wanted = _NEXT if stack else _END
        elif wanted in (_VALUE, _FIRST) and piece in _CLOSING:
            yield Event(OPEN, piece)
            stack.append(piece)
            wanted = _FIRST_NAME if piece == "{" else _FIRST
        elif wanted in (_VALUE, _FIRST) and kind != "mark":
            yield Event(kind, piece)
            wanted = _NEXT if stack else _END
        else:
            raise Invalid(at - len(piece), _expected(wanted, stack))


def _check_end(text: str, at: int, wanted: int, stack: list[str], *, is_cut: bool) -> None:
    """Nothing that JSON knows is at `at`: raises Invalid unless the text may end there."""
    blank = _BLANK.match(text, at)
    at = blank.end() if blank else at
    if at == len(text) and (wanted == _END or is_cut):
        return
    if is_cut and _BEGUN.fullmatch(text, at):
        return
    if at == len(text):
        raise Invalid(at, "it ends before all that was opened is closed" if stack else "it ends here")
    if text[at] == '"' and wanted not in (_COLON, _NEXT, _END):
        raise Invalid(at, "this text has no end, or a character that has to be written as an escape")
    raise Invalid(at, _expected(wanted, stack))


def _expected(wanted: int, stack: list[str]) -> str:
    return _EXPECTED[wanted] if wanted != _NEXT else f"“,” or “{_CLOSING[stack[-1]]}” is expected here"
