"""Pages and counts of the history, in time that does not grow with the number of jobs.

A page walks one index backwards from its cursor (keyset, never OFFSET). Filters that the index does not hold are
checked on the way, and such a walk ends after `Walk.window` jobs, found or not: then the page says how far it looked,
and its link "older" goes on from there. A tag or a text that is rare is found at any depth by its own index instead.
`docs/decisions/history.md` has the reasons and the figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from jobs.history.filters import Filters
from jobs.history.merging import merged, sizes_of
from jobs.history.searching import NAMED_JOBS, ByWords
from jobs.history.sql import Sql, run

PAGE = 50
# How many jobs are looked at by the index alone, and how many are read for what the index does not hold.
COUNTED = 4_000
SEARCHED = 2_000
# The same where rare matches are found by an index of their own.
TAGGED = 1_000
# And where nobody waits for a page, but for all of them.
FOR_ALL = 20_000
# More matches than this are not rare: they are left to the walk.
RARE = 3_000
# Ids and creation times are given almost, not exactly, in the same order.
SLACK = 1000
# The ranges of more teams than these are not written out one by one.
WRITTEN_OUT = 8


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
    """Ids of jobs, newest first. `edge`: the walk ended at this id before the page was full (0: it did not).

    `known`: a job further on that matches, where the walk met none; 0 where none is known.
    """

    ids: list[int]
    has_more: bool
    edge: int
    known: int = 0


PAGE_SQL = Sql("""
WITH {looked_up} walk AS MATERIALIZED (
    SELECT id FROM {checked} WHERE {is_walked} AND {checks} {order} LIMIT {size}
), edge AS MATERIALIZED (
    SELECT count(*) AS walked, {outermost}(id) AS id FROM ({candidates}) k
    WHERE {is_walked} AND (SELECT count(*) FROM walk) < {size}
){deep}
SELECT 'job' AS kind, id, 0 AS walked FROM walk {deeper}
UNION ALL SELECT 'edge', id, walked FROM edge
""")
# Runs only where the walk ended early: the planner puts the question about `edge` before everything else.
DEEP_SQL = Sql(""", hits AS MATERIALIZED (
    SELECT id, {found} AS is_found FROM jobs_job c
    WHERE (SELECT walked FROM edge) >= {window} AND deleted_at IS NULL AND {rare} LIMIT {most}
)
""")
DEEPER_SQL = Sql("""
UNION ALL (
    SELECT 'job', id, 0 FROM hits
    WHERE is_found AND id {beyond} (SELECT id FROM edge) AND (SELECT count(*) FROM hits) < {most} {order} LIMIT {size}
)
UNION ALL SELECT 'hits', 0, count(*) FROM hits
""")


# Words that few jobs have: those jobs are known, and no index is walked. Of more frequent ones some are known: where
# the walk meets none, a page can go to the newest of those.
WORDS_SQL = Sql("""
UNION ALL (
    SELECT 'job', id, 0 FROM {named_jobs}
    WHERE NOT {is_walked} AND deleted_at IS NULL AND {found} AND {rare} AND {bounds} {order} LIMIT {size}
)
UNION ALL SELECT 'known', max(id), 0 FROM {named_jobs}
    WHERE {is_walked} AND (SELECT count(*) FROM walk) = 0
    AND deleted_at IS NULL AND {found} AND {rare} AND {bounds}
""")


def find_page(team_ids: Sequence[int] | None, asked: Filters, cursor: Cursor, page: int = 0) -> Page:
    """One page of the jobs of these teams (None: of all), of PAGE jobs or of `page`. One statement."""
    walk = Walk(team_ids, asked, cursor)
    return read_page(run(page_sql(walk, page)), walk, page)


def page_sql(walk: "Walk", page: int = 0, *, is_beside: bool = False) -> Sql:
    """The statement for a page: rows of kind, id and a number. `is_beside`: `walk.looked_up` stands before it."""
    size = (page or PAGE) + 1
    pieces = walk.pieces(is_beside=is_beside, most=size) | {
        "size": Sql("%s", (size,)),
        "outermost": Sql("max" if walk.cursor.is_newer else "min"),
        "beyond": Sql(">" if walk.cursor.is_newer else "<"),
    }
    deep, deeper = Sql(""), Sql("")
    if walk.is_looked_up:
        deeper = WORDS_SQL.put(**pieces)
    elif walk.asked.is_rare_by_index:
        deep, deeper = DEEP_SQL.put(**pieces), DEEPER_SQL.put(**pieces)
    return PAGE_SQL.put(**pieces, deep=deep, deeper=deeper)


def read_page(rows: Sequence[tuple[Any, ...]], walk: "Walk", page: int = 0) -> Page:
    """The page that these rows of `page_sql` say."""
    most = page or PAGE
    ids = sorted({row_id for kind, row_id, _ in rows if kind == "job"}, reverse=True)
    walked = {kind: (row_id, count) for kind, row_id, count in rows if kind != "job"}
    has_more = len(ids) > most
    edge_id, count = walked["edge"]
    is_found_by_index = "hits" in walked and walked["hits"][1] < RARE
    is_cut = not has_more and count >= walk.window and not is_found_by_index
    ids = ids[-most:] if walk.cursor.is_newer else ids[:most]
    known = walked.get("known", (0, 0))[0] or 0
    return Page(ids, has_more, edge_id if is_cut else 0, known if is_cut else 0)


def window_of(asked: Filters) -> int:
    """How many jobs are looked at for a page at most."""
    return Walk(None, asked).window


def all_ids(team_ids: Sequence[int] | None, asked: Filters, at_once: int) -> Iterator[list[int]]:
    """The ids of all matching jobs, newest first, `at_once` at a time: a page after the other."""
    cursor = Cursor()
    while True:
        walk = Walk(team_ids, asked, cursor, read=FOR_ALL)
        page = read_page(run(page_sql(walk, at_once)), walk, at_once)
        if page.ids:
            yield page.ids
        if not page.has_more and not page.edge:
            return
        cursor = Cursor(before=page.edge or page.ids[-1])


class Walk:
    """The pieces of the statements: which index is walked, and what is checked on the way."""

    def __init__(
        self, team_ids: Sequence[int] | None, asked: Filters, cursor: Cursor = Cursor(), read: int = 0
    ) -> None:
        """`read`: how many jobs are read at most for what the index does not hold (0: SEARCHED, TAGGED)."""
        self.asked, self.cursor = asked, cursor
        self.team_ids = None if team_ids is None else list(team_ids)
        if asked.team:
            self.team_ids = [asked.team] if team_ids is None or asked.team in team_ids else []
        self.is_checked = bool(asked.tag or asked.text or self._has_cluster_to_check)
        self.words = ByWords(asked.search) if asked.text else None
        most = TAGGED if asked.is_rare_by_index else SEARCHED
        self.window = (read or most) if self.is_checked else COUNTED
        if self.words:
            self.window = min(self.window, self.words.window)

    @property
    def is_looked_up(self) -> bool:
        """True where the index of words is asked first."""
        return bool(self.words and self.words.search.lookup)

    @property
    def order(self) -> Sql:
        """Newest first, or from the cursor upwards."""
        return Sql("ORDER BY id ASC" if self.cursor.is_newer else "ORDER BY id DESC")

    @property
    def looked_up(self) -> Sql:
        """What the index of words knows: the begin of a WITH; nothing where it is not asked."""
        return self.words.looked_up(self.team_ids) if self.words and self.is_looked_up else Sql("")

    def pieces(self, *, is_beside: bool = False, most: int = 0) -> dict[str, Sql]:
        """What every statement over this walk is put together from; `is_beside`: `looked_up` stands before it.

        `most`: so many jobs are enough where all that are walked fit.
        """
        candidates = self.candidates(0 if self.is_checked else most)
        joined = Sql(
            "({candidates}) k JOIN jobs_job c USING (id)" if self._reads_jobs else "({candidates}) c"
        )
        beside = self.words.joined if self.words else Sql("")
        return {
            "candidates": candidates,
            "checked": Sql.join(" ", [joined.put(candidates=candidates), beside]),
            "checks": Sql.join(" AND ", [Sql("true"), *self._checked(), *self._others()]),
            "found": Sql.join(" AND ", [Sql("true"), *self._others(), *self._walked()]),
            "rare": Sql.join(" AND ", [Sql("true"), *self._rare(is_named=self.is_looked_up)]),
            "named_jobs": NAMED_JOBS,
            "bounds": Sql.join(" AND ", [Sql("true"), *self._from_cursor()]),
            "order": self.order,
            "window": Sql("%s", (self.window,)),
            "most": Sql("%s", (RARE,)),
            "looked_up": Sql("") if is_beside else self.looked_up,
            "is_walked": self.words.is_walked if self.words and self.is_looked_up else Sql("true"),
        }

    def candidates(self, most: int = 0) -> Sql:
        """Ids of at most `window` jobs in order, from one index, or merged from several ranges of it.

        `most`: so many are enough. Only where the ranges are not written out: those are read as they are asked for.
        """
        if self._has_many_ranges:
            return self._merged(min(most or self.window, self.window))
        branches = [self._branch(equal) for equal in self._ranges()]
        if not branches:
            return Sql("SELECT id, status FROM jobs_job WHERE false")
        if len(branches) == 1:
            return branches[0]
        merged = Sql("SELECT * FROM ({union}) u {order} LIMIT {window}")
        union = Sql.join(" UNION ALL ", (Sql("({one})").put(one=branch) for branch in branches))
        return merged.put(union=union, order=self.order, window=Sql("%s", (self.window,)))

    @property
    def _reads_jobs(self) -> bool:
        """False where a job's id is enough, by which its words are found."""
        if not self.is_checked:
            return False
        has_words_alone = self.is_looked_up and self.words and not self.words.reads_jobs
        return not has_words_alone or bool(self.asked.tag or self._has_cluster_to_check)

    @property
    def _has_cluster_to_check(self) -> bool:
        return bool(self.asked.cluster and (self.asked.owner or self.asked.status))

    def _rare(self, *, is_named: bool) -> list[Sql]:
        """The checks that have an index of their own; `is_named`: on jobs that the index of words named."""
        return self._tagged() + (self.words.checks(is_named=is_named) if self.words else [])

    def _checked(self) -> list[Sql]:
        """The same on the jobs of a walk."""
        return self._tagged() + (self.words.walked_checks if self.words else [])

    def _tagged(self) -> list[Sql]:
        tag = self.asked.tag
        return [Sql("c.tags @> ARRAY[%s]::varchar[]", (tag,))] if tag else []

    def _others(self) -> list[Sql]:
        return [Sql("c.cluster_id = %s", (self.asked.cluster,))] if self._has_cluster_to_check else []

    def _pinned(self) -> list[Sql]:
        """They have an index of their own, with all that others have: pinned jobs are few."""
        return [Sql("pinned_at IS NOT NULL")] if self.asked.pinned else []

    def _walked(self) -> list[Sql]:
        """What the walked index holds, as checks for a statement that does not walk it."""
        asked, checks = self.asked, [*self._times("c.created_at"), *self._pinned()]
        if self.team_ids is not None:
            checks.append(Sql("c.team_id = ANY(%s)", (self.team_ids,)))
        if asked.owner:
            checks.append(Sql("c.owner_id = %s", (asked.owner,)))
        if asked.statuses:
            checks.append(Sql("c.status = ANY(%s)", (asked.statuses,)))
        if asked.cluster:
            checks.append(Sql("c.cluster_id = %s", (asked.cluster,)))
        return checks

    def _times(self, moment: str) -> list[Sql]:
        """Of a walk `moment` is no bare column: by the index of times the planner would read everybody's jobs."""
        bounds = ((f"{moment} >= %s", self.asked.since), (f"{moment} < %s", self.asked.until))
        return [Sql(text, (edge,)) for text, edge in bounds if edge]

    @property
    def _has_many_ranges(self) -> bool:
        return self._is_by_team and len(self.team_ids or ()) > WRITTEN_OUT

    @property
    def _is_by_team(self) -> bool:
        """False where teams are checked on the way: the index of an owner holds them, and that of pinned jobs too."""
        is_checked = self.asked.owner or (self.asked.pinned and len(self.team_ids or ()) > WRITTEN_OUT)
        return self.team_ids is not None and not is_checked

    def _merged(self, most: int) -> Sql:
        """The ranges as two lists, of teams and of statuses: the statement is the same for any number of them."""
        ranges, equal = (
            [Sql("unnest(%s::bigint[]) AS of_team", (self.team_ids,))],
            {"team_id": Sql("of_team")},
        )
        if statuses := self.asked.statuses:
            ranges.append(Sql("unnest(%s::varchar[]) AS of_status", (statuses,)))
            equal["status"] = Sql("of_status")
        sizes = sizes_of(len(self.team_ids or ()) * max(len(statuses), 1), most)
        one = partial(self._branch, self._fixed | equal)
        return merged(Sql.join(" CROSS JOIN ", ranges), sizes, one, is_upwards=self.cursor.is_newer)

    @property
    def _fixed(self) -> dict[str, Any]:
        cluster = self.asked.cluster if self.asked.cluster and not self._has_cluster_to_check else None
        return {"owner_id": self.asked.owner or None, "cluster_id": cluster}

    def _ranges(self) -> list[dict[str, Any]]:
        """The ranges of one index: each a set of columns with their one value (see Job.Meta.indexes)."""
        if self.team_ids == []:
            return []
        teams: list[Any] = list(self.team_ids or []) if self._is_by_team else [None]
        statuses: list[Any] = list(self.asked.statuses) or [None]
        return [
            self._fixed | {"team_id": team, "status": status} for team, status in product(teams, statuses)
        ]

    def _branch(self, equal: dict[str, Any], size: int = 0, bound: Sql | None = None) -> Sql:
        """One range, `window` jobs of it at most, or `size` within `bound`."""
        wheres = [Sql("deleted_at IS NULL"), *self._pinned()]
        for column, value in equal.items():
            if value is not None:
                given = value if isinstance(value, Sql) else Sql("%s", (value,))
                wheres.append(Sql(column + " = {given}").put(given=given))
        if self.team_ids is not None and not self._is_by_team:
            wheres.append(Sql("team_id = ANY(%s)", (self.team_ids,)))
        wheres += [*self._times("created_at + interval '0'"), *self._bounds(), *([bound] if bound else [])]
        columns = "id" if self.is_checked else "id, status"
        branch = Sql("SELECT " + columns + " FROM jobs_job WHERE {wheres} {order} LIMIT {window}")  # noqa: S608
        window = Sql("%s", (size or self.window,))
        return branch.put(wheres=Sql.join(" AND ", wheres), order=self.order, window=window)

    def _from_cursor(self) -> list[Sql]:
        bounds = (("id < %s", self.cursor.before), ("id > %s", self.cursor.after))
        return [Sql(text, (edge,)) for text, edge in bounds if edge]

    def _bounds(self) -> list[Sql]:
        """The cursor, and ids for the times: so that a walk ends where the time ends."""
        asked = self.asked
        bounds = [
            (FIRST_ID_SQL, (asked.since, SLACK), asked.since),
            (LAST_ID_SQL, (asked.until, SLACK), asked.until),
        ]
        return self._from_cursor() + [Sql(text, values) for text, values, is_asked in bounds if is_asked]


FIRST_ID_SQL = """
id >= (SELECT id FROM jobs_job WHERE deleted_at IS NULL AND created_at >= %s ORDER BY created_at, id LIMIT 1) - %s
"""
LAST_ID_SQL = """
id <= (SELECT id FROM jobs_job WHERE deleted_at IS NULL AND created_at < %s
       ORDER BY created_at DESC, id DESC LIMIT 1) + %s
"""
