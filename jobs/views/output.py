"""The Output tab and the output as a download."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.access import find_job
from jobs.models import Job, Kind
from jobs.output import outputlog
from jobs.output.outputpages import OutputPages, Page
from jobs.sending import dress, joined_filename, send_stored
from jobs.views.frame import job_frame
from jobs.views.gone import gone_answer
from teams.access import SignedInRequest

PLAIN_TEXT = "text/plain; charset=utf-8"


@login_required
@require_safe
def job_detail(request: SignedInRequest, job_id: int) -> HttpResponse:
    """The job's page with its output: the last lines, or the page that `?to=` or `?from=` names."""
    job = find_job(request.user, job_id)
    stream = request.GET.get("stream", "")
    stream = stream if stream in outputlog.STREAMS else "all"
    page = _page(request, job, stream)
    context = job_frame(request, job) | {
        "stream": stream,
        "lines": page.lines,
        "total_lines": page.total_lines,
        "earlier_url": _url(stream, "to", page.earlier),
        "later_url": _url(stream, "from", page.later),
    }
    return render(request, "jobs/job_output.html", context)


@login_required
@require_safe
def job_output_download(request: SignedInRequest, job_id: int, stream: str) -> HttpResponseBase:
    """All of one stream, byte for byte."""
    job = find_job(request.user, job_id)
    if stream not in outputlog.STREAMS:
        raise Http404("A job has stdout.log and stderr.log.")
    filename = joined_filename(job.name, job.pk, f"{stream}.log")
    attempt_id = _newest_attempt_id(job)
    try:
        if attempt_id is not None and getattr(outputlog.sizes(attempt_id), stream):
            return send_stored(f"output/{attempt_id}/{stream}.log", filename, PLAIN_TEXT)
    except (Http404, FileNotFoundError):
        # A rule was faster by a moment; the mark is there before the bytes go.
        pass
    return gone_answer(request, job, Kind.LOGS) or dress(HttpResponse(content_type=PLAIN_TEXT), filename)


def _page(request: HttpRequest, job: Job, stream: str) -> Page:
    attempt_id = _newest_attempt_id(job)
    if attempt_id is None:
        return Page()
    try:
        return _asked_page(request, OutputPages(attempt_id, stream))
    except FileNotFoundError:
        return Page()  # a rule deleted it a moment ago


def _asked_page(request: HttpRequest, pages: OutputPages) -> Page:
    if (position := _position(request, "from")) is not None:
        return pages.page_from(position)
    if (position := _position(request, "to")) is not None:
        return pages.page_before(position)
    return pages.last()


def _newest_attempt_id(job: Job) -> int | None:
    return job.attempts.order_by("-number").values_list("pk", flat=True).first()


def _position(request: HttpRequest, name: str) -> int | None:
    value: Any = request.GET.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else None


def _url(stream: str, name: str, position: int | None) -> str:
    return "" if position is None else f"?stream={stream}&{name}={position}"
