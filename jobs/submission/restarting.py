"""Jobs that were stopped to give quota back are started anew: each once, as a new job of the same owner."""

import logging
import uuid

from django.db import transaction

from jobs.catalogue import Own
from jobs.lifecycle import Status
from jobs.models import Job, JobEvent
from jobs.submission.submit import CannotRun, NoRoom, run_again

log = logging.getLogger(__name__)
AT_ONCE = 50


def restart_preempted() -> int:
    """Level-triggered: whoever is killed in between is followed by one who finds the same. How many there were."""
    rows = Job.objects.filter(cancel_reason=Own.PREEMPTED, status=Status.CANCELLED, deleted_at=None)
    jobs = list(rows.select_related("owner", "team", "cluster", "image", "profile").order_by("pk")[:AT_ONCE])
    for job in jobs:
        _restart(job)
    return len(jobs)


def _restart(job: Job) -> None:
    # The same key however often this is tried: one new job.
    key = uuid.uuid5(job.submit_key, "started anew")
    try:
        with transaction.atomic():
            fresh = run_again(job.owner, job, key)
            sentence = f"Started anew as job {fresh.pk}."
            _note(job, Own.RESTARTED, sentence)
    except NoRoom:
        return  # it is tried again
    except CannotRun as error:
        _note(job, Own.STAYS_STOPPED, f"It was not started anew: {error}")


def _note(job: Job, reason: str, sentence: str) -> None:
    if Job.objects.filter(pk=job.pk, cancel_reason=Own.PREEMPTED).update(cancel_reason=reason):
        JobEvent.objects.create(job_id=job.pk, kind="restarted", sentence=sentence)
