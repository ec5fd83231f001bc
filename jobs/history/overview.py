"""What stands above the history: counts per status and the choices to filter by. One statement, bounded too."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.history.filters import Filters
from jobs.history.pages import RARE, Cursor, Page, Walk, page_sql, read_page
from jobs.history.sql import Sql, run

RECENT = 250
MOST_TAGS = 20
# So many of a frequent word's jobs are counted by status; and where jobs have to be read, of so many.
LEAST, READ = 100, 500
# So few of those that were read, and what fits is looked up in an index of its own.
FEW = 25


@dataclass
class Overview:
    """Counts by status, and whether they are lower bounds: as many as a walk may count were counted, there are more.

    The choices are pairs of value and label.
    """

    counts: dict[str, int] = field(default_factory=dict)
    is_lower_bound: bool = False
    owners: list[tuple[int, str]] = field(default_factory=list)
    clusters: list[tuple[int, str]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


COUNTS_SQL = Sql("""
WITH walk AS MATERIALIZED (SELECT status, count(*) AS number FROM ({candidates}) c GROUP BY status)
SELECT 'count' AS kind, status AS label, number FROM walk
UNION ALL SELECT 'walked', '', coalesce(sum(number), 0)::bigint FROM walk
""")
# Where jobs have to be read: what fits, beside how many were looked at, so that an index of what fits can be used.
CHECKED_SQL = Sql("""
WITH fitting AS MATERIALIZED (
    SELECT c.status, count(*) AS number FROM {checked} WHERE {checks} GROUP BY c.status
), walk AS MATERIALIZED (
    SELECT count(*) AS walked, min(id) AS edge FROM ({candidates}) k
){deep}
SELECT 'count' AS kind, status AS label, number FROM fitting
UNION ALL SELECT 'walked', '', walked FROM walk {deeper}
""")
# As in jobs/history/pages.py: only where the walk ended early and found little.
ENDED_SQL = Sql("""
(SELECT walked FROM walk) >= {window} AND (SELECT coalesce(sum(number), 0) FROM fitting) <= {few}
""")
DEEP_SQL = Sql(""", hits AS MATERIALIZED (
    SELECT id, status, {found} AS is_found FROM jobs_job c
    WHERE {ended} AND deleted_at IS NULL AND {rare} LIMIT {most}
)
""")
DEEPER_SQL = Sql("""
UNION ALL (
    SELECT 'count', status, count(*) FROM hits
    WHERE is_found AND id < (SELECT edge FROM walk) AND (SELECT count(*) FROM hits) < {most} GROUP BY status
)
UNION ALL SELECT 'hits', '', count(*) FROM hits HAVING {ended}
""")
# Of a search: the jobs that its words name. Where those are not all, some are counted: that many at least.
WORDS_SQL = Sql("""
WITH {looked_up} told AS MATERIALIZED (
    SELECT c.status FROM {named_jobs} WHERE deleted_at IS NULL AND {found} AND {rare}
    LIMIT CASE WHEN {is_walked} THEN {least} END
), counted AS MATERIALIZED (
    SELECT status, count(*) AS number FROM told GROUP BY status
)
SELECT 'count' AS kind, status AS label, number FROM counted
UNION ALL SELECT 'walked', '', CASE WHEN {is_walked} THEN {window} ELSE 0 END
""")
# People and tags of the newest jobs, whatever is filtered: a choice does not take the others away.
CHOICES_SQL = Sql("""
WITH recent AS MATERIALIZED (
    SELECT c.owner_id, c.tags FROM (SELECT id FROM ({candidates}) k LIMIT {recent}) k JOIN jobs_job c USING (id)
)
SELECT 'owner' AS kind, coalesce(nullif(trim(first_name || ' ' || last_name), ''), username) AS label, id AS number
    FROM teams_user WHERE id IN (SELECT owner_id FROM recent)
UNION ALL SELECT 'cluster', name, id FROM clusters_cluster
UNION ALL (SELECT 'tag', tag, count(*) FROM recent, unnest(tags) AS tag GROUP BY tag ORDER BY 3 DESC, 2 LIMIT {most})
""")


PAGE_AND_OVERVIEW_SQL = Sql("""
WITH {looked_up} nothing AS (SELECT 1)
SELECT 'page' AS part, kind, '' AS label, id, walked FROM ({page}) p
UNION ALL SELECT 'overview', kind, label, number, 0 FROM ({overview}) o
""")


def find_overview(team_ids: Sequence[int] | None, asked: Filters) -> Overview:
    """Counts and choices for the jobs of these teams (None: of all)."""
    return _read(run(_overview_sql(team_ids, asked)), _counts_walk(team_ids, asked))


def find_page_and_overview(
    team_ids: Sequence[int] | None, asked: Filters, cursor: Cursor
) -> tuple[Page, Overview]:
    """Both in one statement."""
    walk = Walk(team_ids, asked, cursor)
    both = PAGE_AND_OVERVIEW_SQL.put(
        looked_up=walk.looked_up,
        page=page_sql(walk, is_beside=True),
        overview=_overview_sql(team_ids, asked, is_beside=True),
    )
    rows = run(both)
    page = read_page([(row[1], row[3], row[4]) for row in rows if row[0] == "page"], walk)
    counted = [(row[1], row[2], row[3]) for row in rows if row[0] == "overview"]
    return page, _read(counted, _counts_walk(team_ids, asked))


def _overview_sql(team_ids: Sequence[int] | None, asked: Filters, *, is_beside: bool = False) -> Sql:
    everything, walk = Walk(team_ids, Filters(team=asked.team)), _counts_walk(team_ids, asked)
    choices = CHOICES_SQL.put(
        candidates=everything.candidates(RECENT), recent=Sql("%s", (RECENT,)), most=Sql("%s", (MOST_TAGS,))
    )
    both = Sql("SELECT * FROM ({counts}) counts UNION ALL SELECT * FROM ({choices}) choices")
    return both.put(counts=_counts_sql(walk, is_beside=is_beside), choices=choices)


def find_counts(team_ids: Sequence[int] | None, asked: Filters) -> Overview:
    """The counts alone."""
    walk = _counts_walk(team_ids, asked)
    return _read(run(_counts_sql(walk)), walk)


def _counts_walk(team_ids: Sequence[int] | None, asked: Filters) -> Walk:
    return Walk(team_ids, asked.but(status=""), read=READ)


def _counts_sql(walk: Walk, *, is_beside: bool = False) -> Sql:
    pieces = walk.pieces(is_beside=is_beside) | {"few": Sql("%s", (FEW,)), "least": Sql("%s", (LEAST,))}
    if walk.is_looked_up:
        return WORDS_SQL.put(**pieces)
    if not walk.is_checked:
        return COUNTS_SQL.put(**pieces)
    deep, deeper = Sql(""), Sql("")
    if walk.asked.is_rare_by_index:
        pieces["ended"] = ENDED_SQL.put(**pieces)
        deep, deeper = DEEP_SQL.put(**pieces), DEEPER_SQL.put(**pieces)
    return CHECKED_SQL.put(**pieces, deep=deep, deeper=deeper)


def _read(rows: list[tuple[str, str, int]], walk: Walk) -> Overview:
    overview = Overview()
    for kind, label, value in rows:
        if kind == "count":
            overview.counts[label] = overview.counts.get(label, 0) + value
    walked = sum(value for kind, _, value in rows if kind == "walked")
    is_found_by_index = any(kind == "hits" and value < RARE for kind, _, value in rows)
    overview.is_lower_bound = walked >= walk.window and not is_found_by_index
    overview.owners = _choices(rows, "owner")
    overview.clusters = _choices(rows, "cluster")
    overview.tags = sorted(label for kind, label, _ in rows if kind == "tag")
    return overview


def _choices(rows: list[tuple[str, str, int]], wanted: str) -> list[tuple[int, str]]:
    return sorted(
        ((value, label) for kind, label, value in rows if kind == wanted), key=lambda o: o[1].lower()
    )
