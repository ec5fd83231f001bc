"""Which run to compare a job with: the one it was made from, else the one before it."""

from dataclasses import dataclass

from jobs.access import jobs_of
from jobs.models import Job
from teams.models import User


@dataclass(frozen=True)
class Before:
    """The run to compare with, and why this one."""

    job: Job
    why: str


def run_before(user: User, job: Job) -> Before | None:
    """None where there is none that `user` may see."""
    seen = jobs_of(user).select_related("team", "owner", "cluster")
    if job.made_from_id and (source := seen.filter(pk=job.made_from_id).first()):
        return Before(source, "the run that it was made from")
    # In the index of similar jobs (job_ran_script), however many there are.
    same = Job.objects.filter(owner_id=job.owner_id, name=job.name, entry=job.entry)
    ran = same.filter(running_at__isnull=False, finished_at__lt=job.created_at, deleted_at=None)
    found = ran.exclude(pk=job.pk).order_by("-finished_at").values_list("pk", flat=True).first()
    last = seen.filter(pk=found).first() if found else None
    return Before(last, "the last run of that name before it") if last else None
