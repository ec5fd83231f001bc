"""What the cluster shows of the open attempts, written as facts: only what changed, each write guarded."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from clusters.driver import Seen, State
from clusters.failpoints import failpoint
from clusters.models import Cluster
from jobs import hints
from jobs.models import Attempt

# Absence needs two reads that are so far apart (design: "How a job moves").
ABSENCE = timedelta(seconds=5)


@dataclass(frozen=True)
class Open:
    """An attempt that may still have work at the cluster, as the database knew it before the cluster was read."""

    id: int
    job_id: int
    name: str
    space: str
    is_confirmed: bool
    is_absent: bool
    is_missed: bool
    seen: tuple[str, int | None, str, str]


def open_attempts(cluster_id: int) -> dict[str, Open]:
    """The cluster's open attempts by name. Load first, look second: what is made later is not missed."""
    rows = Attempt.objects.filter(removed_at=None, job__cluster_id=cluster_id)
    return {
        row.name: Open(
            id=row.pk,
            job_id=row.job_id,
            name=row.name,
            space=row.space,
            is_confirmed=row.facts.is_created or row.facts.is_seen,
            is_absent=row.is_absent,
            is_missed=row.absent_since is not None,
            seen=(row.seen_state, row.seen_exit_code, row.seen_reason, row.seen_message),
        )
        for row in rows
    }


def record(
    cluster_id: int,
    known: Mapping[str, Open],
    seen: Iterable[Seen],
    is_gone: Callable[[str, str], bool] = lambda name, space: True,
) -> set[int]:
    """Write what differs from `known`; the ids of the jobs that a worker has to look at.

    `is_gone` asks the cluster itself about a name and its space, before its absence is believed. Raises what it raises.
    """
    failpoint("watch.seen")
    by_name = {work.name: work for work in seen}
    changed = {
        attempt.job_id
        for attempt in known.values()
        if (
            _present(attempt, by_name[attempt.name]) if attempt.name in by_name else _absent(attempt, is_gone)
        )
    }
    if changed:
        hints.hint_cluster(cluster_id)
    return changed


def _present(attempt: Open, work: Seen) -> bool:
    """True when the lifecycle may have a next step because of it."""
    told = (str(work.state), work.exit_code, work.reason[:40], work.message)
    if told == attempt.seen and not attempt.is_missed:
        return False
    # What has ended stays ended: a slow read may not take it back.
    row = Attempt.objects.filter(pk=attempt.id, removed_at=None).exclude(seen_state=State.ENDED)
    facts = {
        "seen_state": told[0],
        "seen_exit_code": told[1],
        "seen_reason": told[2],
        "seen_message": told[3],
        "seen_at": Now(),
        "absent_since": None,
    }
    waits_otherwise = told[2] != attempt.seen[2]
    if work.state is State.ENDED or not attempt.is_confirmed or waits_otherwise:
        return _write_and_poke(attempt, row, facts)
    row.update(**facts)
    return False


def _absent(attempt: Open, is_gone: Callable[[str, str], bool]) -> bool:
    """Note a first miss; a second one, long enough after it, proves that the work is gone."""
    if not attempt.is_confirmed or attempt.is_absent or attempt.seen[0] == State.ENDED:
        return False
    row = Attempt.objects.filter(pk=attempt.id, removed_at=None, is_absent=False)
    if attempt.is_missed:
        missed_for_long = row.filter(absent_since__lt=Now() - ABSENCE)
        if not (missed_for_long.exists() and is_gone(attempt.name, attempt.space)):
            return False
        return _write_and_poke(attempt, missed_for_long, {"is_absent": True})
    row.filter(absent_since=None).update(absent_since=Now())
    return False


def _write_and_poke(attempt: Open, row: QuerySet[Attempt], facts: dict[str, Any]) -> bool:
    """The job before the attempt, as everywhere: two orders would be a deadlock with a claim."""
    with transaction.atomic():
        hints.poke(attempt.job_id)
        return bool(row.update(**facts))


def reached(cluster_id: int) -> None:
    """The cluster answered."""
    Cluster.objects.filter(pk=cluster_id).update(last_seen_at=Now())
    Cluster.objects.filter(~Q(unreachable_since=None) | ~Q(trouble=""), pk=cluster_id).update(
        unreachable_since=None, trouble=""
    )


def not_reached(cluster_id: int, trouble: str) -> None:
    """The cluster did not answer, and why. No job ends by that."""
    Cluster.objects.filter(pk=cluster_id, unreachable_since=None).update(unreachable_since=Now())
    Cluster.objects.filter(pk=cluster_id).exclude(trouble=trouble).update(trouble=trouble)
