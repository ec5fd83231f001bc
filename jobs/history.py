"""Pages and counts of the history, in time that does not grow with the number of jobs.

A page walks one index backwards from its cursor (keyset, never OFFSET). Filters that the index does not hold are
checked on the way, and the walk ends after WINDOW jobs, found or not: then the page says how far it looked, and its
link "older" goes on from there. A tag or a text that is rare is found at any depth by its own index instead.
`docs/decisions/history.md` has the reasons and the figures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db import connection

from jobs.filters import Filters

PAGE = 50
WINDOW = 10_000
# Ids and creation times are given almost, not exactly, in the same order.
SLACK = 1000
COLUMNS = "id, team_id, owner_id, cluster_id, status, created_at, tags, name"


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: below an id (older), above one (newer), or at the newest job."""

    before: int = 0
    after: int = 0

    @property
    def is_newer(self) -> bool:
        """True when the page is read upwards."""
        return bool(self.after) and not self.before


@dataclass(frozen=True)
class Page:
    """Ids of jobs, newest first. `edge`: the walk ended at this id before the page was full (0: it did not)."""

    ids: list[int]
    has_more: bool
    edge: int


@dataclass(frozen=True)
class Sql:
    """A piece of a statement and the values of its placeholders. Values never become text."""

    text: str
    values: tuple[Any, ...] = ()

    @classmethod
    def join(cls, glue: str, parts: Iterable["Sql"]) -> "Sql":
        """The pieces one after the other."""
        listed = list(parts)
        return cls(glue.join(part.text for part in listed), tuple(v for part in listed for v in part.values))

    def put(self, **parts: "Sql") -> "Sql":
        """This text with each `{name}` replaced by a piece, the values in the order of the text."""
        values: list[Any] = []
        text = ""
        for index, piece in enumerate(self.text.replace("}", "{").split("{")):
            text += parts[piece].text if index % 2 else piece
            values += parts[piece].values if index % 2 else ()
        return Sql(text, tuple(values))


PAGE_SQL = Sql("""
WITH walk AS MATERIALIZED (
    SELECT id FROM ({candidates}) c WHERE {checks} {order} LIMIT {size}
), edge AS MATERIALIZED (
    SELECT count(*) AS walked, {outermost}(id) AS id FROM ({candidates}) c WHERE (SELECT count(*) FROM walk) < {size}
)
SELECT 'job' AS kind, id, 0 AS walked FROM walk {deep}
UNION ALL SELECT 'edge', id, walked FROM edge
""")
# Runs only where the walk ended early: the planner puts the question about `edge` before everything else.
DEEP_SQL = Sql("""
UNION ALL (
    SELECT 'job', id, 0 FROM jobs_job c
    WHERE (SELECT walked FROM edge) >= {window} AND c.id {beyond} (SELECT id FROM edge)
      AND c.deleted_at IS NULL AND {checks} AND {driven} {order} LIMIT {size}
)
""")


def find_page(team_ids: Sequence[int] | None, asked: Filters, cursor: Cursor) -> Page:
    """One page of the jobs of these teams (None: of all). One statement."""
    walk = Walk(team_ids, asked, cursor)
    size = PAGE + 1
    pieces = {
        "candidates": walk.candidates(),
        "checks": walk.checks(),
        "driven": walk.driven(),
        "order": walk.order,
        "size": Sql("%s", (size,)),
        "window": Sql("%s", (WINDOW,)),
        "outermost": Sql("max" if cursor.is_newer else "min"),
        "beyond": Sql(">" if cursor.is_newer else "<"),
    }
    is_deep = asked.is_rare_by_index
    deep = DEEP_SQL.put(**pieces) if is_deep else Sql("")
    rows = run(PAGE_SQL.put(**pieces, deep=deep))
    ids = sorted((row[1] for row in rows if row[0] == "job"), reverse=True)
    edge = next((row for row in rows if row[0] == "edge"), None)
    has_ended_early = edge is not None and edge[2] >= WINDOW and len(ids) < size and not is_deep
    has_more = len(ids) >= size
    ids = ids[-PAGE:] if cursor.is_newer else ids[:PAGE]
    return Page(ids, has_more, edge[1] if edge is not None and has_ended_early else 0)


class Walk:
    """The pieces of the statements: which index is walked, and what is checked on the way."""

    def __init__(self, team_ids: Sequence[int] | None, asked: Filters, cursor: Cursor = Cursor()) -> None:
        self.asked, self.cursor = asked, cursor
        self.team_ids = None if team_ids is None else list(team_ids)
        if asked.team:
            self.team_ids = [asked.team] if team_ids is None or asked.team in team_ids else []

    @property
    def order(self) -> Sql:
        """Newest first, or from the cursor upwards."""
        return Sql("ORDER BY id ASC" if self.cursor.is_newer else "ORDER BY id DESC")

    def candidates(self) -> Sql:
        """At most WINDOW jobs in order, from one index, or merged from several ranges of it."""
        branches = [self._branch(equal) for equal in self._ranges()]
        if not branches:
            return Sql("SELECT " + COLUMNS + " FROM jobs_job WHERE false")  # noqa: S608
        if len(branches) == 1:
            return branches[0]
        merged = Sql("SELECT * FROM ({union}) u {order} LIMIT {window}")
        union = Sql.join(" UNION ALL ", (Sql("({one})").put(one=branch) for branch in branches))
        return merged.put(union=union, order=self.order, window=Sql("%s", (WINDOW,)))

    def checks(self) -> Sql:
        """What the walked index does not hold."""
        asked, checks = self.asked, [Sql("true")]
        if asked.owner and self.team_ids is not None:
            checks.append(Sql("c.team_id = ANY(%s)", (self.team_ids,)))
        if asked.cluster and (asked.owner or asked.status):
            checks.append(Sql("c.cluster_id = %s", (asked.cluster,)))
        if asked.since:
            checks.append(Sql("c.created_at >= %s", (asked.since,)))
        if asked.until:
            checks.append(Sql("c.created_at < %s", (asked.until,)))
        if asked.tag:
            checks.append(Sql("c.tags @> ARRAY[%s]::varchar[]", (asked.tag,)))
        if asked.text:
            checks.append(Sql("UPPER(c.name) LIKE UPPER(%s)", (_like(asked.text),)))
        return Sql.join(" AND ", checks)

    def driven(self) -> Sql:
        """What the walked index does hold, as checks for a statement that does not walk it."""
        asked, checks = self.asked, [Sql("true")]
        if self.team_ids is not None:
            checks.append(Sql("c.team_id = ANY(%s)", (self.team_ids,)))
        if asked.owner:
            checks.append(Sql("c.owner_id = %s", (asked.owner,)))
        if asked.statuses:
            checks.append(Sql("c.status = ANY(%s)", (asked.statuses,)))
        if asked.cluster:
            checks.append(Sql("c.cluster_id = %s", (asked.cluster,)))
        return Sql.join(" AND ", checks)

    def _ranges(self) -> list[dict[str, Any]]:
        """The ranges of one index: each a set of columns with their one value (see Job.Meta.indexes)."""
        asked = self.asked
        statuses: list[Any] = list(asked.statuses) or [None]
        if asked.owner:
            teams: list[Any] = [None] if self.team_ids != [] else []
        else:
            teams = [None] if self.team_ids is None else list(self.team_ids)
        fixed = {"owner_id": asked.owner or None}
        if asked.cluster and not asked.owner and not asked.status:
            fixed["cluster_id"] = asked.cluster
        return [fixed | {"team_id": team, "status": status} for team, status in product(teams, statuses)]

    def _branch(self, equal: dict[str, Any]) -> Sql:
        wheres = [Sql("deleted_at IS NULL")]
        wheres += [Sql(f"{column} = %s", (value,)) for column, value in equal.items() if value is not None]
        wheres += self._bounds()
        branch = Sql("SELECT " + COLUMNS + " FROM jobs_job WHERE {wheres} {order} LIMIT {window}")  # noqa: S608
        return branch.put(wheres=Sql.join(" AND ", wheres), order=self.order, window=Sql("%s", (WINDOW,)))

    def _bounds(self) -> list[Sql]:
        """The cursor, and ids for the times: so that a walk ends where the time ends."""
        bounds = []
        if self.cursor.before:
            bounds.append(Sql("id < %s", (self.cursor.before,)))
        if self.cursor.after:
            bounds.append(Sql("id > %s", (self.cursor.after,)))
        if self.asked.since:
            bounds.append(Sql(FIRST_ID_SQL, (self.asked.since, SLACK)))
        if self.asked.until:
            bounds.append(Sql(LAST_ID_SQL, (self.asked.until, SLACK)))
        return bounds


FIRST_ID_SQL = """
id >= (SELECT id FROM jobs_job WHERE deleted_at IS NULL AND created_at >= %s ORDER BY created_at, id LIMIT 1) - %s
"""
LAST_ID_SQL = """
id <= (SELECT id FROM jobs_job WHERE deleted_at IS NULL AND created_at < %s
       ORDER BY created_at DESC, id DESC LIMIT 1) + %s
"""


def _like(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


def run(statement: Sql) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.values)
        return cursor.fetchall()
