"""How much of a team's quota is in use, reserved and left: a gauge for each resource."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Sum

from jobs.admission.budgets import WARN_SHARE, spent_of
from jobs.lifecycle import Status
from jobs.models import Attempt, Job
from jobs.models.attempt import RESERVED
from jobs.quota.people import People, people_of
from jobs.quota.waits import Wait, waits_of
from jobs.usage.month import this_months_use
from teams.models import QuotaLine, Scope, Team
from teams.quota.book import Account
from teams.quota.resources import BASIC, BUDGETS, CPU, GPU_PREFIX, JOBS, MEMORY, in_words, noun, sort_key


@dataclass(frozen=True)
class Gauge:
    """One resource. Amounts in its unit; `limit` None: no limit. `running` of `used` are in use by running scripts.

    `pool`: use and limit of all teams that share, where this one does.
    """

    resource: str
    used: int
    running: int
    limit: int | None
    where: str = ""
    pool: tuple[int, int] | None = None

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
        """ "14 cores in use, 2 cores reserved, of 16 cores": all that the bar shows."""
        if self.is_budget:
            limit = f" of {self._amount(self.limit)}" if self.limit is not None else ""
            return f"{self._amount(self.used)}{limit} this month"
        reserved = self.used - self.running
        if reserved <= 0 and self.limit is not None:
            return f"{self._amount(self.running)} of {self._amount(self.limit)} in use"
        parts = [f"{self._amount(self.running)} in use"]
        parts += [f"{self._amount(reserved)} reserved"] if reserved > 0 else []
        parts += [f"of {self._amount(self.limit)}" if self.limit is not None else "no limit"]
        return ", ".join(parts)

    @property
    def pool_words(self) -> str:
        """What the teams that share have together; "" where the team does not."""
        if self.pool is None:
            return ""
        return f"Teams that share: {self._amount(self.pool[0])} of {self._amount(self.pool[1])}"

    @property
    def level(self) -> str:
        """ "full", "high" (a budget of which little is left), or ""."""
        if self.limit is None:
            return ""
        if self.used >= self.limit:
            return "full"
        return "high" if self.is_budget and self.used >= WARN_SHARE * self.limit else ""

    @property
    def mark(self) -> str:
        """The level in words, so that colour never stands alone."""
        if self.limit == 0 and not self.is_budget and not self.used:
            return "nothing may start"
        if self.borrowed:
            return f"{self.borrowed} borrowed"
        if self.above:
            return f"{self.above} above the limit"
        return {"full": "used up" if self.is_budget else "full", "high": "nearly used up"}.get(self.level, "")

    @property
    def borrowed(self) -> str:
        """In words, what is used of other teams' quota; "" where nothing is."""
        return self._beyond() if self.pool is not None else ""

    @property
    def above(self) -> str:
        """In words, what runs on beyond a limit that was lowered; "" where nothing does."""
        return self._beyond() if self.pool is None else ""

    @property
    def bar(self) -> dict[str, float]:
        """Of a bar 100 long: where what is in use ends, what is reserved, and where the limit is."""
        most = max(self.limit or 0, self.used, 1)
        running = self.used if self.is_budget else self.running
        parts = {"running": running, "reserved": self.used - running, "limit": self.limit or 0}
        return {name: round(100 * part / most, 1) for name, part in parts.items()}

    def _beyond(self) -> str:
        if self.limit is None or self.is_budget or self.used <= self.limit:
            return ""
        return self._amount(self.used - self.limit)

    def _amount(self, amount: int | None) -> str:
        return in_words(self.resource, amount or 0)


@dataclass
class Use:
    """Everything for the team's page. `budgets` are the month's; `places` the limits on single clusters."""

    gauges: list[Gauge] = field(default_factory=list)
    places: list[Gauge] = field(default_factory=list)
    budgets: list[Gauge] = field(default_factory=list)
    people: People = field(default_factory=lambda: People([]))
    waits: list[Wait] = field(default_factory=list)

    @property
    def waiting(self) -> str:
        """How many wait in all, "1,000+" where not all were counted."""
        more = "+" if any(wait.is_more for wait in self.waits) else ""
        return f"{sum(wait.count for wait in self.waits):,}{more}"


def use_of(team: Team, page: int = 1) -> Use:
    """A dozen statements, however many jobs wait."""
    gauges = gauges_of(team)
    return Use(
        [gauge for gauge in gauges if not gauge.where and not gauge.is_budget],
        [gauge for gauge in gauges if gauge.where and not gauge.is_budget],
        [gauge for gauge in gauges if gauge.is_budget],
        people_of(team.pk, page),
        waits_of(team.pk),
    )


def gauges_of(team: Team, *, with_clusters: bool = True) -> list[Gauge]:
    """Of the team (running jobs, CPU and memory always), then of its limits on single clusters."""
    asked = Q(team=team, scope__in=(Scope.TEAM, Scope.CLUSTER)) | Q(scope=Scope.POOL)
    rows = list(QuotaLine.objects.filter(asked).select_related("cluster"))
    pool = {row.resource: (row.used, row.limit or 0) for row in rows if row.scope == Scope.POOL}
    of_team = [row for row in rows if row.scope != Scope.POOL and (with_clusters or row.cluster_id is None)]
    known = {row.resource for row in of_team if row.scope == Scope.TEAM}
    of_team += [QuotaLine(team=team, scope=Scope.TEAM, resource=name) for name in BASIC if name not in known]
    month = this_months_use(team.pk) if any(_is_limited_budget(row) for row in of_team) else {}
    running = _running(team)
    found = []
    for row in of_team:
        if not _is_shown(row):
            continue
        is_budget, where = row.resource in BUDGETS, row.cluster.name if row.cluster else ""
        used = spent_of(Account(row.scope, row.resource, row.cluster_id), month) if is_budget else row.used
        in_use = min(used, running.get((row.resource, row.cluster_id), 0))
        is_shared = team.shares_quota and row.scope == Scope.TEAM and row.limit is not None and not is_budget
        shared = pool.get(row.resource) if is_shared else None
        found.append(Gauge(row.resource, used, in_use, row.limit, where, shared))
    return sorted(found, key=lambda gauge: (gauge.where, sort_key(gauge.resource)))


def _is_limited_budget(row: QuotaLine) -> bool:
    return row.resource in BUDGETS and row.limit is not None


def _is_shown(row: QuotaLine) -> bool:
    """A limit of 0 is one."""
    if row.scope == Scope.CLUSTER or row.resource in BUDGETS:
        return row.limit is not None
    return row.limit is not None or row.used > 0 or row.resource in BASIC


def _running(team: Team) -> dict[tuple[str, int | None], int]:
    """What is reserved for scripts that run now, by resource and cluster (None: all)."""
    charged = Attempt.objects.filter(RESERVED, job=OuterRef("pk"))
    # running_at and finished_at: the condition of the index job_in_use.
    jobs = Job.objects.filter(team=team, status=Status.RUNNING, running_at__isnull=False, finished_at=None)
    rows = jobs.filter(Exists(charged)).order_by().values_list("cluster_id", "gpu_resource")
    rows = rows.annotate(Count("pk"), Sum("cpu_millis"), Sum("memory_bytes"), Sum("gpu_count"))
    return _summed(rows)


def _summed(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[str, int | None], int]:
    found: Counter[tuple[str, int | None]] = Counter()
    for cluster_id, gpu, count, cpu, memory, gpus in rows:
        for where in (None, cluster_id):
            found[JOBS, where] += count
            found[CPU, where] += cpu
            found[MEMORY, where] += memory
            if gpu:
                found[GPU_PREFIX + gpu, where] += gpus
    return dict(found)
