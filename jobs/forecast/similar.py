"""How long similar jobs ran, out of the history: the newest of each kind, by index, however long the history is."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection

from jobs.forecast.run_times import NEWEST, RunTimes
from jobs.models import Job


@dataclass(frozen=True)
class Kind:
    """What tells which jobs are similar."""

    owner_id: int
    team_id: int
    name: str
    entry: str
    profile_label: str

    @property
    def levels(self) -> list[tuple[object, ...]]:
        """The narrowest first: the same script of the same person, then wider."""
        return [
            ("script", self.owner_id, self.name, self.entry),
            ("owner", self.owner_id, self.profile_label),
            ("team", self.team_id, self.profile_label),
            ("profile", self.profile_label),
        ]


def kind_of(job: Job) -> Kind:
    """Of a job with these five fields."""
    return Kind(job.owner_id, job.team_id, job.name, job.entry, job.profile_label)


class Similar:
    """Past runs for all of these kinds: one statement for each level that some kind has."""

    def __init__(self, kinds: Collection[Kind]) -> None:
        self._runs: dict[tuple[object, ...], list[float]] = {}
        for level in ("script", "owner", "team", "profile"):
            wanted = sorted({key for kind in kinds for key in kind.levels if key[0] == level}, key=str)
            self._runs |= _newest(level, wanted) if wanted else {}

    def times(self, kind: Kind, limit: float) -> RunTimes:
        """For a job of that kind with this time limit in seconds."""
        return RunTimes([self._runs.get(key, []) for key in kind.levels], limit)


def _newest(level: str, keys: Iterable[tuple[object, ...]]) -> dict[tuple[object, ...], list[float]]:
    listed = list(keys)
    columns = [list(column) for column in zip(*(key[1:] for key in listed), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(SQL[level], [*columns, NEWEST])
        return {listed[at - 1]: sorted(max(0.0, run) for run in runs) for at, runs in cursor.fetchall()}


# The condition is that of the indexes job_ran_*, word for word; a job cut off while it ran has no finishing_at.
NEWEST_OF = """
SELECT given.at, array_agg(ran.seconds) FROM unnest({types}) WITH ORDINALITY AS given ({names}, at)
CROSS JOIN LATERAL (
    SELECT extract(epoch FROM coalesce(finishing_at, finished_at) - running_at)::float8 AS seconds FROM jobs_job
    WHERE {same} AND running_at IS NOT NULL AND finished_at IS NOT NULL
    ORDER BY finished_at DESC LIMIT %s
) ran GROUP BY given.at
"""


def _sql(**types: str) -> str:
    same = " AND ".join(f"jobs_job.{name} = given.{name}" for name in types)
    marks = ", ".join(f"%s::{kind}[]" for kind in types.values())
    return NEWEST_OF.format(types=marks, names=", ".join(types), same=same)


SQL = {
    "script": _sql(owner_id="bigint", name="text", entry="text"),
    "owner": _sql(owner_id="bigint", profile_label="text"),
    "team": _sql(team_id="bigint", profile_label="text"),
    "profile": _sql(profile_label="text"),
}
