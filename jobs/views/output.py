"""The Output tab and the output as a download."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.access import find_job
from jobs.models import Attempt, Job, Kind
from jobs.output import outputlog
from jobs.output.marks import ending, so_far
from jobs.output.outputpages import OutputPages, Page
from jobs.output.patched import Patched, ranged
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
    attempt = _newest_attempt(job)
    page = _page(request, attempt, stream)
    is_end = page.later is None and attempt is not None
    context = job_frame(request, job) | {
        "so_far": so_far(attempt.pk) if attempt and not job.is_finished else "",
        "marks": [*page.marks_after, *(ending(attempt) if is_end and attempt and job.is_finished else [])],
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
    """All of one stream, byte for byte; where bytes were left out of it, a line says so."""
    job = find_job(request.user, job_id)
    if stream not in outputlog.STREAMS:
        raise Http404("A job has stdout.log and stderr.log.")
    filename = joined_filename(job.name, job.pk, f"{stream}.log")
    attempt = _newest_attempt(job)
    try:
        if attempt is not None and getattr(outputlog.sizes(attempt.pk), stream):
            if outputlog.extents(attempt.pk)[stream].holes:
                told = Patched(outputlog.folder_of(attempt.pk), stream)
                return dress(ranged(request.headers.get("Range", ""), told), filename)
            return send_stored(f"output/{attempt.pk}/{stream}.log", filename, PLAIN_TEXT)
    except (Http404, FileNotFoundError):
        # A rule was faster by a moment; the mark is there before the bytes go.
        pass
    return gone_answer(request, job, Kind.LOGS) or dress(HttpResponse(content_type=PLAIN_TEXT), filename)


def _page(request: HttpRequest, attempt: Attempt | None, stream: str) -> Page:
    if attempt is None:
        return Page()
    try:
        return _asked_page(request, OutputPages(attempt.pk, stream))
    except FileNotFoundError:
        return Page()  # a rule deleted it a moment ago


def _asked_page(request: HttpRequest, pages: OutputPages) -> Page:
    if (position := _position(request, "from")) is not None:
        return pages.page_from(position)
    if (position := _position(request, "to")) is not None:
        return pages.page_before(position)
    return pages.last()


def _newest_attempt(job: Job) -> Attempt | None:
    return job.attempts.order_by("-number").first()


def _position(request: HttpRequest, name: str) -> int | None:
    value: Any = request.GET.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else None


def _url(stream: str, name: str, position: int | None) -> str:
    return "" if position is None else f"?stream={stream}&{name}={position}"
