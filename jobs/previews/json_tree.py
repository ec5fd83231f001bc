"""JSON as a tree that opens and closes without any script: <details> in each other, values as they are written."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from jobs.previews.decoding import visible_controls
from jobs.previews.json_events import CLOSE, NAME, OPEN, Event, Invalid, events

# What a page can hold; what is beyond is said.
MOST_VALUES, DEEPEST, MOST_CHARACTERS = 3000, 50, 300_000
LONGEST_TEXT, LONGEST_NAME = 400, 120
# These are open from the start: what lies close to the root, is no long list, and comes early.
OPEN_DEPTH, OPEN_ENTRIES, OPEN_VALUES = 2, 30, 200
# Pygments' classes, whose colours code.css has.
_CLASSES = {"string": "s2", "number": "mi", "word": "kc"}


@dataclass(frozen=True)
class Tree:
    """HTML, and what of the text is not in it."""

    html: SafeString
    note: str = ""


def tree_of(text: str, *, is_cut: bool) -> Tree | None:
    """None for a single value, which is no tree. Raises Invalid."""
    found = events(text, is_cut=is_cut)
    first = next(found, None)
    if first is None or first.kind != OPEN:
        for _ in found:  # judged all the same
            pass
        return None
    builder = _Builder()
    builder.add_all([first])
    builder.add_all(found)
    builder.end()
    return builder.tree()


def tree_of_lines(lines: list[str]) -> Tree:
    """A value in each line. One that is none is shown as text, with why."""
    builder = _Builder()
    troubles: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        begun = builder.begin_record(number)
        try:
            builder.add_all(events(line))
        except Invalid as invalid:
            troubles.append(number)
            why = f"not valid JSON: column {invalid.at + 1}, {invalid}"
            builder.replace_record(begun, _shortened(line, LONGEST_TEXT), why)
    tree = builder.tree()
    if not troubles:
        return tree
    others = f" and {len(troubles) - 1} more lines are" if len(troubles) > 1 else " is"
    return Tree(
        tree.html, " · ".join(filter(None, [f"line {troubles[0]}{others} not valid JSON", tree.note]))
    )


@dataclass
class _Level:
    """An object or list that is open. `place`: its first part, to be filled when its entries are counted.

    `is_shown`: its entries are.
    """

    mark: str
    label: str
    place: int
    is_shown: bool
    count: int = 0
    shown: int = 0
    names: set[str] = field(default_factory=set)


class _Builder:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self._levels: list[_Level] = []
        self._label = ""
        self._shown = self._characters = self._left_out = 0
        self._is_too_deep = False
        # Levels that are open within one that is not shown.
        self._beyond = 0

    def add_all(self, found: Iterator[Event] | list[Event]) -> None:
        for event in found:
            if self._beyond:
                self._pass(event.kind)
            elif event.kind == NAME:
                self._label = self._name(event.text)
            elif event.kind == OPEN:
                self._open(event.text)
            elif event.kind == CLOSE:
                self._close()
            elif self._begin_entry():
                self._add(f"<li>{self._label}{_value(event)}</li>")

    def begin_record(self, number: int) -> tuple[str, int, int]:
        """A line begins; what `replace_record` takes."""
        self._label = f'<span class="json-index">{number}</span> '
        return self._label, len(self._parts), self._shown

    def replace_record(self, begun: tuple[str, int, int], html: str, why: str) -> None:
        """The line is shown as it is, in place of what was made of it."""
        self._label, place, self._shown = begun
        del self._parts[place:]
        self._levels.clear()
        self._beyond = 0
        if self._begin_entry():
            self._add(f'<li>{self._label}{html} <span class="json-said">{escape(why)}</span></li>')

    def end(self) -> None:
        """Close what a cut left open."""
        self._beyond = 0
        while self._levels:
            self._close(is_cut=True)

    def tree(self) -> Tree:
        notes = []
        if self._left_out:
            notes.append(f"the first {self._shown:,} values are laid out, {self._left_out:,} more are not")
        if self._is_too_deep:
            notes.append(f"what is nested deeper than {DEEPEST} levels is not laid out")
        html = f'<ul class="json-tree code">{"".join(self._parts)}</ul>'
        return Tree(mark_safe(html), " · ".join(notes))  # noqa: S308 - every text in it is escaped

    def _name(self, written: str) -> str:
        names = self._levels[-1].names
        again = ' <span class="json-said">again</span>' if written in names else ""
        names.add(written)
        return f'<span class="nt">{_shortened(written, LONGEST_NAME)}</span>{again}: '

    def _begin_entry(self) -> bool:
        """Count a value; whether it is shown. Its label is ready then."""
        level = self._levels[-1] if self._levels else None
        if level:
            level.count += 1
            if level.mark == "[":
                self._label = f'<span class="json-index">{level.count - 1}</span> '
        is_shown = self._has_room() and (level is None or level.is_shown)
        if is_shown:
            self._shown += 1
            if level:
                level.shown += 1
        else:
            self._left_out += 1
        return is_shown

    def _has_room(self) -> bool:
        return self._shown < MOST_VALUES and self._characters < MOST_CHARACTERS

    def _open(self, mark: str) -> None:
        if not self._begin_entry():
            self._beyond = 1
            return
        is_deep = len(self._levels) >= DEEPEST
        self._is_too_deep = self._is_too_deep or is_deep
        self._levels.append(_Level(mark, self._label, len(self._parts), is_shown=not is_deep))
        self._label = ""
        self._add("")

    def _pass(self, kind: str) -> None:
        """Within what is not shown, however deep: counted only."""
        if kind == OPEN:
            self._beyond += 1
        elif kind == CLOSE:
            self._beyond -= 1
            return
        if kind != NAME:
            self._left_out += 1

    def _close(self, *, is_cut: bool = False) -> None:
        level = self._levels.pop()
        closing = "}" if level.mark == "{" else "]"
        if not level.is_shown or (not level.count and not is_cut):
            dots = f"…{closing} {_said(level, is_cut)}" if level.count else closing
            self._parts[level.place] = f"<li>{level.label}{level.mark}{dots}</li>"
            return
        self._parts[level.place] = (
            f"<li><details{' open' if is_cut or self._is_open(level) else ''}>"
            f"<summary>{level.label}{level.mark} {_said(level, is_cut)}</summary><ul>"
        )
        if rest := level.count - level.shown:
            self._parts.append(f'<li class="json-said">… {rest:,} more not laid out</li>')
        if is_cut:
            self._parts.append('<li class="json-said">… the file goes on</li>')
        self._parts.append(f"</ul>{closing}</details></li>")

    def _is_open(self, level: _Level) -> bool:
        """From the start. `level` is the one that was closed."""
        is_small = level.count <= OPEN_ENTRIES and self._shown <= OPEN_VALUES
        return level.place == 0 or (len(self._levels) <= OPEN_DEPTH and is_small)

    def _add(self, part: str) -> None:
        self._characters += len(part) + len(self._label)
        self._parts.append(part)


def _said(level: _Level, is_cut: bool) -> str:
    word = "entry" if level.count == 1 else "entries"
    return f'<span class="json-said">{level.count:,}{"+" if is_cut else ""} {word}</span>'


def _value(event: Event) -> str:
    return f'<span class="{_CLASSES[event.kind]}">{_shortened(event.text, LONGEST_TEXT)}</span>'


def _shortened(text: str, longest: int) -> str:
    """Escaped; what is cut is counted."""
    if len(text) <= longest:
        return escape(visible_controls(text))
    rest = f'<span class="json-said">… {len(text) - longest:,} characters more</span>'
    return escape(visible_controls(text[:longest])) + rest
