"""What people wish of a job, written once and by guarded updates: cancel, delete. Workers make it come true."""

from functools import partial

from django.db import transaction
from django.db.models.functions import Now

from jobs import hints
from jobs.lifecycle import Status
from jobs.models import Job, JobEvent
from teams.models import User

CANCELLABLE = (Status.QUEUED, Status.STARTING, Status.RUNNING)


def cancel(job: Job, user: User) -> bool:
    """Wish that the job stops. False: its script has ended, or somebody wished it before; nothing was written."""
    wish = {"cancel_requested_at": Now(), "cancel_requested_by": user, "next_look_at": Now()}
    is_open = Job.objects.filter(status__in=CANCELLABLE, cancel_requested_at=None, deleted_at=None)
    with transaction.atomic():
        if not is_open.filter(pk=job.pk).update(**wish):
            return False
        _record(job, "cancel_requested", f"{user.display_name} asked to cancel the job.")
    return True


def cancel_all_of(owner: User, user: User) -> int:
    """Wish that every job of `owner` stops; how many were asked to. In one order: two of these never deadlock."""
    wish = {"cancel_requested_at": Now(), "cancel_requested_by": user, "next_look_at": Now()}
    is_open = Job.objects.filter(
        status__in=CANCELLABLE, cancel_requested_at=None, deleted_at=None, owner=owner
    )
    with transaction.atomic():
        jobs = list(is_open.order_by("pk").select_for_update(no_key=True).only("pk", "cluster_id"))
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(**wish)
        sentence = f"{user.display_name} asked to cancel the job."
        JobEvent.objects.bulk_create(
            JobEvent(job_id=job.pk, kind="cancel_requested", sentence=sentence) for job in jobs
        )
        for cluster_id in {job.cluster_id for job in jobs}:
            transaction.on_commit(partial(hints.hint_cluster, cluster_id), robust=True)
        for job in jobs:
            transaction.on_commit(partial(hints.announce, job.pk, "status"), robust=True)
    return len(jobs)


def delete(job: Job, user: User) -> bool:
    """Let the job disappear at once; what still runs of it is stopped. False: it was deleted before."""
    with transaction.atomic():
        if not Job.objects.filter(pk=job.pk, deleted_at=None).update(deleted_at=Now(), next_look_at=Now()):
            return False
        _record(job, "deleted", f"{user.display_name} deleted the job.")
    return True


def _record(job: Job, kind: str, sentence: str) -> None:
    JobEvent.objects.create(job_id=job.pk, kind=kind, sentence=sentence)
    transaction.on_commit(partial(hints.hint_cluster, job.cluster_id), robust=True)
    transaction.on_commit(partial(hints.announce, job.pk, "status"), robust=True)
