"""The files of two jobs beside each other: what is new, gone, moved or changed, and the lines that changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from jobs import bundles
from jobs.previews.decoding import visible_controls
from jobs.previews.kinds import language_of
from jobs.previews.source import is_quick, tokens_html
from jobs.provenance.inputs import InputFile

# Of one file, and of all that are shown as lines: what is larger is told by its hashes.
MOST_BYTES, MOST_BYTES_TOGETHER, MOST_FILES = 256 * 1024, 1024 * 1024, 30
# Comparing takes time with the square of what is different, so it begins behind what is the same at both ends.
MOST_LINES = 1500
MOST_SHOWN, LONGEST_LINE = 400, 500
CONTEXT = 3


@dataclass(frozen=True)
class Line:
    """One line of a diff. `kind`: same, gone, new or gap; numbers are those of its file before and after."""

    kind: str
    html: SafeString
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True)
class FileChange:
    """One path. `kind`: new, gone, moved or changed. `why`: why its lines are not shown."""

    path: str
    kind: str
    old: InputFile | None = None
    new: InputFile | None = None
    lines: list[Line] = field(default_factory=list)
    why: str = ""

    @property
    def added(self) -> int:
        """Lines that are new."""
        return sum(line.kind == "new" for line in self.lines)

    @property
    def removed(self) -> int:
        """Lines that are gone."""
        return sum(line.kind == "gone" for line in self.lines)


@dataclass(frozen=True)
class FileChanges:
    """All of them by path, and how many files are the same."""

    changes: list[FileChange]
    same: int


def file_changes(old: Sequence[InputFile], new: Sequence[InputFile]) -> FileChanges:
    """Told by their hashes; of those whose content is kept it reads at most MOST_BYTES_TOGETHER twice."""
    before, after = {file.path: file for file in old}, {file.path: file for file in new}
    gone = {file.sha256: file for path, file in before.items() if path not in after}
    budget = _Budget()
    changes: list[FileChange] = []
    moved: set[str] = set()
    for path, file in after.items():
        if path not in before:
            source = gone.get(file.sha256)
            moved |= {source.path} if source else set()
            changes.append(FileChange(path, "moved" if source else "new", source, file))
        elif before[path].sha256 != file.sha256:
            changes.append(_changed(before[path], file, budget))
    changes += [
        FileChange(path, "gone", file)
        for path, file in before.items()
        if path not in after and path not in moved
    ]
    same = sum(path in before and before[path].sha256 == file.sha256 for path, file in after.items())
    return FileChanges(sorted(changes, key=lambda change: change.path), same)


class _Budget:
    def __init__(self) -> None:
        self.files, self.size = MOST_FILES, MOST_BYTES_TOGETHER

    def allows(self, size: int) -> bool:
        """Takes it, too."""
        if not self.files or size > self.size:
            return False
        self.files -= 1
        self.size -= size
        return True


def _changed(old: InputFile, new: InputFile, budget: _Budget) -> FileChange:
    size = max(old.size, new.size)
    if not (old.key and new.key):
        why = "Its lines are no longer kept: it is told by its hashes."
        return FileChange(new.path, "changed", old, new, why=why)
    if size > MOST_BYTES:
        return FileChange(new.path, "changed", old, new, why="It is too large to be shown line by line.")
    if not budget.allows(size):
        why = "Enough lines of other files are shown: this one is told by its hashes."
        return FileChange(new.path, "changed", old, new, why=why)
    texts = [_text_of(file) for file in (old, new)]
    if None in texts:
        return FileChange(new.path, "changed", old, new, why="It is no text in UTF-8.")
    lines = list(diff_lines(str(texts[0]), str(texts[1]), language_of(new.path)))
    if not lines:
        return FileChange(new.path, "changed", old, new, why="Too much of it is different to be shown.")
    if len(lines) > MOST_SHOWN:
        why = f"These are the first {MOST_SHOWN} lines of what is different."
        return FileChange(new.path, "changed", old, new, lines[:MOST_SHOWN], why)
    return FileChange(new.path, "changed", old, new, lines)


def _text_of(file: InputFile) -> str | None:
    try:
        data = bundles.read_head(file.key, MOST_BYTES)
    except OSError:
        return None
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def diff_lines(old: str, new: str, language: str = "") -> Iterator[Line]:
    """Unified, with CONTEXT lines around each change. Nothing where too much is different."""
    one, other = old.split("\n"), new.split("\n")
    start = _same(one, other)
    end = _same(one[start:][::-1], other[start:][::-1])
    middle = (one[start : len(one) - end], other[start : len(other) - end])
    if max(map(len, middle)) > MOST_LINES:
        return
    lead, tail = min(start, CONTEXT), min(end, CONTEXT)
    first = start - lead
    one_cut, other_cut = one[first : len(one) - end + tail], other[first : len(other) - end + tail]
    shown = (_shown(old, one, language), _shown(new, other, language))
    groups = SequenceMatcher(None, one_cut, other_cut).get_grouped_opcodes(CONTEXT)
    for number, group in enumerate(groups):
        if number or first + group[0][1]:
            yield Line("gap", mark_safe("…"))
        for tag, i1, i2, j1, j2 in group:
            span = (first + i1, first + i2, first + j1, first + j2)
            yield from _of_group(tag, span, shown)


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same at the beginning."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _of_group(
    tag: str, span: tuple[int, int, int, int], shown: tuple[list[str], list[str]]
) -> Iterator[Line]:
    i1, i2, j1, j2 = span
    if tag == "equal":
        for old, new in zip(range(i1, i2), range(j1, j2), strict=True):
            yield Line("same", mark_safe(shown[1][new]), old + 1, new + 1)  # noqa: S308 - escaped by _shown
        return
    for old in range(i1, i2):
        yield Line("gone", mark_safe(shown[0][old]), old + 1, None)  # noqa: S308 - escaped by _shown
    for new in range(j1, j2):
        yield Line("new", mark_safe(shown[1][new]), None, new + 1)  # noqa: S308 - escaped by _shown


def _shown(text: str, lines: list[str], language: str) -> list[str]:
    """Escaped HTML line by line, highlighted where that is quick."""
    if is_quick(text, language) and visible_controls(text) == text:
        highlighted = tokens_html(text, language).split("\n")
        if len(highlighted) == len(lines):
            return highlighted
    return [escape(visible_controls(_short(line))) for line in lines]


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"
