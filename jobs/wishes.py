"""What people wish of a job, written once and by guarded updates: cancel, delete. Workers make it come true."""

from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from jobs import hints
from jobs.admission.stopping import ask_to_stop, left_their_queue
from jobs.models import Job, JobEvent
from teams.models import User


def cancel(job: Job, user: User) -> bool:
    """Wish that the job stops. False: its script has ended, or somebody wished it before; nothing was written."""
    return bool(_ask_to_stop(Job.objects.filter(pk=job.pk), user))


def cancel_all_of(owner: User, user: User) -> int:
    """Wish that every job of `owner` stops; how many were asked to."""
    return len(_ask_to_stop(Job.objects.filter(owner=owner), user))


def delete(job: Job, user: User) -> bool:
    """Let the job disappear at once; what still runs of it is stopped. False: it was deleted before."""
    with transaction.atomic():
        if not Job.objects.filter(pk=job.pk, deleted_at=None).update(deleted_at=Now(), next_look_at=Now()):
            return False
        left_their_queue([job])
        _record(job, "deleted", f"{user.display_name} deleted the job.")
    return True


def told_before(action: str, job: Job) -> dict[str, str]:
    """What the audit log keeps of the job as it was; a pin leaves its status alone."""
    return {} if action in ("pin", "unpin") else {"status": job.status}


def _ask_to_stop(among: QuerySet[Job], user: User) -> list[int]:
    return ask_to_stop(among, f"{user.display_name} asked to cancel the job.", by=user)


def _record(job: Job, kind: str, sentence: str) -> None:
    JobEvent.objects.create(job_id=job.pk, kind=kind, sentence=sentence)
    transaction.on_commit(partial(hints.hint_cluster, job.cluster_id), robust=True)
    transaction.on_commit(partial(hints.announce, job.pk, "status"), robust=True)
