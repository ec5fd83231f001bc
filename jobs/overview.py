"""What stands above the history: counts per status and the choices to filter by. One statement, bounded too."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.filters import Filters
from jobs.history import PAGE, WINDOW, Sql, Walk, run

RECENT = 500
MOST_TAGS = 20


@dataclass
class Overview:
    """Counts by status, and whether they are lower bounds: the newest WINDOW jobs were counted, there are more.

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
    FROM ({candidates}) c GROUP BY status
)
SELECT 'count' AS kind, status AS label, found AS number FROM walk
UNION ALL SELECT 'walked', '', coalesce(sum(walked), 0)::bigint FROM walk
""")
# As in jobs/history.py: only where the walk ended early and found little.
DEEP_SQL = Sql("""
UNION ALL (
    SELECT 'count', status, count(*) FROM jobs_job c
    WHERE (SELECT sum(walked) FROM walk) >= {window} AND (SELECT sum(found) FROM walk) <= {page}
    AND c.id < (SELECT min(edge) FROM walk) AND c.deleted_at IS NULL AND {checks} AND {driven} GROUP BY status
)
UNION ALL SELECT 'deep', '', 1
    WHERE (SELECT sum(walked) FROM walk) >= {window} AND (SELECT sum(found) FROM walk) <= {page}
""")
# People and tags of the newest jobs, whatever is filtered: a choice does not take the others away.
CHOICES_SQL = Sql("""
WITH recent AS MATERIALIZED (SELECT owner_id, tags FROM ({candidates}) c LIMIT {recent})
SELECT 'owner' AS kind, coalesce(nullif(trim(first_name || ' ' || last_name), ''), username) AS label, id AS number
    FROM teams_user WHERE id IN (SELECT owner_id FROM recent)
UNION ALL SELECT 'cluster', name, id FROM clusters_cluster
UNION ALL (SELECT 'tag', tag, count(*) FROM recent, unnest(tags) AS tag GROUP BY tag ORDER BY 3 DESC, 2 LIMIT {most})
""")


def find_overview(team_ids: Sequence[int] | None, asked: Filters) -> Overview:
    """Counts and choices for the jobs of these teams (None: of all)."""
    everything = Walk(team_ids, Filters(team=asked.team))
    choices = CHOICES_SQL.put(
        candidates=everything.candidates(), recent=Sql("%s", (RECENT,)), most=Sql("%s", (MOST_TAGS,))
    )
    both = Sql("SELECT * FROM ({counts}) counts UNION ALL SELECT * FROM ({choices}) choices")
    rows = run(both.put(counts=_counts_sql(team_ids, asked), choices=choices))
    return _read(rows)


def find_counts(team_ids: Sequence[int] | None, asked: Filters) -> Overview:
    """The counts alone."""
    return _read(run(_counts_sql(team_ids, asked)))


def _counts_sql(team_ids: Sequence[int] | None, asked: Filters) -> Sql:
    walk = Walk(team_ids, asked.but(status=""))
    pieces = {
        "candidates": walk.candidates(),
        "checks": walk.checks(),
        "driven": walk.driven(),
        "window": Sql("%s", (WINDOW,)),
        "page": Sql("%s", (PAGE,)),
    }
    counts = COUNTS_SQL.put(**pieces)
    if asked.is_rare_by_index:
        return Sql.join("", [counts, DEEP_SQL.put(**pieces)])
    return counts


def _read(rows: list[tuple[str, str, int]]) -> Overview:
    overview, is_complete = Overview(), True
    for kind, label, value in rows:
        if kind == "count":
            overview.counts[label] = overview.counts.get(label, 0) + value
        elif kind == "walked":
            is_complete = is_complete and value < WINDOW
    overview.is_lower_bound = not is_complete and not any(kind == "deep" for kind, _, _ in rows)
    overview.owners = sorted(
        ((n, label) for kind, label, n in rows if kind == "owner"), key=lambda o: o[1].lower()
    )
    overview.clusters = sorted(
        ((n, label) for kind, label, n in rows if kind == "cluster"), key=lambda o: o[1]
    )
    overview.tags = sorted(label for kind, label, _ in rows if kind == "tag")
    return overview
