"""The table of figures in the docs: what was not measured again keeps its rows, and says of which tree they are."""

from tests.bench.page import renewed
from tests.bench.report import Figure

OLD = """
| bench  | figure  | value  | goal | | note | measured on tree |
|--------|---------|--------|------|-|------|------------------|
| submit | a       | 1 s    |      | |      | abc, 1 Jan 2026  |
| submit | gone    | 2 s    |      | |      | abc, 1 Jan 2026  |
| idle   | all     | 9 MB   |      | |      | abc, 1 Jan 2026  |
| idle   |   web   | 3 MB   |      | |      | abc, 1 Jan 2026  |

The last of them on 2 cores.
"""


def test_a_bench_renews_its_rows_in_their_place_and_leaves_the_others(monkeypatch):
    monkeypatch.setattr("tests.bench.page.tree", lambda: "def")
    table = renewed(
        OLD, [Figure("submit", "a", 3, "s"), Figure("new", "n", 4, "s"), Figure("submit", "b", 5, "s")]
    )
    rows = [[cell[1:].rstrip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("submit", "a", "3 s"),
        ("submit", "b", "5 s"),
        ("idle", "all", "9 MB"),
        ("idle", "  web", "3 MB"),
        ("new", "n", "4 s"),
    ]
    assert rows[0][6].startswith("def, ")
    assert rows[2][6] == "abc, 1 Jan 2026"
