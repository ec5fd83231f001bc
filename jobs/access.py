"""Looking a job up with the rights of the one who asks: what may not be seen is not there."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from jobs.models import Job
from teams.models import User
from teams.policy import may_change, visible_to

NOT_YOURS = "Only the owner of a job, a manager of its team or an admin may cancel or delete it."


def jobs_of(user: User) -> QuerySet[Job]:
    """The jobs that `user` may see: their teams', without deleted ones; an admin sees all."""
    return Job.objects.filter(visible_to(user), deleted_at=None)


def find_job(user: User, job_id: int) -> Job:
    """The job with its team, owner and cluster. Raises Http404 for one that `user` may not see."""
    return _found(jobs_of(user), job_id)


def find_own_job(user: User, job_id: int, *, with_deleted: bool = False) -> Job:
    """As `find_job`, for cancelling and deleting. Raises PermissionDenied for a colleague's job.

    `with_deleted`: a second click on Delete finds what the first one deleted.
    """
    seen = Job.objects.filter(visible_to(user)) if with_deleted else jobs_of(user)
    job = _found(seen, job_id)
    if not may_change(user, owner_id=job.owner_id, team_id=job.team_id):
        raise PermissionDenied(NOT_YOURS)
    return job


def _found(jobs: QuerySet[Job], job_id: int) -> Job:
    job = jobs.select_related("team", "owner", "cluster").filter(pk=job_id).first()
    if job is None:
        raise Http404("There is no such job.")
    return job
