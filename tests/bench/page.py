"""The tables of figures in docs/benchmarks.md: a bench that was run renews its rows and leaves the others' alone."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tests.bench.report import BASE, HEADING, Figure, aligned, cells, machine, tree

PAGE = BASE / "docs" / "benchmarks.md"
MARK = "<!-- written by make bench ARGS=--write -->"
KUBERNETES_MARK = "<!-- written by make bench-kubernetes ARGS=--write -->"
MEASURED = "measured on tree"


def write_into_docs(figures: Sequence[Figure], mark: str = MARK) -> None:
    """Renew these benches' rows in the table behind `mark`, which ends with the next heading or the page."""
    text = PAGE.read_text()
    head, _, behind = text.partition(mark)
    heading = behind.find("\n## ")
    old, rest = (behind[:heading], behind[heading:]) if heading >= 0 else (behind, "")
    PAGE.write_text(f"{head}{mark}\n\n{renewed(old, figures)}\n\nThe last of them on {machine()}.\n{rest}")


def renewed(old: str, figures: Sequence[Figure]) -> str:
    """The table with the rows of these figures' benches in place of the old ones, or behind the others."""
    now = f"{tree()}, {datetime.now(UTC):%d %b %Y}"
    fresh: dict[str, list[tuple[str, ...]]] = {}
    for figure in figures:
        fresh.setdefault(figure.bench, []).append((*cells(figure), now))
    rows: list[tuple[str, ...]] = []
    for row in _rows_of(old):
        if row[0] not in fresh:
            rows.append(row)
        elif (kept := fresh[row[0]])[0] not in rows:
            rows += kept
    for bench in fresh.values():
        if bench[0] not in rows:
            rows += bench
    return aligned([(*HEADING, MEASURED), *rows])


def _rows_of(text: str) -> list[tuple[str, ...]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [tuple(cell[1:].rstrip() for cell in line.strip("|").split("|")) for line in lines[1:]]
