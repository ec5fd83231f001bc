"""What a rule would delete now: the dry run and the deletes ask the very same statement.

By age goes all that ended before a day, whatever that frees. By size go the oldest ends until the rest fits, of inputs
only those with which enough of their own content goes. Never: what runs or may start, what ended a moment ago, pinned
jobs, and what people deleted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from jobs.models import Kind
from jobs.retention.rules import Rule
from jobs.retention.sums import totals_of

# Whatever a rule says: what has just ended may still be on its way, or be looked at.
GRACE = timedelta(hours=1)
FOR_EVER = timedelta(days=365_000)
# Inputs go by size when one byte in so many of theirs goes with them; the rest is content that something else has.
WORTH = 10
# Content that jobs share may hang on younger ones: so many of the oldest are looked at, and more if they do not tell.
LOOKS = (500, 5_000, 50_000, None)


@dataclass(frozen=True)
class Due:
    """One thing to delete: logs or results of a job, or the inputs of the jobs with one bundle.

    `freed`: so many bytes less the team then has; of inputs, those that no other job of the team needs.
    """

    id: int
    job_id: int | None
    bundle_id: Any
    jobs: int
    ended_at: datetime
    freed: int
    is_age: bool


@dataclass(frozen=True)
class Sum:
    """All of it together. `over`: so many bytes more than the size allows the team has even then."""

    jobs: int = 0
    freed: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    over: int = 0


@dataclass(frozen=True)
class Asked:
    """One question. `excess`: so many bytes are too much; zero or less: nothing goes by size. `first`: None is all."""

    team_id: int
    kind: str
    days: timedelta
    excess: int
    first: int | None

    @property
    def is_of_shared(self) -> bool:
        """Whether younger ones may decide if older ones go."""
        return self.kind == Kind.INPUTS and self.excess > 0

    @property
    def looks(self) -> tuple[int | None, ...]:
        """So many are looked at, one after the other. Without shared content the first ones never change."""
        return LOOKS if self.is_of_shared else (self.first,)


def may_delete(rule: Rule, total: int) -> bool:
    """Whether a team that has so many bytes of the kind has to be looked at."""
    return rule.days is not None or is_too_much(rule, total)


def is_too_much(rule: Rule, total: int) -> bool:
    """Whether the rule allows less than so many bytes."""
    return rule.most_bytes is not None and total > rule.most_bytes


def with_ends(asked: Iterable[tuple[int, str, int]]) -> set[tuple[int, str]]:
    """Of teams, kinds and days those pairs of which anything ended so many days ago; one statement."""
    teams, kinds, days = [list(column) for column in zip(*asked, strict=True)] or ([], [], [])
    return set(_run(WITH_ENDS, {"teams": teams, "kinds": kinds, "days": days}))


def due(team_id: int, kind: str, rule: Rule, most: int) -> list[Due]:
    """At most `most` of what the rule would delete now, the oldest that can be told without a look at all others.

    Once they are gone the next ones are due. In the end the same went that `listed` and `summed` tell before.
    """
    if not rule.is_any:
        return []
    rows = _look(_asked(team_id, kind, rule, most), LIST.format(beyond=""), {"most": most}, most)
    return [Due(*row) for row in rows]


def listed(
    team_id: int, kind: str, rule: Rule, most: int, after: tuple[datetime, int] | None = None
) -> list[Due]:
    """A page of what the rule would delete now, oldest end first; `after`: end and id of the last one before it."""
    if not rule.is_any:
        return []
    end, last = after or (None, None)
    select = LIST.format(beyond="WHERE (ended_at, id) > (%(end)s, %(last)s)" if after else "")
    asked = _asked(team_id, kind, rule, None if after else most)
    rows = _look(asked, select, {"most": most, "end": end, "last": last})
    return [Due(*row) for row in rows]


def summed(team_id: int, kind: str, rule: Rule) -> Sum:
    """How much it would delete now."""
    if not rule.is_any:
        return Sum()
    asked = _asked(team_id, kind, rule)
    ((jobs, freed, oldest, newest),) = _look(asked, SUMS, {})
    return Sum(jobs, freed, oldest, newest, max(0, asked.excess - freed))


def _asked(team_id: int, kind: str, rule: Rule, first: int | None = None) -> Asked:
    excess = totals_of([team_id])[team_id][kind] - rule.most_bytes if rule.most_bytes is not None else 0
    days = FOR_EVER if rule.days is None else timedelta(days=rule.days)
    return Asked(team_id, kind, days, excess, first)


def _look(
    asked: Asked, select: str, values: dict[str, Any], enough: int | None = None
) -> list[tuple[Any, ...]]:
    """The answer of the first look that tells all, or as much as is enough."""
    found: list[tuple[Any, ...]] = []
    for window in asked.looks:
        text, given = _chosen(asked, window)
        rows = _run(f"{text} {select}", given | values)
        found = [row[1:] for row in rows if row[1] is not None]
        if rows[0][0] or (enough is not None and len(found) >= enough):
            break
    return found


def _chosen(asked: Asked, window: int | None) -> tuple[str, dict[str, Any]]:
    """The statement's beginning, up to the list `chosen`; with a window only so many are looked at, the oldest."""
    is_of_inputs = asked.kind == Kind.INPUTS
    text = ELIGIBLE.format(
        same=SAME_BUNDLE if is_of_inputs else SAME_JOB,
        # By age alone nobody needs to know what is younger.
        also=OLD if asked.excess <= 0 else "",
    )
    if not is_of_inputs:
        text += CHOSEN
    elif not asked.is_of_shared:
        text += PLACED + CHOSEN_OF_INPUTS.format(free="free0")
    else:
        text += PLACED + READY.format(then="ready1", free="free0", freed="free1")
        text += READY.format(then="ready2", free="free1", freed="free2")
        text += CHOSEN_OF_INPUTS.format(free="free2")
    return text, {
        "team": asked.team_id,
        "kind": asked.kind,
        "grace": GRACE,
        "days": asked.days,
        "excess": asked.excess,
        "window": window,
        "worth": WORTH,
    }


def _run(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


WITH_ENDS = """
SELECT asked.team_id, asked.kind
FROM unnest(%(teams)s::bigint[], %(kinds)s::text[], %(days)s::int[]) AS asked (team_id, kind, days)
WHERE EXISTS (SELECT 1 FROM jobs_stored stored
    WHERE stored.team_id = asked.team_id AND stored.kind = asked.kind AND stored.gone_at IS NULL
    AND stored.bytes > 0 AND stored.ended_at < statement_timestamp() - asked.days * interval '24 h')
"""
SAME_JOB = "job.id = stored.job_id"
SAME_BUNDLE = "job.bundle_id = stored.bundle_id"
OLD = "AND stored.ended_at < statement_timestamp() - %(days)s"
ELIGIBLE = """
WITH eligible AS (
    SELECT stored.id, stored.job_id, stored.bundle_id, stored.jobs, stored.ended_at, stored.bytes,
        stored.ended_at < statement_timestamp() - %(days)s AS is_age
    FROM jobs_stored stored
    WHERE stored.team_id = %(team)s AND stored.kind = %(kind)s AND stored.gone_at IS NULL AND stored.bytes > 0
    AND stored.ended_at < statement_timestamp() - %(grace)s
    AND NOT EXISTS (SELECT 1 FROM jobs_job job
        WHERE job.pinned_at IS NOT NULL AND job.deleted_at IS NULL AND job.team_id = %(team)s AND {same})
    AND NOT EXISTS (SELECT 1 FROM jobs_job job
        WHERE job.deleted_at IS NOT NULL AND job.team_id = %(team)s AND {same})
    {also} ORDER BY stored.ended_at, stored.id LIMIT %(window)s
)"""
CHOSEN = """, chosen AS (
    SELECT id, job_id, bundle_id, jobs, ended_at, bytes AS freed, is_age
    FROM (SELECT *, sum(bytes) OVER (ORDER BY ended_at, id) - bytes AS before FROM eligible) walked
    WHERE is_age OR before < %(excess)s
), looked AS (
    SELECT true AS is_whole
)"""
# Content goes with the last of those who have it (`newest`), if they are all of its uses in the team. `free_at`: it is
# gone when the walk has come to this place; null: it stays, and who else has it is not looked at. Windows and no joins
# among them: where the planner takes many rows for few, a join of lists without an index takes minutes.
PLACED = """, placed AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY ended_at, id) AS place FROM eligible
), content AS (
    SELECT placed.*, blob.blob_id, blob.size, blob.uses, count(*) AS files
    FROM placed JOIN jobs_bundlefile file ON file.bundle_id = placed.bundle_id
    JOIN jobs_storedblob blob ON blob.blob_id = file.blob_id AND blob.team_id = %(team)s
    GROUP BY placed.id, placed.job_id, placed.bundle_id, placed.jobs, placed.ended_at, placed.bytes, placed.is_age,
        placed.place, blob.blob_id, blob.size, blob.uses
), free0 AS (
    SELECT *, CASE WHEN sum(files) OVER same = uses THEN newest END AS free_at
    FROM (SELECT *, max(place) OVER (PARTITION BY blob_id) AS newest FROM content) content
    WINDOW same AS (PARTITION BY blob_id)
)"""
# An entry is ready at the place by which enough of its content is free; only then does it let go of the rest of it,
# so that content is free when the last of those who have it is ready. Twice: content may hang on others' content.
READY = """, {then} AS (
    SELECT id, job_id, bundle_id, jobs, ended_at, bytes, is_age, place, blob_id, size, newest, free_at AS free_before,
        CASE WHEN is_age THEN place ELSE min(free_at) FILTER (WHERE part * %(worth)s >= bytes)
            OVER (PARTITION BY place) END AS ready_at
    FROM (SELECT *, sum(size) FILTER (WHERE free_at IS NOT NULL) OVER (PARTITION BY place ORDER BY free_at) AS part
        FROM {free}) parts
), {freed} AS MATERIALIZED (
    SELECT *, CASE WHEN bool_and(free_before IS NOT NULL AND ready_at IS NOT NULL) OVER same
        THEN max(ready_at) OVER same END AS free_at
    FROM {then} WINDOW same AS (PARTITION BY blob_id)
)"""
# The walk stops where enough is free, and not before the last that goes by age. Beyond the window nothing is told if
# the stop is not within it.
CHOSEN_OF_INPUTS = """, looked AS MATERIALIZED (
    SELECT greatest(coalesce(goal.place, counts.seen), counts.old) AS stop,
        coalesce(counts.seen < %(window)s, true) OR (goal.place IS NOT NULL AND counts.old < counts.seen) AS is_whole
    FROM (
        SELECT min(free_at) AS place FROM (
            SELECT free_at, sum(sum(size)) OVER (ORDER BY free_at) AS total
            FROM {free} WHERE place = newest AND free_at IS NOT NULL GROUP BY 1
        ) walked WHERE total >= %(excess)s
    ) goal, (SELECT count(*) AS seen, count(*) FILTER (WHERE is_age) AS old FROM placed) counts
), chosen AS (
    SELECT id, job_id, bundle_id, jobs, ended_at, is_age,
        coalesce(sum(size) FILTER (WHERE free_at <= stop AND place = newest), 0)::bigint AS freed
    FROM {free}, looked GROUP BY id, job_id, bundle_id, jobs, ended_at, is_age
    HAVING is_age OR bool_or(free_at <= stop)
)"""
LIST = """
SELECT looked.is_whole, page.* FROM looked LEFT JOIN (
    SELECT id, job_id, bundle_id, jobs, ended_at, freed, is_age FROM chosen {beyond}
    ORDER BY ended_at, id LIMIT %(most)s
) page ON true ORDER BY page.ended_at, page.id
"""
SUMS = """
SELECT looked.is_whole, coalesce(sum(jobs), 0), coalesce(sum(freed), 0)::bigint, min(ended_at), max(ended_at)
FROM looked LEFT JOIN chosen ON true GROUP BY 1
"""
