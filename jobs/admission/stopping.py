"""The wish that jobs stop, whoever has it: written once, told in the history, and to those who waited behind."""

from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from jobs import hints
from jobs.admission import queues
from jobs.lifecycle import Status
from jobs.models import Job, JobEvent
from teams.models import User

CANCELLABLE = (Status.QUEUED, Status.STARTING, Status.RUNNING)


@transaction.atomic
def ask_to_stop(
    among: QuerySet[Job], sentence: str, *, by: User | None = None, reason: str = ""
) -> list[int]:
    """Those of `among` that can still be cancelled and that nobody asked to stop before; their ids.

    `by` a person, or without one the portal itself for a `reason` of the catalogue. In one order: two never deadlock.
    """
    is_open = among.filter(status__in=CANCELLABLE, cancel_requested_at=None, deleted_at=None)
    held = is_open.order_by("pk").select_for_update(no_key=True, of=("self",))
    jobs = list(held.only("pk", "cluster_id", "team_id", "status"))
    ids = [job.pk for job in jobs]
    Job.objects.filter(pk__in=ids).update(
        cancel_requested_at=Now(), cancel_requested_by=by, cancel_reason=reason, next_look_at=Now()
    )
    data = {"reason": reason} if reason else {}
    JobEvent.objects.bulk_create(
        JobEvent(job_id=pk, kind="cancel_requested", sentence=sentence, data=data) for pk in ids
    )
    left_their_queue(jobs)
    for cluster_id in {job.cluster_id for job in jobs}:
        transaction.on_commit(partial(hints.hint_cluster, cluster_id), robust=True)
    if ids:
        transaction.on_commit(partial(hints.announce_all, ids, "status"), robust=True)
    return ids


def left_their_queue(jobs: list[Job]) -> None:
    """What waited for one of them to start first need not any more. In the transaction that takes them out."""
    queues.wake({job.team_id for job in jobs if job.status == Status.QUEUED})
