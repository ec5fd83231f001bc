"""What is deleted in the background, never under somebody's hands."""

import logging
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now

from jobs import bundles, outputlog
from jobs.lifecycle import TERMINAL
from jobs.models import Artifact, Attempt, Job

log = logging.getLogger(__name__)
CONTENT_AGE = timedelta(hours=24)


def tidy() -> None:
    """One round of all of it."""
    for job in Job.objects.filter(deleted_at__lt=Now() - timedelta(seconds=30), status__in=TERMINAL)[:200]:
        if not job.attempts.filter(removed_at=None).exists():
            delete_job(job)
    bundles.sweep_drafts()
    bundles.sweep_blobs(CONTENT_AGE)
    bundles.sweep_orphan_content(CONTENT_AGE)


def delete_job(job: Job) -> None:
    """Rows first, in one transaction; then content. A crash between leaves content without rows, never the reverse."""
    attempts = list(Attempt.objects.filter(job=job).values_list("pk", flat=True))
    keys = list(Artifact.objects.filter(attempt__in=attempts).values_list("key", flat=True))
    bundle = job.bundle
    with transaction.atomic():
        job.delete()
        if not bundle.jobs.exists():
            bundle.delete()
    for key in keys:
        default_storage.delete(key)
    for attempt_id in attempts:
        outputlog.delete(attempt_id)
