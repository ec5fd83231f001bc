"""The Output tab and the output as a download."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from jobs.access import find_job
from jobs.models import Attempt, Job, Kind
from jobs.output import outputlog
from jobs.output.marks import ending, so_far
from jobs.output.mergedlog import MergedLog
from jobs.output.newest import newest_of
from jobs.output.outputpages import OutputPages, Page
from jobs.output.rows import newest_rows, rows
from jobs.output.streamlog import Asked, StreamLog, is_tag
from jobs.resuming import resumable
from jobs.retention.downloads import held_while_sent
from jobs.retention.gone import gone_of
from jobs.sending import dress, joined_filename, send_stored
from jobs.views.frame import job_frame
from jobs.views.gone import gone_answer
from teams.access import SignedInRequest

MERGED = "merged"
PLAIN_TEXT = "text/plain; charset=utf-8"
# A larger log is not loaded into the browser from its beginning: the live view begins with the last lines.
WHOLE_BYTES, WHOLE_LINES = 16 * 1024 * 1024, 400_000
_PERCENT = re.compile(r"(\d{1,3}(?:[.,]\d{1,6})?)\s*%")
_LINE = re.compile(r"(?:line\s*|L)?(\d{1,18})", re.IGNORECASE)
ENDS = {"start": 0.0, "beginning": 0.0, "end": 100.0}


@login_required
@require_safe
def job_detail(request: SignedInRequest, job_id: int) -> HttpResponse:
    """The job's page with its output: the last lines, or what `?line=`, `?to=` or `?from=` name; `?go=` leads there."""
    job = find_job(request.user, job_id)
    stream, attempt = stream_of(request), newest_attempt(job)
    try:
        pages = _pages(attempt, stream)
        if "go" in request.GET:
            return redirect(_address(job, stream, pages, request.GET["go"]))
        page, is_last = _page(request, pages)
    except FileNotFoundError:
        pages, page, is_last = None, Page(), True  # a rule deleted it a moment ago
    is_end = page.later is None and attempt is not None
    context = (
        job_frame(request, job)
        | _lines(request, stream, page)
        | {
            "so_far": so_far(attempt.pk) if attempt and not job.is_finished else "",
            "marks": [
                *page.marks_after,
                *(ending(attempt) if is_end and attempt and job.is_finished else []),
            ],
            "newest": _newest(attempt, stream) if is_end and attempt and not job.is_finished else "",
            "stream": stream,
            "count_words": count_words(page.total_lines),
            "earlier_url": _url(stream, "to", page.earlier),
            "later_url": _url(stream, "from", page.later),
            "live": _live_view(pages, page, is_last=is_last),
        }
    )
    return render(request, "jobs/job_output.html", context)


@login_required
@require_safe
def job_output_download(request: SignedInRequest, job_id: int, stream: str) -> HttpResponseBase:
    """One stream byte for byte, or both merged line by line; where bytes were left out, a line says so."""
    job = find_job(request.user, job_id)
    if stream not in (*outputlog.STREAMS, MERGED):
        raise Http404("A job has stdout.log, stderr.log and merged.log.")
    filename = joined_filename(job.name, job.pk, f"{stream}.log")
    attempt = newest_attempt(job)
    try:
        if attempt is not None and _is_written(attempt, stream):
            return dress(_download(request, attempt, stream, filename), filename)
    except (Http404, FileNotFoundError):
        # A rule was faster by a moment; the mark is there before the bytes go.
        pass
    return gone_answer(request, job, Kind.LOGS) or dress(HttpResponse(content_type=PLAIN_TEXT), filename)


def _is_written(attempt: Attempt, stream: str) -> bool:
    sizes = outputlog.sizes(attempt.pk)
    return bool(sizes.stdout or sizes.stderr) if stream == MERGED else bool(getattr(sizes, stream))


def _download(request: HttpRequest, attempt: Attempt, stream: str, filename: str) -> HttpResponseBase:
    """Raises FileNotFoundError, Http404."""
    asked = Asked(outputlog.folder_of(attempt.pk), attempt.nonce, request.headers.get("If-Range", ""))
    if stream == MERGED:
        return _merged(request, attempt.job, asked)
    log = StreamLog(asked, stream)
    # nginx knows neither of holes nor of the beginning of a log that has grown since.
    is_for_nginx = attempt.job.is_finished and not log.holes and not is_tag(asked.tag)
    if is_for_nginx and settings.SEND_FILES_BY_ACCEL:
        return send_stored(request, f"output/{attempt.pk}/{stream}.log", filename, PLAIN_TEXT)
    return resumable(request, log, PLAIN_TEXT)


def _merged(request: HttpRequest, job: Job, asked: Asked) -> HttpResponseBase:
    """Several files are read, again and again: what is noted to be read stays."""

    def answer() -> HttpResponseBase:
        if Kind.LOGS in gone_of(job):
            raise FileNotFoundError
        return resumable(request, MergedLog(asked), PLAIN_TEXT)

    return held_while_sent(job.pk, Kind.LOGS, answer)


def stream_of(request: HttpRequest) -> str:
    """The stream that is asked for: "stdout", "stderr", else "all"."""
    stream = request.GET.get("stream", "")
    return stream if stream in outputlog.STREAMS else "all"


def newest_attempt(job: Job) -> Attempt | None:
    """The attempt whose output is shown."""
    return job.attempts.order_by("-number").first()


def newest_attempt_id(job: Job) -> int | None:
    """Its id."""
    return job.attempts.order_by("-number").values_list("pk", flat=True).first()


def line_address(job: Job, stream: str, number: int) -> str:
    """The permalink of a line."""
    query = {"line": number} if stream == "all" else {"stream": stream, "line": number}
    return f"{reverse('job_detail', args=[job.pk])}?{urlencode(query)}#L{number}"


def count_words(lines: int) -> str:
    """How many lines, in words; nothing where there are none."""
    return f"{lines:,} line{'' if lines == 1 else 's'}" if lines else ""


@dataclass(frozen=True)
class LiveView:
    """Where the browser's live view begins: at a place of the streams, which is so many lines in."""

    place: str = "0,0"
    lines_before: int = 0
    halfway: str = ""


def _lines(request: HttpRequest, stream: str, page: Page) -> dict[str, Any]:
    marked, query = number_in(request, "line"), "" if stream == "all" else f"stream={stream}&"
    return {
        "lines": page.lines,
        "rows": rows(page.lines, marked, query),
        "marked_line": marked,
        "line_query": query,
    }


def _newest(attempt: Attempt, stream: str) -> SafeString:
    return newest_rows(each for each in newest_of(attempt.pk) if stream in ("all", each.stream))


def _live_view(pages: OutputPages | None, page: Page, *, is_last: bool) -> LiveView | None:
    """None where the page that was asked for is not the end of a log that is too large for the browser."""
    if pages is None:
        return LiveView()
    end = pages.marks.end
    if sum(end.reached) <= WHOLE_BYTES and end.lines <= WHOLE_LINES:
        return LiveView()
    if not is_last or not page.lines:
        return None
    return LiveView(str(page.place), page.lines[0].number - 1, page.halfway)


def _pages(attempt: Attempt | None, stream: str) -> OutputPages | None:
    return None if attempt is None else OutputPages(attempt.pk, stream)


def _page(request: HttpRequest, pages: OutputPages | None) -> tuple[Page, bool]:
    """The page, and whether it is simply the end."""
    if pages is None:
        return Page(), True
    if (number := number_in(request, "line")) is not None:
        return pages.page_around(number), False
    if (position := number_in(request, "from")) is not None:
        return pages.page_from(position), False
    if (position := number_in(request, "to")) is not None:
        return pages.page_before(position), False
    return pages.last(), True


def _address(job: Job, stream: str, pages: OutputPages | None, wish: str) -> str:
    """Where somebody wants to go: "1234", "50 %", "start" or "end"; what means nothing leads to the end."""
    wish = wish.strip().lower()
    plain = reverse("job_detail", args=[job.pk]) + ("" if stream == "all" else f"?stream={stream}")
    if pages is None or wish == "end":
        return plain
    if found := _LINE.fullmatch(re.sub(r"[,.'\s]", "", wish)):
        return line_address(job, stream, int(found[1]))
    percent = _PERCENT.fullmatch(wish)
    part = float(percent[1].replace(",", ".")) if percent else ENDS.get(wish)
    line = None if part is None else pages.line_at(int(pages.size * min(part, 100.0) / 100))
    return plain if line is None else line_address(job, stream, line.number)


def number_in(request: HttpRequest, name: str) -> int | None:
    """A whole number in the address; None where it is none."""
    value = str(request.GET.get(name, ""))
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


def _url(stream: str, name: str, position: int | None) -> str:
    return "" if position is None else f"?stream={stream}&{name}={position}"
