"""What stands above the history: counts per status and the choices to filter by. One statement, bounded too."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.history.filters import Filters
from jobs.history.pages import PAGE, RARE, Cursor, Page, Walk, page_sql, read_page
from jobs.history.sql import Sql, run

RECENT = 500
MOST_TAGS = 20


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
WITH walk AS MATERIALIZED (
    SELECT status, count(*) FILTER (WHERE {checks}) AS found, count(*) AS walked, min(id) AS edge
    FROM {checked} GROUP BY status
){deep}
SELECT 'count' AS kind, status AS label, found AS number FROM walk
UNION ALL SELECT 'walked', '', coalesce(sum(walked), 0)::bigint FROM walk {deeper}
""")
# As in jobs/history/pages.py: only where the walk ended early and found little.
DEEP_SQL = Sql(""", hits AS MATERIALIZED (
    SELECT id, status, {found} AS is_found FROM jobs_job c
    WHERE (SELECT sum(walked) FROM walk) >= {window} AND (SELECT sum(found) FROM walk) <= {page}
    AND deleted_at IS NULL AND {rare} LIMIT {most}
)
""")
DEEPER_SQL = Sql("""
UNION ALL (
    SELECT 'count', status, count(*) FROM hits
    WHERE is_found AND id < (SELECT min(edge) FROM walk) AND (SELECT count(*) FROM hits) < {most} GROUP BY status
)
UNION ALL SELECT 'hits', '', count(*) FROM hits
    WHERE (SELECT sum(walked) FROM walk) >= {window} AND (SELECT sum(found) FROM walk) <= {page}
""")
# Of a search: the jobs that its words name. Where those are not all, what is counted are that many at least.
WORDS_SQL = Sql("""
WITH {looked_up} counted AS MATERIALIZED (
    SELECT status, count(*) AS number FROM {named_jobs} WHERE deleted_at IS NULL AND {found} AND {rare} GROUP BY status
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
    both = PAGE_AND_OVERVIEW_SQL.put(page=page_sql(walk), overview=_overview_sql(team_ids, asked))
    rows = run(both)
    page = read_page([(row[1], row[3], row[4]) for row in rows if row[0] == "page"], walk)
    counted = [(row[1], row[2], row[3]) for row in rows if row[0] == "overview"]
    return page, _read(counted, _counts_walk(team_ids, asked))


def _overview_sql(team_ids: Sequence[int] | None, asked: Filters) -> Sql:
    everything, walk = Walk(team_ids, Filters(team=asked.team)), _counts_walk(team_ids, asked)
    choices = CHOICES_SQL.put(
        candidates=everything.candidates(), recent=Sql("%s", (RECENT,)), most=Sql("%s", (MOST_TAGS,))
    )
    both = Sql("SELECT * FROM ({counts}) counts UNION ALL SELECT * FROM ({choices}) choices")
    return both.put(counts=_counts_sql(walk), choices=choices)


def find_counts(team_ids: Sequence[int] | None, asked: Filters) -> Overview:
    """The counts alone."""
    walk = _counts_walk(team_ids, asked)
    return _read(run(_counts_sql(walk)), walk)


def _counts_walk(team_ids: Sequence[int] | None, asked: Filters) -> Walk:
    return Walk(team_ids, asked.but(status=""))


def _counts_sql(walk: Walk) -> Sql:
    pieces = walk.pieces() | {"page": Sql("%s", (PAGE,))}
    deep, deeper = Sql(""), Sql("")
    if walk.is_looked_up:
        return WORDS_SQL.put(**pieces)
    if walk.asked.is_rare_by_index:
        deep, deeper = DEEP_SQL.put(**pieces), DEEPER_SQL.put(**pieces)
    return COUNTS_SQL.put(**pieces, deep=deep, deeper=deeper)


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
