"""What the cluster shows of the open attempts, written as facts: only what changed, each write guarded."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from clusters.driver import Seen, State
from clusters.failpoints import failpoint
from clusters.models import Cluster
from jobs import hints
from jobs.admission import queues
from jobs.lifecycle import Status
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
    is_starting: bool
    seen: tuple[Any, ...]

    @property
    def may_be_absent(self) -> bool:
        """It was there, and nothing says yet that it is over."""
        return self.is_confirmed and not self.is_absent and self.seen[0] != State.ENDED


# What a round asks of each: as few values as will do, for there may be thousands of rows every two seconds.
ASKED = (
    *("id", "job_id", "name", "space", "created_at", "claimed_at", "is_absent", "absent_since"),
    *("job__status", "seen_state", "seen_exit_code", "seen_reason", "seen_message", "image_digest"),
)


def open_attempts(cluster_id: int, names: Collection[str] | None = None) -> dict[str, Open]:
    """The cluster's open attempts by name, all or those of these `names`.

    Load first, look second: what is made later is not missed.
    """
    rows = Attempt.objects.filter(removed_at=None, job__cluster_id=cluster_id)
    if names is not None:
        rows = rows.filter(name__in=names)
    return {row[2]: _open(row) for row in rows.values_list(*ASKED)}


def _open(row: tuple[Any, ...]) -> Open:
    pk, job_id, name, space, created_at, claimed_at, is_absent, absent_since, status, *seen = row
    is_confirmed = bool(created_at or claimed_at or seen[0])
    return Open(
        id=pk,
        job_id=job_id,
        name=name,
        space=space,
        is_confirmed=is_confirmed,
        is_absent=is_absent,
        is_missed=absent_since is not None,
        is_starting=status == Status.STARTING,
        seen=tuple(seen),
    )


def record(
    cluster_id: int,
    known: Mapping[str, Open],
    seen: Iterable[Seen],
    is_gone: Callable[[str, str], bool] = lambda name, space: True,
) -> set[int]:
    """Write what is new of the `known` attempts; ids of the jobs that a worker has to look at.

    `is_gone` asks the cluster itself about a name and its space, before its absence is believed. Raises what it raises.
    """
    failpoint("watch.seen")
    by_name = {work.name: work for work in seen}
    news = [
        (attempt, by_name[attempt.name])
        for attempt in known.values()
        if attempt.name in by_name and _is_news(attempt, by_name[attempt.name])
    ]
    changed = _write(news)
    changed |= {
        attempt.job_id
        for attempt in known.values()
        if attempt.name not in by_name and _absent(attempt, is_gone)
    }
    if changed:
        hints.hint_cluster(cluster_id)
    return changed


def _told(attempt: Open, work: Seen) -> tuple[str, int | None, str, str, str]:
    """As the database has it. A digest that was told once stays known."""
    digest = work.image_digest or attempt.seen[4]
    return (str(work.state), work.exit_code, work.reason[:40], work.message, digest)


def _is_news(attempt: Open, work: Seen) -> bool:
    return attempt.is_missed or _told(attempt, work) != attempt.seen


def _is_for_a_worker(attempt: Open, work: Seen) -> bool:
    """The lifecycle may have a next step because of it."""
    is_told_otherwise = work.reason[:40] != attempt.seen[2]
    # While its job is starting a worker makes it at this moment, or has died; then its lease will tell.
    is_ghost = not attempt.is_confirmed and not attempt.is_starting
    return work.state is State.ENDED or is_ghost or is_told_otherwise


# What has ended stays ended: a slow read may not take it back.
WRITE = """
WITH held AS MATERIALIZED (
    SELECT id FROM jobs_attempt
    WHERE id = ANY(%s) AND removed_at IS NULL AND seen_state <> 'ended' ORDER BY id FOR NO KEY UPDATE
)
UPDATE jobs_attempt SET
    seen_state = told.state, seen_exit_code = told.exit_code, seen_reason = told.reason,
    seen_message = told.message, image_digest = told.digest, seen_at = statement_timestamp(), absent_since = NULL
FROM held, unnest(%s::bigint[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[])
    AS told (id, state, exit_code, reason, message, digest)
WHERE jobs_attempt.id = held.id AND held.id = told.id
RETURNING jobs_attempt.job_id
"""


def _write(news: Sequence[tuple[Open, Seen]]) -> set[int]:
    """All of a round in one statement; ids of the jobs that a worker has to look at."""
    if not news:
        return set()
    poked = {attempt.job_id for attempt, work in news if _is_for_a_worker(attempt, work)}
    rows = [(attempt.id, *_told(attempt, work)) for attempt, work in news]
    columns = [list(column) for column in zip(*rows, strict=True)]
    with transaction.atomic():
        # The job before the attempt, as everywhere: two orders would be a deadlock with a claim.
        if poked:
            hints.poke_all(poked)
        with connection.cursor() as cursor:
            cursor.execute(WRITE, [columns[0], *columns])
            written = {row[0] for row in cursor.fetchall()}
    return poked & written


def _absent(attempt: Open, is_gone: Callable[[str, str], bool]) -> bool:
    """Note a first miss; a second one, long enough after it, proves that the work is gone."""
    if not attempt.may_be_absent:
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
    """The job before the attempt."""
    with transaction.atomic():
        hints.poke(attempt.job_id)
        return bool(row.update(**facts))


def reached(cluster_id: int) -> None:
    """The cluster answered."""
    Cluster.objects.filter(pk=cluster_id).update(last_seen_at=Now())
    row = Cluster.objects.filter(~Q(unreachable_since=None) | ~Q(trouble=""), pk=cluster_id)
    if row.update(unreachable_since=None, trouble="") and queues.wake_after_release((), [cluster_id]):
        hints.hint_cluster(cluster_id)


def not_reached(cluster_id: int, trouble: str) -> None:
    """The cluster did not answer, and why. No job ends by that."""
    Cluster.objects.filter(pk=cluster_id, unreachable_since=None).update(unreachable_since=Now())
    Cluster.objects.filter(pk=cluster_id).exclude(trouble=trouble).update(trouble=trouble)
