"""Cancel and delete, one job or many. Views write wishes; a second click changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from jobs import wishes
from jobs.access import find_own_job, jobs_of
from jobs.models import Job
from jobs.provenance.asked import Asked
from teams.access import SignedInRequest, sign_in_first
from teams.audit import record
from teams.filtering import number
from teams.policy import Rights, rights_of

MOST_AT_ONCE = 200
WISHES = {"cancel": wishes.cancel, "delete": wishes.delete}
RECORDED = {"cancel": "job.cancelled", "delete": "job.deleted"}


@sign_in_first
@require_POST
def job_cancel(request: SignedInRequest, job_id: int) -> HttpResponse:
    """Wish that the job stops; its page says when it has."""
    job = find_own_job(request.user, job_id)
    if not _wish(request, "cancel", job) and not job.is_cancelling:
        messages.info(request, f"{job.name} had already ended: there was nothing left to cancel.")
    return redirect(_next(request, job.get_absolute_url()))


@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
def job_delete(request: SignedInRequest, job_id: int) -> HttpResponse:
    """Ask once, then let the job disappear."""
    if request.method != "POST":
        return render(request, "jobs/job_delete.html", {"job": find_own_job(request.user, job_id)})
    job = find_own_job(request.user, job_id, with_deleted=True)
    if _wish(request, "delete", job):
        messages.success(request, f"{job.name} was deleted.")
    return redirect("job_list")


@sign_in_first
@require_POST
def job_bulk(request: SignedInRequest) -> HttpResponse:
    """Compare the selected jobs; or ask once, then cancel or delete those that the user may change."""
    action = request.POST.get("action", "")
    if action == "compare":
        return redirect(Asked.read(request.POST).url())
    if action not in WISHES:
        return HttpResponseBadRequest("Choose what to do with the jobs: compare, cancel or delete.")
    ids = {number(value) for value in request.POST.getlist("job")[:MOST_AT_ONCE]}
    jobs = jobs_of(request.user).filter(pk__in=ids).select_related("owner", "cluster", "team").order_by("-pk")
    choice, back = choose(action, jobs, rights_of(request.user)), _next(request, reverse("job_list"))
    if choice.jobs and request.POST.get("confirmed") != "yes":
        context = {"action": action, "choice": choice, "jobs": choice.jobs, "next": back}
        return render(request, "jobs/job_bulk_confirm.html", context)
    done = sum(_wish(request, action, job) for job in choice.jobs)
    _report(request, action, done, choice)
    return redirect(back)


def _wish(request: SignedInRequest, action: str, job: Job) -> bool:
    """True, with an entry in the audit log, where something was written."""
    with transaction.atomic():
        if not WISHES[action](job, request.user):
            return False
        record(request, RECORDED[action], job, team=job.team, old={"status": job.status})
    return True


@dataclass
class Choice:
    """The jobs that an action concerns, and a sentence for each kind of job that it leaves alone."""

    jobs: list[Job] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)


def choose(action: str, jobs: Iterable[Job], rights: Rights) -> Choice:
    """Part the jobs into those that the action concerns and those that it leaves alone."""
    choice, forbidden, ended = Choice(), 0, 0
    for job in jobs:
        if not rights.may_change(owner_id=job.owner_id, team_id=job.team_id):
            forbidden += 1
        elif action == "cancel" and not job.can_be_cancelled:
            ended += 1
        else:
            choice.jobs.append(job)
    if ended:
        choice.left_alone.append(f"{_jobs(ended)} left alone: nothing is left to cancel there.")
    if forbidden:
        why = "only the owner, a manager of the team or an admin may do this"
        choice.left_alone.append(f"{_jobs(forbidden)} of colleagues left alone: {why}.")
    return choice


def _report(request: SignedInRequest, action: str, done: int, choice: Choice) -> None:
    if done:
        what = "being cancelled" if action == "cancel" else "deleted"
        verb = ("is" if done == 1 else "are") if action == "cancel" else ("was" if done == 1 else "were")
        messages.success(request, f"{_jobs(done)} {verb} {what}.")
    for sentence in choice.left_alone:
        messages.info(request, sentence)
    if not done and not choice.left_alone:
        messages.info(request, "No job was selected that is still there.")


def _jobs(count: int) -> str:
    return f"{count} job" if count == 1 else f"{count} jobs"


def _next(request: SignedInRequest, otherwise: str) -> str:
    """Where the form came from, if that is a page of this portal."""
    asked = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None) and asked.startswith("/")
    return asked if is_ours else otherwise
