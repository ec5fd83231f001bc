"""The head of a job's page alone, and its Details tab."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.access import find_job
from jobs.models import TOLD
from jobs.views.frame import job_frame
from teams.access import SignedInRequest


@login_required
@require_safe
def job_header(request: SignedInRequest, job_id: int) -> HttpResponse:
    """Title, status, sentence, actions and phases: fetched anew while the job can still change."""
    return render(request, "jobs/_job_header.html", job_frame(request, find_job(request.user, job_id)))


@login_required
@require_safe
def job_info(request: SignedInRequest, job_id: int) -> HttpResponse:
    """What was asked, where it ran, its files, what happened and what the cluster said of it."""
    job = find_job(request.user, job_id)
    context = job_frame(request, job) | {
        "attempts": job.attempts.order_by("number"),
        "files": job.bundle.files.all(),
        "events": job.events.exclude(kind=TOLD),
        "told": job.events.filter(kind=TOLD).order_by("at", "id"),
    }
    return render(request, "jobs/job_info.html", context)
