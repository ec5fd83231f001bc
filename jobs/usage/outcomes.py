"""How jobs ended and how long they ran, by environment, profile and reason: sums beside those of what they used."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from jobs.lifecycle import TERMINAL, Status
from jobs.models import OutcomeKind, OutcomeSum
from jobs.usage import waits
from jobs.usage.parts import Used


class Outcome(NamedTuple):
    """Which sum: the unique columns of OutcomeSum; 0 for everybody's."""

    day: date
    team_id: int
    owner_id: int
    cluster_id: int
    kind: str
    label: str


@dataclass
class Tally:
    """What is added up; `took` as in jobs/usage/waits.py, without zeros at its end."""

    jobs: int = 0
    took: list[int] = field(default_factory=list)

    def add(self, jobs: int, took: list[int]) -> None:
        """Take more in."""
        self.jobs += jobs
        self.took = waits.added(self.took, took)


Tallies = dict[Outcome, Tally]


def tallied(jobs: Iterable[Used], zone: tzinfo) -> Tallies:
    """The sums to which these jobs belong, where they have ended."""
    tallies: Tallies = defaultdict(Tally)
    for job in jobs:
        if job.status not in TERMINAL or job.finished_at is None:
            continue
        day, took = job.finished_at.astimezone(zone).date(), _took(job)
        for kind, label in _labels(job):
            for team_id, owner_id in ((job.team_id, job.owner_id), (0, 0)):
                key = Outcome(day, team_id, owner_id, job.cluster_id, kind, label)
                tallies[key].add(1, took if kind == OutcomeKind.ENVIRONMENT else [])
    return dict(tallies)


def _labels(job: Used) -> list[tuple[str, str]]:
    labels = [
        (OutcomeKind.ENVIRONMENT.value, job.image_label),
        (OutcomeKind.PROFILE.value, job.profile_label),
    ]
    if job.status != Status.SUCCEEDED:
        labels.append((OutcomeKind.REASON.value, f"{job.status}:{job.reason}"))
    return labels


def _took(job: Used) -> list[int]:
    """A job whose script never started took no time that counts."""
    end = job.finishing_at or job.finished_at
    if job.running_at is None or end is None:
        return []
    return [0] * waits.step_of((end - job.running_at).total_seconds()) + [1]


def write_outcomes(tallies: Tallies) -> None:
    """Add to the rows that are there. In the transaction that marks the jobs."""
    ordered = sorted(tallies)
    for start in range(0, len(ordered), 5000):
        some = ordered[start : start + 5000]
        rows = [
            key._asdict() | {"day": key.day.isoformat(), "jobs": tallies[key].jobs, "took": tallies[key].took}
            for key in some
        ]
        with connection.cursor() as cursor:
            cursor.execute(ADD, [json.dumps(rows)])


ADD = """
INSERT INTO jobs_outcomesum (day, team_id, owner_id, cluster_id, kind, label, jobs, took)
SELECT day, nullif(team_id, 0), nullif(owner_id, 0), cluster_id, kind, label, jobs, took
FROM jsonb_to_recordset(%s::jsonb) AS r (
    day date, team_id bigint, owner_id bigint, cluster_id bigint, kind text, label text, jobs int, took int[])
ON CONFLICT (day, coalesce(team_id, 0::bigint), coalesce(owner_id, 0::bigint), cluster_id, kind, label)
DO UPDATE SET
    jobs = jobs_outcomesum.jobs + excluded.jobs,
    took = CASE WHEN excluded.took = '{}' THEN jobs_outcomesum.took ELSE (
        SELECT array_agg(coalesce(mine, 0) + coalesce(more, 0) ORDER BY step)
        FROM unnest(jobs_outcomesum.took, excluded.took) WITH ORDINALITY AS both_counts (mine, more, step)) END
"""


def kept_outcomes() -> Tallies:
    """All that is kept."""
    rows = OutcomeSum.objects.values_list(*Outcome._fields, "jobs", "took").iterator(5000)
    return {
        Outcome(day, team or 0, owner or 0, cluster, kind, label): Tally(jobs, took)
        for day, team, owner, cluster, kind, label, jobs, took in rows
    }


def read_outcomes(among: Q, *, is_everybody: bool) -> dict[tuple[str, str], Tally]:
    """By kind and label: the sums that pass `among`, everybody's or those of people in teams. One statement."""
    whose = Q(team__isnull=is_everybody)
    inner, values = (
        OutcomeSum.objects.filter(among & whose).values_list("kind", "label", "jobs", "took").query
    ).sql_with_params()
    read: dict[tuple[str, str], Tally] = defaultdict(Tally)
    with connection.cursor() as cursor:
        cursor.execute(READ.format(inner=inner), values)
        for kind, label, step, jobs, took in cursor.fetchall():
            if step == 0:
                read[kind, label].jobs = int(jobs)
            else:
                read[kind, label].took = waits.added(read[kind, label].took, [0] * (step - 1) + [int(took)])
    return dict(read)


# A line for each label with its jobs, and one for each step of its times.
READ = """
WITH kept (kind, label, jobs, took) AS MATERIALIZED ({inner})
SELECT kind, label, 0, sum(jobs), 0 FROM kept GROUP BY 1, 2
UNION ALL
SELECT kind, label, step, 0, sum(count) FROM kept, unnest(took) WITH ORDINALITY AS u (count, step)
WHERE count > 0 GROUP BY 1, 2, 3
"""
