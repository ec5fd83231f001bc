"""The state of a team and of those it shares with, as it is now, for playing it forward."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from clusters.models import Cluster
from jobs.admission.budgets import fill_in
from jobs.admission.choosing import Block
from jobs.admission.lanes import Lane, lane_of
from jobs.catalogue import Own
from jobs.forecast.playing import MOST_WAITING, MOST_WAITING_BESIDE, Held, Queued, Situation
from jobs.forecast.similar import Kind, Similar, kind_of
from jobs.models import Attempt, Job, TeamQueue
from jobs.models.attempt import RESERVED
from jobs.models.job import QUEUED
from teams.models import Pause, QuotaLine, Scope, Team
from teams.quota.book import Account, Book, Line

# What a queue may wait for and still be played: all else (a pause, a full cluster) ends nobody knows when.
BY_QUOTA = frozenset({Own.TEAM_QUOTA, Own.CLUSTER_QUOTA, Own.OWN_QUOTA, Own.QUOTA_LENT, Own.ITS_TURN})
# With more that run than this nothing is said: reading them would take longer than people wait for a page.
MOST_HELD = 2_000
# The teams that share and wait or run; the rest has no part in who comes next.
MOST_TEAMS = 20
FIELDS = (
    *("id", "team_id", "owner_id", "cluster_id", "priority", "cpu_millis", "memory_bytes", "gpu_resource"),
    *("gpu_count", "name", "entry", "profile_label", "time_limit_seconds", "created_at", "running_at"),
)


@dataclass(frozen=True)
class State:
    """A situation, what its lanes wait for (reason by `cause_key`), and in which lane each job waits."""

    situation: Situation
    causes: Mapping[tuple[int, str], str]

    def cause_of(self, job: Queued) -> str:
        """The catalogue's reason; "" where nobody has looked at it yet."""
        return self.causes.get(cause_key(job.team, job.lane.key), "")


def cause_key(team_id: int, lane_key: Sequence[Any]) -> tuple[int, str]:
    """A team's lane as TeamQueue.blocked names it."""
    return team_id, str(list(lane_key))


def read_state(team_id: int, asked: Sequence[Job] = ()) -> State | None:
    """Some ten statements. None: nothing can be said. `asked`: jobs that are not sent yet, as if they were."""
    teams = _concerned(team_id)
    held, waiting = _held(teams), [*_waiting(team_id, teams), *asked]
    if len(held) > MOST_HELD:
        return None
    similar = Similar({kind_of(job) for job in (*held, *waiting)})
    lanes: dict[Lane, Lane] = {}
    times: dict[tuple[Kind, int], Any] = {}
    now = timezone.now()

    def known(job: Job) -> tuple[Lane, Any]:
        """One object for all that are alike: what is worked out for it is worked out once."""
        lane, key = lane_of(job), (kind_of(job), job.time_limit_seconds)
        if key not in times:
            times[key] = similar.times(*key)
        return lanes.setdefault(lane, lane), times[key]

    queues = {row.team_id: row for row in TeamQueue.objects.filter(team__in=teams)}
    causes = _causes(queues.values())
    sharing = set(Team.objects.filter(pk__in=teams, shares_quota=True).values_list("pk", flat=True))
    lines = _lines(teams)
    for job in asked:
        fill_in(Book(lines[team_id]), team_id, known(job)[0].demand.budgets())
    situation = Situation(
        lines=lines,
        sharing=sharing,
        pool=_pool() if sharing else None,
        held=[
            Held(job.team_id, job.pk, known(job)[0], _since(now, job.running_at), known(job)[1])
            for job in held
        ],
        queued=[
            Queued(job.team_id, job.pk, known(job)[0], _since(now, job.created_at), known(job)[1])
            for job in sorted(waiting, key=lambda job: job.pk)
        ],
        closed=_closed(causes, {lane.cluster_id for lane in lanes}, teams, waiting),
        owed=[team for team, queue in queues.items() if queue.is_owed],
    )
    return State(situation, causes)


def _causes(queues: Iterable[TeamQueue]) -> dict[tuple[int, str], str]:
    return {cause_key(queue.team_id, row["lane"]): row["reason"] for queue in queues for row in queue.blocked}


def _since(now: Any, moment: Any) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def _concerned(team_id: int) -> list[int]:
    """The team; where it shares, those that share and use or want something now."""
    if not Team.objects.filter(pk=team_id, shares_quota=True).exists():
        return [team_id]
    using = QuotaLine.objects.filter(scope=Scope.TEAM, used__gt=0).values("team")
    wanting = TeamQueue.objects.exclude(blocked=[]).values("team")
    others = Team.objects.filter(Q(pk__in=using) | Q(pk__in=wanting), shares_quota=True).exclude(pk=team_id)
    return [team_id, *others.order_by("pk").values_list("pk", flat=True)[: MOST_TEAMS - 1]]


def _held(teams: Collection[int]) -> list[Job]:
    reserved = Attempt.objects.filter(RESERVED, job__team__in=teams).values("job_id")
    return list(Job.objects.filter(pk__in=reserved).only(*FIELDS)[: MOST_HELD + 1])


def _waiting(team_id: int, teams: Collection[int]) -> list[Job]:
    """The first ones of each, in their order: by the index job_queue_order."""
    found: list[Job] = []
    for team in teams:
        most = MOST_WAITING if team == team_id else MOST_WAITING_BESIDE
        found += Job.objects.filter(QUEUED, team=team).order_by("-priority", "pk").only(*FIELDS)[:most]
    return found


def _lines(teams: Collection[int]) -> dict[int, dict[Account, Line]]:
    lines: dict[int, dict[Account, Line]] = {team: {} for team in teams}
    rows = QuotaLine.objects.filter(Q(limit__isnull=False) | Q(used__gt=0), team__in=teams)
    fields = ("team_id", "scope", "resource", "cluster_id", "user_id", "limit", "used")
    for team, scope, resource, cluster, user, limit, used in rows.values_list(*fields):
        lines[team][Account(scope, resource, cluster, user)] = Line(limit, used)
    return lines


def _pool() -> dict[str, Line]:
    rows = QuotaLine.objects.filter(scope=Scope.POOL).values_list("resource", "limit", "used")
    return {resource: Line(limit, used) for resource, limit, used in rows}


def _closed(
    causes: Mapping[tuple[int, str], str],
    cluster_ids: Collection[int],
    teams: Collection[int],
    waiting: Sequence[Job],
) -> dict[int, dict[Lane, Block]]:
    """Lanes that wait for something whose end is not known."""
    shut = Q(is_enabled=False) | Q(unreachable_since__isnull=False)
    disabled = set(Team.objects.filter(pk__in=teams, disabled_at__isnull=False).values_list("pk", flat=True))
    away = set(Cluster.objects.filter(shut, pk__in=cluster_ids).values_list("pk", flat=True))
    pauses = list(Pause.objects.values_list("team_id", "cluster_id"))
    found: dict[int, dict[Lane, Block]] = {team: {} for team in teams}
    for team in teams:
        for lane in {lane_of(job) for job in waiting if job.team_id == team}:
            reason = causes.get(cause_key(team, lane.key), Own.TEAM_QUOTA)
            is_paused = any(each in ((None, None), (team, None), (None, lane.cluster_id)) for each in pauses)
            if team in disabled or is_paused or lane.cluster_id in away or reason not in BY_QUOTA:
                found[team][lane] = Block(reason)
    return found
