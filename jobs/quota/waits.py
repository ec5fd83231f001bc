"""What of a team waits and why, by cause: by lanes and their index, however many jobs wait in them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from clusters.models import Cluster
from jobs.admission import lanes
from jobs.admission.counting import MOST_COUNTED, counts_of
from jobs.admission.lanes import Lane, Waiting
from jobs.catalogue import Explanation, Own, Situation, explain
from jobs.catalogue.queued import SHORT
from jobs.lifecycle import Status
from jobs.models import TeamQueue
from jobs.waiting import facts_of_queue

OF_A_CLUSTER = frozenset({Own.CLUSTER_QUOTA, Own.CLUSTER_FULL, Own.CLUSTER_SILENT, Own.NO_PLACE})


@dataclass(frozen=True)
class Wait:
    """Waiting jobs with one cause. `is_more`: there are more than were counted."""

    label: str
    count: int
    is_more: bool
    oldest: datetime
    explanation: Explanation
    url: str

    @property
    def count_words(self) -> str:
        """ "12", "1,000+"."""
        return f"{self.count:,}{'+' if self.is_more else ''}"


def waits_of(team_id: int) -> list[Wait]:
    """By cause, what has waited longest first; four statements."""
    firsts = lanes.firsts(team_id)
    if not firsts:
        return []
    queue = TeamQueue.objects.filter(pk=team_id).first()
    blocks = {tuple(row["lane"]): row for row in queue.blocked} if queue else {}
    counts = counts_of(team_id, [first.lane for first in firsts])
    clusters = Cluster.objects.in_bulk({first.lane.cluster_id for first in firsts})
    groups: dict[tuple[Any, ...], list[Waiting]] = {}
    for first in firsts:
        groups.setdefault(_cause(first.lane, blocks.get(tuple(first.lane.key))), []).append(first)
    found = []
    for group in groups.values():
        oldest = max(group, key=lambda each: each.seconds)
        row = blocks.get(tuple(oldest.lane.key)) or {}
        found.append(_wait(team_id, group, counts, row, clusters[oldest.lane.cluster_id]))
    return sorted(found, key=lambda wait: wait.oldest)


def _cause(lane: Lane, row: dict[str, Any] | None) -> tuple[Any, ...]:
    """What is the same for jobs that are told of together."""
    if row is None:
        return ("",)
    facts = row.get("facts") or {}
    where = lane.cluster_id if row["reason"] in OF_A_CLUSTER else 0
    return (row["reason"], facts.get("resource"), bool(facts.get("is_never")), row["detail"], where)


def _wait(
    team_id: int, group: list[Waiting], counts: dict[Lane, int], row: dict[str, Any], cluster: Cluster
) -> Wait:
    """The sentence is that of the job that has waited longest."""
    numbers = [counts.get(each.lane, MOST_COUNTED + 1) for each in group]
    reason = row.get("reason", "")
    now = Situation(
        status=Status.QUEUED,
        reason=reason,
        detail=row.get("detail", ""),
        cluster=cluster.name,
        is_unreachable=cluster.unreachable_since is not None,
        facts=facts_of_queue(row) if row else {},
    )
    seconds = max(each.seconds for each in group)
    return Wait(
        label=_label(reason, is_never=bool((row.get("facts") or {}).get("is_never"))),
        count=sum(min(number, MOST_COUNTED) for number in numbers),
        is_more=any(number > MOST_COUNTED for number in numbers),
        oldest=timezone.now() - timedelta(seconds=seconds),
        explanation=explain(now),
        url=_url(team_id, [each.lane for each in group]),
    )


def _label(reason: str, *, is_never: bool) -> str:
    if is_never:
        return "Too large"
    words = SHORT.get(reason, "about to be looked at")
    return words[:1].upper() + words[1:]


def _url(team_id: int, of: Iterable[Lane]) -> str:
    """The list of jobs with the filters that they have in common."""
    of = list(of)
    asked: dict[str, object] = {"team": team_id, "status": Status.QUEUED.value}
    for name, found in (("cluster", {x.cluster_id for x in of}), ("owner", {x.owner_id for x in of})):
        if len(found) == 1:
            asked[name] = found.pop()
    return f"{reverse('job_list')}?{urlencode(asked)}"
