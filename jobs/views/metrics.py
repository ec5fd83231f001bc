"""The Metrics tab: numbers and curves of one job."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs import results
from jobs.access import find_job
from jobs.metrics.left_out import sentences
from jobs.models import Metric, MetricsTaken
from jobs.provenance.comparing import SUMMARY
from jobs.provenance.curves import charts_of
from jobs.views.frame import job_frame
from teams.access import SignedInRequest
from teams.filtering import number


@login_required
@require_safe
def job_metrics(request: SignedInRequest, job_id: int) -> HttpResponse:
    """The newest attempt's metrics: each one's last, lowest and highest value, and a page of curves."""
    job = find_job(request.user, job_id)
    attempt = results.newest_attempt(job)
    context = job_frame(request, job)
    if attempt is not None:
        taken = MetricsTaken.objects.filter(pk=attempt.pk).first()
        context |= {
            "metrics": Metric.objects.filter(attempt=attempt).only(*SUMMARY).order_by("name"),
            "parameters": sorted(taken.parameters.items()) if taken else [],
            "left_out": sentences(taken.left_out) if taken else [],
            "curves": charts_of({attempt.pk: job.name}, number(request.GET.get("page"))),
        }
    return render(request, "jobs/job_metrics.html", context)
