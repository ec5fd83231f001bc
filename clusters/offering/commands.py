"""Which command runs which ending, as an admin fills it in: a row for each known language, and free rows."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ENDING = re.compile(r"\.[A-Za-z0-9][A-Za-z0-9_+-]{0,15}")
FREE_ROWS = 2
Commands = dict[str, list[str]]


@dataclass(frozen=True)
class Language:
    """Its endings share a command."""

    name: str
    label: str
    endings: tuple[str, ...]
    command: str


LANGUAGES = (
    Language("python", "Python", (".py",), "python3 -u"),
    Language("r", "R", (".R", ".r"), "Rscript"),
    Language("bash", "Bash", (".sh", ".bash"), "bash"),
    Language("julia", "Julia", (".jl",), "julia"),
)


@dataclass
class Row:
    """A language's row, or a free one (`language` is None)."""

    number: int
    ending: str = ""
    command: str = ""
    is_used: bool = False
    error: str = ""
    language: Language | None = None

    @property
    def name(self) -> str:
        """Of its fields: use_<name>, ending_<name>, command_<name>."""
        return self.language.name if self.language else str(self.number)

    @property
    def endings(self) -> str:
        """ ".R, .r"."""
        return ", ".join(self.language.endings) if self.language else self.ending


def rows_of(commands: Mapping[str, Sequence[str]]) -> list[Row]:
    """The rows that show what is set."""
    left = {ending: shlex.join(command) for ending, command in commands.items()}
    rows = []
    for language in LANGUAGES:
        texts = {left[ending] for ending in language.endings if ending in left}
        if len(texts) == 1:
            for ending in language.endings:
                left.pop(ending, None)
            rows.append(_row(language, texts.pop(), is_used=True))
        else:
            rows.append(_row(language, language.command, is_used=False))
    free = [Row(number, ending, text, is_used=True) for number, (ending, text) in enumerate(left.items(), 1)]
    return rows + free + [Row(len(free) + number) for number in range(1, FREE_ROWS + 1)]


def rows_from(data: Mapping[str, str]) -> list[Row]:
    """The rows as they were sent, each with what is wrong with it."""
    rows = []
    for language in LANGUAGES:
        text = data.get(f"command_{language.name}", "").strip() or language.command
        rows.append(_row(language, text, is_used=bool(data.get(f"use_{language.name}"))))
    number = 1
    while f"ending_{number}" in data and number < 50:
        ending, text = data[f"ending_{number}"].strip(), data.get(f"command_{number}", "").strip()
        rows.append(Row(number, ending, text, is_used=bool(ending or text)))
        number += 1
    for row in rows:
        row.error = _trouble(row) if row.is_used else ""
    _mark_twice(rows)
    return rows


def commands_of(rows: Sequence[Row]) -> Commands:
    """Of rows without errors."""
    found: Commands = {}
    for row in rows:
        for ending in (row.language.endings if row.language else (row.ending,)) if row.is_used else ():
            found[ending] = shlex.split(row.command)
    return found


def _row(language: Language, text: str, *, is_used: bool) -> Row:
    return Row(0, language.endings[0], text, is_used, language=language)


def _trouble(row: Row) -> str:
    if not row.language and not ENDING.fullmatch(row.ending):
        return "Write the ending with its dot, such as .py, and no more than that."
    if not row.command:
        return f"Write the command that runs a {row.ending} file; the file's name is added at its end."
    try:
        shlex.split(row.command)
    except ValueError:
        return "A quote is opened in the command and never closed."
    return ""


def _mark_twice(rows: Sequence[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        if not row.is_used:
            continue
        endings = row.language.endings if row.language else (row.ending,)
        if not row.error and seen.intersection(endings):
            row.error = f"{row.ending} has a command already. Keep one of them."
        seen.update(endings)
