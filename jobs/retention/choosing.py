"""What a rule would delete now, oldest end first: the dry run and the deletes ask the very same statement.

What it concerns is always the beginning of one list: by age all that ended before a day, by size as many as the team
has too much of. Never in it: what runs or may start, what ended a moment ago, pinned jobs, and what people deleted.
"""

from collections.abc import Iterator
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
    """All of it together."""

    jobs: int = 0
    freed: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None


def may_delete(rule: Rule, total: int) -> bool:
    """Whether a team that has so many bytes of the kind has to be looked at."""
    return rule.days is not None or (rule.most_bytes is not None and total > rule.most_bytes)


def due(
    team_id: int, kind: str, rule: Rule, most: int, after: tuple[datetime, int] | None = None
) -> list[Due]:
    """The next `most` of what the rule would delete now; `after`: end and id of the last one of a page."""
    if not rule.is_any:
        return []
    # Nothing behind the first `most` can change what they are: what is chosen is the beginning of a list.
    text, values = _chosen(team_id, kind, rule, None if after else most)
    beyond = "WHERE (ended_at, id) > (%s, %s)" if after else ""
    sql = f"{text} SELECT id, job_id, bundle_id, jobs, ended_at, freed, is_age FROM chosen {beyond}"
    rows = _run(sql + " ORDER BY ended_at, id LIMIT %s", [*values, *(after or ()), most])
    return [Due(*row) for row in rows]


def summed(team_id: int, kind: str, rule: Rule) -> Sum:
    """How much it would delete now."""
    if not rule.is_any:
        return Sum()
    text, values = _chosen(team_id, kind, rule)
    sums = "coalesce(sum(jobs), 0), coalesce(sum(freed), 0)::bigint, min(ended_at), max(ended_at)"
    return Sum(*next(_run(f"{text} SELECT {sums} FROM chosen", values)))


def _chosen(team_id: int, kind: str, rule: Rule, most: int | None = None) -> tuple[str, list[Any]]:
    """The statement's beginning, up to the list `chosen`; with `most` only so many are looked at, the first ones."""
    excess = totals_of([team_id])[team_id][kind] - rule.most_bytes if rule.most_bytes is not None else 0
    days = FOR_EVER if rule.days is None else timedelta(days=rule.days)
    is_by_age, is_of_jobs = excess <= 0, kind != Kind.INPUTS
    # By age alone nobody needs to know what stands before.
    text = ELIGIBLE.format(
        same=SAME_JOB if is_of_jobs else SAME_BUNDLE,
        also=OLD if is_by_age else "",
        first="ORDER BY stored.ended_at, stored.id LIMIT %s" if most else "",
    )
    values = [
        team_id,
        kind,
        GRACE,
        team_id,
        team_id,
        *([days] if is_by_age else []),
        *([most] if most else []),
    ]
    if is_of_jobs:
        chosen = CHOSEN_BY_AGE if is_by_age else CHOSEN
    else:
        text, values = text + FREED, [*values, team_id]
        chosen = CHOSEN_OF_INPUTS_BY_AGE if is_by_age else CHOSEN_OF_INPUTS
    return text + chosen, values if is_by_age else [*values, days, days, excess]


def _run(sql: str, values: list[Any]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        yield from cursor.fetchall()


SAME_JOB = "job.id = stored.job_id"
SAME_BUNDLE = "job.bundle_id = stored.bundle_id"
OLD = "AND stored.ended_at < statement_timestamp() - %s"
ELIGIBLE = """
WITH eligible AS (
    SELECT stored.id, stored.job_id, stored.bundle_id, stored.jobs, stored.ended_at, stored.bytes
    FROM jobs_stored stored
    WHERE stored.team_id = %s AND stored.kind = %s AND stored.gone_at IS NULL AND stored.bytes > 0
    AND stored.ended_at < statement_timestamp() - %s
    AND NOT EXISTS (SELECT 1 FROM jobs_job job
        WHERE job.pinned_at IS NOT NULL AND job.deleted_at IS NULL AND job.team_id = %s AND {same})
    AND NOT EXISTS (SELECT 1 FROM jobs_job job
        WHERE job.deleted_at IS NOT NULL AND job.team_id = %s AND {same})
    {also} {first}
)"""
CHOSEN_BY_AGE = """, chosen AS (
    SELECT id, job_id, bundle_id, jobs, ended_at, bytes AS freed, true AS is_age FROM eligible
)"""
CHOSEN = """, chosen AS (
    SELECT id, job_id, bundle_id, jobs, ended_at, bytes AS freed, ended_at < statement_timestamp() - %s AS is_age
    FROM (SELECT *, sum(bytes) OVER (ORDER BY ended_at, id) - bytes AS before FROM eligible) walked
    WHERE ended_at < statement_timestamp() - %s OR before < %s
)"""
# Content goes with the last of those who have it, if they are all of its uses in the team: what stays is not looked at.
FREED = """, placed AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY ended_at, id) AS place FROM eligible
), last_use AS (
    SELECT file.blob_id, max(placed.place) AS place, count(*) AS uses
    FROM placed JOIN jobs_bundlefile file ON file.bundle_id = placed.bundle_id GROUP BY 1
), freeing AS (
    SELECT last_use.place, sum(blob.size)::bigint AS freed FROM last_use JOIN jobs_storedblob blob USING (blob_id)
    WHERE blob.team_id = %s AND blob.uses = last_use.uses GROUP BY 1
), weighed AS (
    SELECT placed.*, coalesce(freeing.freed, 0) AS freed FROM placed LEFT JOIN freeing USING (place)
)"""
CHOSEN_OF_INPUTS_BY_AGE = """, chosen AS (
    SELECT id, job_id, bundle_id, jobs, ended_at, freed, true AS is_age FROM weighed
)"""
CHOSEN_OF_INPUTS = """, chosen AS (
    SELECT id, job_id, bundle_id, jobs, ended_at, freed, ended_at < statement_timestamp() - %s AS is_age
    FROM (SELECT *, sum(freed) OVER (ORDER BY ended_at, id) - freed AS before FROM weighed) walked
    WHERE ended_at < statement_timestamp() - %s OR before < %s
)"""
