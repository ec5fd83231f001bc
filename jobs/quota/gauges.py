"""How much of a team's quota is in use, reserved and left; who uses it; what waits, and why."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Min, Sum
from django.utils import timezone

from jobs.admission.budgets import WARN_SHARE, spent_of
from jobs.catalogue.queued import SHORT
from jobs.lifecycle import Status
from jobs.models import Attempt, Job, TeamQueue
from jobs.models.attempt import RESERVED
from jobs.models.job import QUEUED
from jobs.quota.preview import waiting_by_lane
from jobs.usage.month import this_months_use
from teams.models import QuotaLine, Scope, Team
from teams.quota.book import Account
from teams.quota.resources import BUDGETS, CPU, GPU_PREFIX, JOBS, in_words, noun, sort_key

MOST_PEOPLE = 12


@dataclass(frozen=True)
class Gauge:
    """One resource. Amounts in its unit; `limit` None: no limit. `running` of `used` are in use by running scripts."""

    resource: str
    used: int
    running: int
    limit: int | None
    where: str = ""

    @property
    def label(self) -> str:
        """The resource, and where the limit holds."""
        name = noun(self.resource)
        return f"{name[:1].upper()}{name[1:]}{f' on {self.where}' if self.where else ''}"

    @property
    def is_budget(self) -> bool:
        """Spent in the course of the month, not given back."""
        return self.resource in BUDGETS

    @property
    def words(self) -> str:
        """ "14 cores of 16 cores, 2 cores of it reserved"."""
        used = in_words(self.resource, self.used)
        amount = f"{used} of {in_words(self.resource, self.limit)}" if self.limit is not None else used
        if self.is_budget:
            return f"{amount} this month"
        waits = self.used - self.running
        reserved = f", {in_words(self.resource, waits)} of it reserved" if waits > 0 and self.used else ""
        return f"{amount}{reserved}" if self.limit is not None else f"{amount}{reserved}, no limit"

    @property
    def level(self) -> str:
        """ "full", "high" (a budget of which little is left), or ""."""
        if self.limit is None:
            return ""
        if self.used >= self.limit:
            return "full"
        return "high" if self.is_budget and self.used >= WARN_SHARE * self.limit else ""

    @property
    def borrowed(self) -> str:
        """In words, what is used beyond the own limit; "" where nothing is."""
        if self.limit is None or self.is_budget or self.used <= self.limit:
            return ""
        return in_words(self.resource, self.used - self.limit)

    @property
    def bar(self) -> dict[str, float]:
        """Of a bar 100 long: in use, in use or reserved, and where the limit is (0: none)."""
        most = max(self.limit or 0, self.used, 1)
        end = (self.limit or 0) / most
        if self.limit is None:
            return {"running": 0, "used": 0, "limit": 0}
        running = self.used if self.is_budget else self.running
        parts = {"running": running / most, "used": self.used / most, "limit": end}
        return {name: round(100 * part, 1) for name, part in parts.items()}


@dataclass(frozen=True)
class Wait:
    """Waiting jobs with one cause."""

    label: str
    count: int
    oldest: Any
    sentence: str


@dataclass
class Use:
    """Everything for the team's page."""

    gauges: list[Gauge] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    waiting: int = 0
    more_people: int = 0
    at: Any = None


def use_of(team: Team) -> Use:
    """A handful of statements, however many jobs wait."""
    people = _people(team)
    use = Use(gauges_of(team), people[:MOST_PEOPLE], more_people=max(0, len(people) - MOST_PEOPLE))
    counts = waiting_by_lane(team.pk)
    use.waiting, use.waits, use.at = sum(counts.values()), _waits(team, counts), timezone.now()
    return use


def gauges_of(team: Team, *, with_clusters: bool = True) -> list[Gauge]:
    """Of the team, then of its limits on single clusters; budgets last."""
    rows = QuotaLine.objects.filter(team=team, scope__in=(Scope.TEAM, Scope.CLUSTER)).select_related(
        "cluster"
    )
    running, found = _running(team), []
    budgets = [row for row in rows if row.resource in BUDGETS and row.limit is not None]
    month = this_months_use(team.pk) if budgets else {}
    for row in rows:
        is_budget = row.resource in BUDGETS
        is_shown = row.limit is not None if row.scope == Scope.CLUSTER or is_budget else row.limit or row.used
        if not is_shown or (row.scope == Scope.CLUSTER and not with_clusters):
            continue
        account = Account(row.scope, row.resource, row.cluster_id)
        used = spent_of(account, month) if is_budget else row.used
        in_use = running.get((row.resource, row.cluster_id), 0)
        where = row.cluster.name if row.cluster else ""
        found.append(Gauge(row.resource, used, min(in_use, used), row.limit, where))
    return sorted(found, key=lambda gauge: (sort_key(gauge.resource), gauge.where))


def _running(team: Team) -> dict[tuple[str, int | None], int]:
    """What running scripts use, by resource and cluster (None: all)."""
    open_jobs = Job.objects.filter(team=team, status__in=(Status.RUNNING, Status.FINISHING))
    rows = (
        open_jobs.order_by()
        .values_list("cluster_id", "gpu_resource")
        .annotate(Count("pk"), Sum("cpu_millis"), Sum("memory_bytes"), Sum("gpu_count"))
    )
    found: Counter[tuple[str, int | None]] = Counter()
    for cluster_id, gpu, count, cpu, memory, gpus in rows:
        for where in (None, cluster_id):
            found[JOBS, where] += count
            found[CPU, where] += cpu
            found["memory_bytes", where] += memory
            if gpu:
                found[GPU_PREFIX + gpu, where] += gpus
    return dict(found)


def _people(team: Team) -> list[dict[str, Any]]:
    """Who has reservations now, the largest first."""
    held = Attempt.objects.filter(RESERVED, job__team=team).order_by()
    rows = held.values(
        "job__owner", "job__owner__username", "job__owner__first_name", "job__owner__last_name"
    )
    rows = rows.annotate(jobs=Count("pk"), cpu=Sum("job__cpu_millis"), gpus=Sum("job__gpu_count"))
    return [
        {
            "id": row["job__owner"],
            "name": f"{row['job__owner__first_name']} {row['job__owner__last_name']}".strip()
            or row["job__owner__username"],
            "jobs": row["jobs"],
            "cores": in_words(CPU, row["cpu"]),
            "gpus": row["gpus"],
        }
        for row in rows.order_by("-cpu", "job__owner__username")[:200]
    ]


def _waits(team: Team, counts: Counter[Any]) -> list[Wait]:
    """By cause; the sentence is that of the lane that has waited longest."""
    queue = TeamQueue.objects.filter(pk=team.pk).first()
    if queue is None or not counts:
        return []
    oldest = dict(
        Job.objects.filter(QUEUED, team=team).order_by().values_list("priority").annotate(Min("created_at"))
    )
    by_reason: dict[str, Counter[Any]] = {}
    for lane, count in counts.items():
        row = next((row for row in queue.blocked if row["lane"] == lane.key), None)
        by_reason.setdefault(row["reason"] if row else "", Counter())[lane] = count
    return [_wait(team, reason, lanes, min(oldest.values())) for reason, lanes in sorted(by_reason.items())]


def _wait(team: Team, reason: str, lanes: Counter[Any], oldest: Any) -> Wait:
    lane = next(iter(lanes))
    first = Job.objects.filter(QUEUED, team=team, **{k: v for k, v in vars(lane).items() if k != "demand"})
    job = first.select_related("cluster").order_by("pk").first()
    label = SHORT.get(reason, "about to start").capitalize()
    return Wait(label, sum(lanes.values()), job.created_at if job else oldest, job.sentence if job else "")
