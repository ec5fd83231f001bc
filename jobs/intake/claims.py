"""The claim: of all pods that may ever exist for an attempt, one is allowed to start the script."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from clusters.failpoints import failpoint
from jobs.intake.arrivals import CHUNK_MAX_BYTES
from jobs.intake.bearer import IntakeRefused
from jobs.lifecycle import TERMINAL, Wish
from jobs.models import Attempt, Job
from jobs.result_rules import rules_of
from jobs.store import is_open_to_jobs


def claim(attempt: Attempt, uid: str) -> dict[str, Any]:
    """Give the attempt to the pod `uid`, or confirm that it has it. Raises IntakeRefused (400, 409)."""
    if not uid or len(uid) > 80:
        raise IntakeRefused(400, "A claim has to name its pod (uid).")
    with transaction.atomic():
        # The row lock orders claim and cancel: whoever sees a cancel sees every claim that came before it.
        job = Job.objects.select_for_update(no_key=True).get(pk=attempt.job_id)
        if job.status in TERMINAL or job.wish is Wish.CANCEL:
            raise IntakeRefused(409, "The job was cancelled or is over; nothing may be started for it.")
        if not (_take(attempt, uid) or _has(attempt, uid)):
            raise IntakeRefused(
                409, "This attempt belongs to another pod, or its script was started already."
            )
    failpoint("intake.claim.after_commit")
    return answer(job, attempt)


def _open(attempt: Attempt) -> Any:
    """The attempt's row while a script may still be started for it: nothing proved that its work is over."""
    return Attempt.objects.filter(
        pk=attempt.pk, started_at=None, ended_at=None, removed_at=None, is_absent=False
    ).exclude(seen_state="ended")


def _take(attempt: Attempt, uid: str) -> bool:
    return bool(_open(attempt).filter(claimed_by="").update(claimed_by=uid, claimed_at=Now()))


def _has(attempt: Attempt, uid: str) -> bool:
    return bool(_open(attempt).filter(claimed_by=uid).exists())


def answer(job: Job, attempt: Attempt) -> dict[str, Any]:
    """Everything the runner needs to bring the files and start the script."""
    files = job.bundle.files.select_related("blob")
    rules = rules_of(job.result_rules)
    return {
        "job": job.pk,
        "attempt": attempt.number,
        "command": job.command,
        "environment": job.environment,
        "time_limit_seconds": job.time_limit_seconds,
        "grace_seconds": settings.JOB_GRACE_SECONDS,
        "result_wait_seconds": settings.RESULT_WAIT_SECONDS,
        "files": [{"path": file.path, "size": file.size, "sha256": file.blob.sha256} for file in files],
        "limits": {
            "output_bytes": settings.OUTPUT_MAX_BYTES,
            "chunk_bytes": CHUNK_MAX_BYTES,
            "result_bytes": rules.total_bytes,
            "result_files": settings.RESULT_MAX_FILES,
            **({} if rules.file_bytes is None else {"result_file_bytes": rules.file_bytes}),
        },
        "has_direct_results": is_open_to_jobs(),
        "result_rules": {"include": rules.include, "exclude": rules.exclude},
    }
