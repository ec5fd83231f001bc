"""Where a result came from: a job's capsule, what changed since another run, and many jobs beside each other."""

from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from jobs import results
from jobs.access import find_job, jobs_of
from jobs.models import Job
from jobs.provenance.archive import archive_of
from jobs.provenance.asked import Asked
from jobs.provenance.before import Before, run_before
from jobs.provenance.capsule import capsule_of
from jobs.provenance.comparing import Column, columns_of, rows_of
from jobs.provenance.curves import charts_of
from jobs.provenance.export import HEADER_WORDS, export_rows
from jobs.provenance.facts import OUTCOME, STATUS, nodes_text, profile_text
from jobs.provenance.filediff import file_changes
from jobs.provenance.inputs import held_inputs_of, inputs_of, inputs_of_all
from jobs.provenance.secrets import has_secret
from jobs.provenance.versions import seen_by
from jobs.sending import dress, joined_filename
from teams.access import SignedInRequest
from teams.csv_export import csv_response
from teams.filtering import number


@login_required
@require_safe
def job_capsule(request: SignedInRequest, job_id: int) -> HttpResponse:
    """Everything that made the result, on one page."""
    job = find_job(request.user, job_id)
    attempt = results.newest_attempt(job)
    context = {
        "job": job,
        "capsule": capsule_of(job, attempt, inputs_of(job)),
        "profile": profile_text(job),
        "nodes": nodes_text(job),
        "seen": seen_by(attempt),
        "has_secret": has_secret(job.arguments),
    }
    return render(request, "jobs/job_capsule.html", context)


@login_required
@require_safe
def job_capsule_zip(request: SignedInRequest, job_id: int) -> HttpResponseBase:
    """The same with the files themselves, made while it is sent."""
    job = find_job(request.user, job_id)
    inputs = held_inputs_of(job)
    capsule = capsule_of(job, results.newest_attempt(job), inputs)
    response = StreamingHttpResponse(archive_of(job, capsule, inputs), content_type="application/zip")
    return dress(response, joined_filename(job.name, job.pk, "capsule.zip"))


@login_required
@require_safe
def job_changes(request: SignedInRequest, job_id: int) -> HttpResponse:
    """What is different since the run before, or since the job that `?since=` names."""
    job = find_job(request.user, job_id)
    asked = number(request.GET.get("since"))
    before = run_before(request.user, job)
    if "since" in request.GET:
        before = Before(find_job(request.user, asked), "the run that you chose")
    context: dict[str, Any] = {"job": job, "before": before}
    if before is not None:
        columns = columns_of([before.job, job])
        is_same_bundle = before.job.bundle_id == job.bundle_id
        inputs = inputs_of_all([before.job, job])
        files = ([], []) if is_same_bundle else (inputs[before.job.pk].files, inputs[job.pk].files)
        context |= {
            "rows": [row for row in rows_of(columns) if row.differs and not row.label.startswith("file ")],
            "files": file_changes(*files),
            "gone": sorted({each.gone for each in inputs.values()} - {""}),
            "is_same_bundle": is_same_bundle,
        }
    return render(request, "jobs/job_changes.html", context)


@login_required
@require_safe
def job_compare(request: SignedInRequest) -> HttpResponse:
    """2 to 20 jobs: parameters, inputs and metrics in a table, curves over each other."""
    asked = Asked.read(request.GET)
    if "job" in request.GET:
        return redirect(asked.url())
    columns = _columns(request, asked)
    rows = [
        replace(row, sort_url=asked.sort_url(row.key))
        for row in rows_of(columns)
        if (row.group, row.label) != (OUTCOME, STATUS)  # it stands at the top of each column
    ]
    labels = {
        column.attempt.pk: f"{column.job.name} ({column.job.pk})" for column in columns if column.attempt
    }
    context = {
        "asked": asked,
        "columns": columns,
        "rows": [row for row in rows if row.differs] if asked.only_differing else rows,
        "same": sum(not row.differs for row in rows),
        "missing": len(asked.ids) - len(columns),
        "curves": charts_of(labels, asked.page),
        "earlier_url": asked.url(page=asked.page - 1),
        "later_url": asked.url(page=asked.page + 1),
    }
    return render(request, "jobs/job_compare.html", context)


@login_required
@require_safe
def job_compare_export(request: SignedInRequest) -> HttpResponseBase:
    """The same table as a CSV file."""
    columns = _columns(request, Asked.read(request.GET))
    header = [*HEADER_WORDS, *(f"{column.job.name} ({column.job.pk})" for column in columns)]
    return csv_response("compared-jobs.csv", header, export_rows(rows_of(columns)))


def _columns(request: SignedInRequest, asked: Asked) -> list[Column]:
    """In the order that was asked for. Raises Http404 where there is nothing to compare."""
    seen = jobs_of(request.user).select_related("team", "owner", "cluster").filter(pk__in=asked.ids)
    by_id: dict[int, Job] = {job.pk: job for job in seen}
    jobs = [by_id[pk] for pk in asked.ids if pk in by_id]
    if asked.ids and not jobs:
        raise Http404("There are no such jobs.")
    return asked.ordered(columns_of(jobs)) if jobs else []
