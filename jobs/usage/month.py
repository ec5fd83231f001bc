"""What a team used of the month that it is now, for its budgets: the very sums of the usage report."""

from collections import defaultdict
from datetime import date

from django.db.models import Q, Sum
from django.utils import timezone

from jobs.models import Grain, UsageSum
from jobs.usage.counting import portal_zone
from jobs.usage.live import live_jobs, live_sums

# By cluster and owner: thousandths of cores × milliseconds, GPUs × milliseconds.
Spent = dict[tuple[int, int], tuple[int, int]]


def this_months_use(team_id: int) -> Spent:
    """Of ended and of running jobs, until now. Three statements over small indexes."""
    first = month_now()
    rows = UsageSum.objects.filter(grain=Grain.DETAIL, team=team_id, day__gte=first)
    found: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for cluster_id, owner_id, cpu, gpu in rows.values_list("cluster_id", "owner_id").annotate(
        Sum("cpu"), Sum("gpu")
    ):
        _add(found[cluster_id, owner_id], cpu, gpu)
    for key, sums in live_sums(live_jobs(Q(team=team_id))).items():
        if key.grain == Grain.DETAIL and key.day >= first:
            _add(found[key.cluster_id, key.owner_id], sums.cpu, sums.gpu)
    return {key: (cpu, gpu) for key, (cpu, gpu) in found.items()}


def month_now() -> date:
    """Its first day, in the portal's time zone."""
    return timezone.localdate(timezone=portal_zone()).replace(day=1)


def _add(sums: list[int], cpu: int, gpu: int) -> None:
    sums[0] += cpu
    sums[1] += gpu
