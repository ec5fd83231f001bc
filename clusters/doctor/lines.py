"""One line of what the doctor found: how it is, in one sentence, and what puts it right."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """From good to bad; SKIP says that it could not be looked at, or need not be."""

    PASS = "pass"  # noqa: S105 (no password)
    SKIP = "skip"
    WARN = "warn"
    FAIL = "fail"


class Fix(StrEnum):
    """What an admin does with a line's `fix`: run it, `kubectl apply -f -` it, or read it."""

    NONE = ""
    COMMAND = "command"
    YAML = "yaml"
    TEXT = "text"


@dataclass(frozen=True)
class Line:
    """`key` is for machines and stays the same; all else is for people."""

    key: str
    title: str
    level: Level
    sentence: str
    fix: str = ""
    fix_kind: Fix = Fix.NONE

    def stored(self) -> dict[str, str]:
        """As DoctorRun.lines has it."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Title:
    """A line of which only the subject is known yet."""

    key: str
    title: str

    def passed(self, sentence: str) -> Line:
        return Line(self.key, self.title, Level.PASS, sentence)

    def skipped(self, sentence: str, fix: str = "", kind: Fix = Fix.NONE) -> Line:
        return Line(self.key, self.title, Level.SKIP, sentence, fix, kind)

    def warned(self, sentence: str, fix: str = "", kind: Fix = Fix.NONE) -> Line:
        return Line(self.key, self.title, Level.WARN, sentence, fix, kind)

    def failed(self, sentence: str, fix: str = "", kind: Fix = Fix.NONE) -> Line:
        return Line(self.key, self.title, Level.FAIL, sentence, fix, kind)


_ORDER = (Level.SKIP, Level.PASS, Level.WARN, Level.FAIL)


def worst(lines: Iterable[Line]) -> Line | None:
    """The first of the worst lines; None without any."""
    return max(lines, key=lambda line: _ORDER.index(line.level), default=None)


def is_of_environment(key: str) -> bool:
    """Whether a line of this key is about an environment; what follows a colon tells which."""
    return key.partition(":")[0] == "environment"


def works_but_for_environments(levels: Iterable[tuple[str, str]]) -> bool:
    """Of keys with their levels: nothing is broken but environments, and some environment is not."""
    found = list(levels)
    is_usable = any(is_of_environment(key) and level in (Level.PASS, Level.WARN) for key, level in found)
    return is_usable and all(is_of_environment(key) for key, level in found if level == Level.FAIL)
