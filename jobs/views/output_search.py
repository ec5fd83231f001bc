"""Search in a job's output: one request looks at as much as fits into a moment, the next goes on behind it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.access import find_job
from jobs.models import Job
from jobs.output.outputpages import OutputPages
from jobs.output.outputsearch import BadPattern, Found, OutputSearch, Stop, compiled
from jobs.views.frame import job_frame
from jobs.views.leaving import has_left
from jobs.views.output import line_address, newest_attempt_id, number_in, stream_of
from teams.access import SignedInRequest
from teams.models import User

PAGE_HITS = 100
# Counted at most: "1,000+".
COUNTED = 1000
# A step of a search: nobody's request holds a thread for longer, however large the log is.
SECONDS = 0.8
STEP_SECONDS = 0.4
# Searches at the same time: of one person in all processes, and of all in this process.
MOST_OF_ONE, MOST_AT_ONCE = 2, 3
_LOCKS = 7_331_006
_places = BoundedSemaphore(MOST_AT_ONCE)
BUSY = "Too many searches are running just now. Try again in a moment."


class _Busy(Exception):
    """There is no place for another search now."""


@dataclass(frozen=True)
class Asked:
    """A search as the address tells it; `before_step` lines were found on earlier pages or by earlier steps."""

    text: str
    stream: str
    is_pattern: bool
    is_exact: bool
    after: int | None
    before: int | None
    before_step: int
    on_page: int

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        """From the query."""
        return cls(
            text=str(request.GET.get("q", "")),
            stream=stream_of(request),
            is_pattern="regex" in request.GET,
            is_exact="case" in request.GET,
            after=number_in(request, "after"),
            before=number_in(request, "before"),
            before_step=number_in(request, "found") or 0,
            on_page=min(number_in(request, "shown") or 0, PAGE_HITS - 1),
        )

    def query(self, **more: int) -> str:
        """The same search from another place on."""
        values: dict[str, Any] = {"q": self.text, "stream": self.stream}
        values |= {"regex": "1"} if self.is_pattern else {}
        values |= {"case": "1"} if self.is_exact else {}
        return "?" + urlencode(values | more)


@login_required
@require_safe
def job_output_search(request: SignedInRequest, job_id: int) -> HttpResponse:
    """The lines that match, a page of them; a step that ran out of time says where it goes on."""
    job = find_job(request.user, job_id)
    asked = Asked.of(request)
    is_step = "HX-Request" in request.headers
    seconds = STEP_SECONDS if is_step else SECONDS
    context, status = {"asked": asked, "streams": ("all", "stdout", "stderr")}, 200
    try:
        context |= _searched(request, job, asked, seconds) if asked.text else {}
    except BadPattern as bad:
        context["trouble"], status = str(bad), 422
    except _Busy:
        context |= {"trouble": BUSY, "again_url": request.get_full_path()}
        # A step is asked for again by the page itself, which takes nothing but a 200.
        status = 200 if is_step else 429
    if is_step and status != 422:
        return render(request, "jobs/_output_hits.html", context | {"job": job, "is_step": True})
    return render(request, "jobs/job_output_search.html", job_frame(request, job) | context, status=status)


def _searched(request: SignedInRequest, job: Job, asked: Asked, seconds: float) -> dict[str, Any]:
    pattern = compiled(asked.text, is_pattern=asked.is_pattern, is_exact=asked.is_exact)
    attempt_id = newest_attempt_id(job)
    if attempt_id is None:
        return {"count_words": "No match"}
    with _place_for(request.user):
        pages = OutputPages(attempt_id, asked.stream)
        search = OutputSearch(pages, pattern)
        room = PAGE_HITS - asked.on_page
        deadline = time.monotonic() + seconds
        stop = Stop(room, max(room, COUNTED - asked.before_step), deadline, partial(has_left, request))
        before, after = asked.before, asked.after or 0
        found = search.forward(after, stop) if before is None else search.backward(before, stop)
    return _shown(job, asked, found, pages.size)


def _shown(job: Job, asked: Asked, found: Found, size: int) -> dict[str, Any]:
    hits = [
        {"number": hit.number, "stream": hit.stream, "parts": hit.parts, "url": url}
        for hit in found.hits
        for url in (line_address(job, asked.stream, hit.number),)
    ]
    context: dict[str, Any] = {
        "hits": hits,
        "searched_percent": 100 * found.searched // size if size else 100,
    }
    if asked.before is not None:
        if found.following is not None:
            context["previous_url"] = asked.query(before=found.following)
        context["next_url"] = asked.query(after=asked.before)
        return context
    shown, total = asked.on_page + len(hits), asked.before_step + found.many
    context["count_words"] = _count(total, is_all=found.is_all)
    if found.following is not None and shown < PAGE_HITS:
        context["step_url"] = asked.query(after=found.following, found=total, shown=shown)
    elif found.following is not None:
        context["next_url"] = asked.query(after=found.following, found=asked.before_step + len(hits))
    if asked.after and asked.on_page == 0 and asked.before_step:
        context["previous_url"] = asked.query(before=asked.after)
    return context


def _count(many: int, *, is_all: bool) -> str:
    if many >= COUNTED:
        return f"{COUNTED:,}+ lines match"
    if not is_all:
        return f"{many:,} line{'' if many == 1 else 's'} so far"
    return f"{many:,} line{' matches' if many == 1 else 's match'}" if many else "No match"


@contextmanager
def _place_for(user: User) -> Iterator[None]:
    """Hold one of the person's places and one of the process's while the block runs. Raises _Busy."""
    if not _places.acquire(blocking=False):
        raise _Busy
    try:
        # Freed with the transaction, however it ends.
        with transaction.atomic(), connection.cursor() as cursor:
            for number in range(MOST_OF_ONE):
                key = user.pk * MOST_OF_ONE + number
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCKS, key % 2**31])
                if cursor.fetchone()[0]:
                    break
            else:
                raise _Busy
            yield
    finally:
        _places.release()
