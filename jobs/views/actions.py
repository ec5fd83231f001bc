"""Cancel and delete one job; many are in bulk.py. Views write wishes; a second click changes nothing."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from jobs import wishes
from jobs.access import find_own_job
from jobs.models import Job
from jobs.retention import pins
from teams.access import SignedInRequest, sign_in_first
from teams.audit import record

WISHES = {"cancel": wishes.cancel, "delete": wishes.delete, "pin": pins.pin, "unpin": pins.unpin}
RECORDED = {
    "cancel": "job.cancelled",
    "delete": "job.deleted",
    "pin": "job.pinned",
    "unpin": "job.unpinned",
}


@sign_in_first
@require_POST
def job_cancel(request: SignedInRequest, job_id: int) -> HttpResponse:
    """Wish that the job stops; its page says when it has."""
    job = find_own_job(request.user, job_id)
    if not wish(request, "cancel", job) and not job.is_cancelling:
        messages.info(request, f"{job.name} had already ended: there was nothing left to cancel.")
    return redirect(back_of(request, job.get_absolute_url()))


@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
def job_delete(request: SignedInRequest, job_id: int) -> HttpResponse:
    """Ask once, then let the job disappear."""
    if request.method != "POST":
        return render(request, "jobs/job_delete.html", {"job": find_own_job(request.user, job_id)})
    job = find_own_job(request.user, job_id, with_deleted=True)
    if wish(request, "delete", job):
        messages.success(request, f"{job.name} was deleted.")
    return redirect("job_list")


def wish(request: SignedInRequest, action: str, job: Job) -> bool:
    """Do it as one of WISHES. True, with an entry in the audit log, where something was written."""
    with transaction.atomic():
        if not WISHES[action](job, request.user):
            return False
        record(request, RECORDED[action], job, team=job.team, old=wishes.told_before(action, job))
    return True


def back_of(request: SignedInRequest, otherwise: str) -> str:
    """Where the form came from, if that is a page of this portal."""
    asked = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None) and asked.startswith("/")
    return asked if is_ours else otherwise
