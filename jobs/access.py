"""Looking a job up with the rights of the one who asks: what may not be seen is not there."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from jobs.models import Job
from teams.models import User
from teams.policy import may_change, visible_to

NOTHING_DONE = "You were signed out, so nothing was done. Sign in, and do it again."
NOT_YOURS = "Only the owner of a job, a manager of its team or an admin may cancel or delete it."


class SignedInRequest(HttpRequest):
    """For annotations: the request of a view behind `login_required`."""

    user: User


def sign_in_first(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """As Django's login_required; but whoever sent a form comes back to the page it was on, and is told.

    The form's own address may answer to nothing but forms.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method in ("GET", "HEAD"):
            return redirect_to_login(request.get_full_path())
        # A script on the page tells it by itself.
        if request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
            messages.warning(request, NOTHING_DONE)
        return redirect_to_login(_came_from(request))

    return checked


def _came_from(request: HttpRequest) -> str:
    """The page of this portal on which the form was, or the list of jobs."""
    page = urlsplit(request.headers.get("Referer", ""))
    if page.netloc != request.get_host() or not page.path.startswith("/"):
        return "/"
    return page.path + (f"?{page.query}" if page.query else "")


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
