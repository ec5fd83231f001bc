"""Pins: of a pinned job no rule ever deletes anything, until somebody takes the pin away."""

from django.db import transaction
from django.db.models.functions import Now

from jobs.models import Job, JobEvent
from teams.models import User


@transaction.atomic
def pin(job: Job, user: User) -> bool:
    """False: it was pinned before, or is deleted; nothing was written."""
    rows = Job.objects.filter(pk=job.pk, pinned_at=None, deleted_at=None)
    is_done = bool(rows.update(pinned_at=Now(), pinned_by=user))
    return is_done and _record(job, "pinned", f"{user.display_name} pinned the job: no rule deletes it.")


@transaction.atomic
def unpin(job: Job, user: User) -> bool:
    """False: it was not pinned; nothing was written."""
    rows = Job.objects.filter(pk=job.pk, pinned_at__isnull=False, deleted_at=None)
    is_done = bool(rows.update(pinned_at=None, pinned_by=None))
    return is_done and _record(job, "unpinned", f"{user.display_name} took the pin away.")


def _record(job: Job, kind: str, sentence: str) -> bool:
    JobEvent.objects.create(job_id=job.pk, kind=kind, sentence=sentence)
    return True
