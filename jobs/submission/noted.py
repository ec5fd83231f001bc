"""A new job's entry in the audit log. Arguments and variables are left out: people put secrets there."""

from functools import partial

from django.http import HttpRequest

from jobs.models import Job
from jobs.submission.submit import Note
from teams.audit import Origin, record


def noting(request: HttpRequest | Origin, **why: object) -> Note:
    """For `submit_draft` and the others; `why` comes to the entry's new values: of which job it is the same again."""
    return partial(_record, request, why)


def _record(request: HttpRequest | Origin, why: dict[str, object], job: Job) -> None:
    asked = {
        "cluster": job.cluster.name,
        "environment": job.image_label,
        "profile": job.profile_label,
        "entry": job.entry,
    }
    record(request, "job.submitted", job, team=job.team, new=asked | why)
