"""What if: the past month's jobs once more, with the limits as they are and with others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from jobs.admission.lanes import Lane, lane_of
from jobs.forecast.quick_book import books_of
from jobs.forecast.simulator import Queue, SimJob, Simulator
from jobs.models import Job
from teams.models import QuotaLine, Scope, Team
from teams.quota.book import Account, Line

DAYS = 30
# The newest ones; a replay of so many takes about a second for each set of limits.
MOST_JOBS = 20_000
FIELDS = (
    *("id", "team_id", "owner_id", "cluster_id", "priority", "cpu_millis", "memory_bytes", "gpu_resource"),
    *("gpu_count", "created_at", "running_at", "finishing_at", "finished_at"),
)
Lines = dict[int, dict[Account, Line]]


@dataclass(frozen=True)
class Waits:
    """How long a team's jobs waited in a replay, in seconds; None where none started."""

    jobs: int = 0
    median: float | None = None
    nine_of_ten: float | None = None
    longest: float | None = None
    never: int = 0


@dataclass(frozen=True)
class Past:
    """The jobs that are replayed; `is_cut`: there were more than MOST_JOBS."""

    jobs: Sequence[SimJob]
    sharing: frozenset[int]
    is_cut: bool = False


def read_past(team: Team) -> Past:
    """Those of the last month that ran, of the team and of all that share with it. What runs, as long as it has."""
    sharing: set[int] = set()
    if team.shares_quota:
        sharing = set(Team.objects.filter(shares_quota=True).values_list("pk", flat=True))
    now = timezone.now()
    rows = Job.objects.filter(
        Q(running_at__isnull=False),
        team__in=sharing | {team.pk},
        created_at__gte=now - timedelta(days=DAYS),
        deleted_at=None,
    )
    found = list(rows.order_by("-created_at", "-pk").only(*FIELDS)[: MOST_JOBS + 1])
    lanes: dict[Lane, Lane] = {}
    jobs = [_sim_job(job, now, lanes) for job in sorted(found[:MOST_JOBS], key=lambda job: job.pk)]
    # By id, as the queue has them; the clocks of two processes may differ by a moment.
    return Past(sorted(jobs, key=lambda job: job.arrives), frozenset(sharing), len(found) > MOST_JOBS)


def _sim_job(job: Job, now: Any, lanes: dict[Lane, Lane]) -> SimJob:
    lane = lane_of(job)
    ended = job.finishing_at or job.finished_at or now
    seconds = max(0.0, (ended - (job.running_at or ended)).total_seconds())
    return SimJob(job.team_id, job.pk, lanes.setdefault(lane, lane), job.created_at.timestamp(), seconds)


def limits_of_all(team: Team, sharing: frozenset[int]) -> Lines:
    """The limits as they are, of all that the replay has."""
    lines: Lines = {each: {} for each in sharing | {team.pk}}
    rows = QuotaLine.objects.filter(team__in=lines, limit__isnull=False)
    for row in rows:
        account = Account(row.scope, row.resource, row.cluster_id, row.user_id)
        lines[row.team_id or 0][account] = Line(row.limit)
    return lines


def with_limits(lines: Lines, team_id: int, proposed: Mapping[str, int | None]) -> Lines:
    """The same with other limits of the team as a whole, by resource; None is no limit."""
    own = dict(lines[team_id])
    for resource, limit in proposed.items():
        own.pop(Account(Scope.TEAM, resource), None)
        if limit is not None:
            own[Account(Scope.TEAM, resource)] = Line(limit)
    return lines | {team_id: own}


def replay(past: Past, lines: Lines) -> dict[int, Waits]:
    """The waits of each team that had a job. Every run takes what it took: a script knows nothing of its queue."""
    books = books_of(lines, past.sharing)
    simulator = Simulator({team: Queue(book) for team, book in books.items()}, past.sharing)
    simulator.run(past.jobs)
    waits: dict[int, list[float]] = {}
    never: dict[int, int] = {}
    for job in past.jobs:
        mine = waits.setdefault(job.team, [])
        if job.id in simulator.starts:
            mine.append(simulator.starts[job.id] - job.arrives)
        else:
            never[job.team] = never.get(job.team, 0) + 1
    return {team: summed_up(each, never.get(team, 0)) for team, each in waits.items()}


def summed_up(seconds: Sequence[float], never: int = 0) -> Waits:
    """Of the waits of jobs that started, and the number of those that did not."""
    waits = sorted(seconds)
    if not waits:
        return Waits(never, never=never)
    return Waits(len(waits) + never, _at(waits, 0.5), _at(waits, 0.9), waits[-1], never)


def _at(waits: list[float], share: float) -> float:
    return waits[min(len(waits) - 1, int(len(waits) * share))]
