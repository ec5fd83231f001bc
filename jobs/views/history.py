"""The history: the list of jobs, its rows and counts."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from clusters.models import Image
from jobs.access import find_job
from jobs.forecast.estimate import tell_all
from jobs.history.asker import Asker, asker_of
from jobs.history.chips import counts, filter_bar
from jobs.history.export import HEADER, export_rows
from jobs.history.filters import ALL, Filters
from jobs.history.found import tell_where
from jobs.history.overview import find_counts, find_overview, find_page_and_overview
from jobs.history.pages import Cursor, Page, window_of
from jobs.history.rows import load_jobs
from jobs.history.saved import default_of, filters_of, query_of
from jobs.history.searching import with_owner
from jobs.models import SavedFilter
from jobs.submission.example_list import available_examples
from teams.access import SignedInRequest
from teams.csv_export import csv_response
from teams.filtering import number
from teams.models import User
from teams.policy import rights_of


@login_required
@require_safe
def job_list(request: SignedInRequest) -> HttpResponse:
    """The jobs of the user's teams, newest first; six statements at most, session and user among them."""
    asker = asker_of(request.user, Filters.read(request.GET))
    rights, asked = asker.rights, asker.asked
    if rights.team_ids == ():
        return render(request, "jobs/job_list.html", {"admins": _admins()})
    default = default_of(asker.saved)
    if default and not request.GET:
        return redirect(filters_of(default).url())
    if default:
        asked = asked.but(view=ALL)
    if asked.misspelt:
        return _told_what_is_wrong(request, asker, asked)
    cursor = Cursor(number(request.GET.get("before")), number(request.GET.get("after")))
    page, overview = find_page_and_overview(rights.team_ids, asked, cursor)
    if cursor.is_newer and not page.has_more and not page.edge:
        return redirect(asked.url())
    if not page.ids and not asked.is_any and cursor == Cursor():
        return render(request, "jobs/job_list.html", {"is_empty": True, "examples": _examples()})
    jobs = load_jobs(page.ids)
    tell_all(jobs)
    if asked.text:
        tell_where(jobs, asked.search)
    return render(
        request,
        "jobs/job_list.html",
        {
            "filters": filter_bar(rights, asked, overview),
            "jobs": jobs,
            **kept_beside(asker.saved, asked),
            "no_match": not jobs,
            "searched": asked.text,
            "pauses": asker.pauses,
            "window_words": f"{'these' if cursor.before else 'the newest'} {window_of(asked):,}",
            **pager(asked, cursor, page),
        },
    )


@login_required
@require_safe
def job_counts(request: SignedInRequest) -> HttpResponse:
    """The counts alone, for a list that is open while jobs change."""
    asked = with_owner(Filters.read(request.GET))
    overview = find_counts(rights_of(request.user).team_ids, asked)
    return render(request, "jobs/_counts.html", {"counts": counts(asked, overview), "asked": asked})


@login_required
@require_safe
def job_export(request: SignedInRequest) -> HttpResponseBase:
    """The jobs that the list shows with the same filters, all pages of it, as a CSV file."""
    asked = Filters.read(request.GET)
    if asked.misspelt:
        return HttpResponseBadRequest(asked.misspelt)
    rows = export_rows(rights_of(request.user).team_ids, with_owner(asked))
    return csv_response(f"jobs-{timezone.localdate()}.csv", HEADER, rows)


@login_required
@require_safe
def job_row(request: SignedInRequest, job_id: int) -> HttpResponse:
    """One row of the list alone."""
    job = find_job(request.user, job_id)
    tell_all([job])
    asked = Filters.read(request.GET)
    if asked.text:
        tell_where([job], asked.search)
    return render(request, "jobs/_job_row.html", {"job": job, "searched": asked.text})


def _told_what_is_wrong(request: SignedInRequest, asker: Asker, asked: Filters) -> HttpResponse:
    """The search is not understood: nothing is listed, and everything typed stays."""
    bar = filter_bar(asker.rights, asked, find_overview(asker.rights.team_ids, asked.but(text="")))
    context = {"filters": bar, "misspelt": asked.misspelt, "jobs": [], **kept_beside(asker.saved, asked)}
    return render(request, "jobs/job_list.html", context)


def kept_beside(saved: list[SavedFilter], asked: Filters) -> dict[str, Any]:
    """The saved filters, and which of them is shown."""
    query = query_of(asked)
    return {"saved": saved, "current_query": query, "is_saved": any(one.query == query for one in saved)}


def pager(asked: Filters, cursor: Cursor, page: Page) -> dict[str, Any]:
    """Addresses of the neighbouring pages; `is_cut`: the search ended before the page was full."""
    first, last = (page.ids[0], page.ids[-1]) if page.ids else (cursor.before - 1, page.edge)
    older, newer = page.has_more, bool(cursor.before)
    if cursor.is_newer:
        older, newer = True, page.has_more or bool(page.edge)
    further = page.edge if not cursor.is_newer else 0
    return {
        "first_url": asked.url() if cursor != Cursor() else "",
        "previous_url": asked.url(after=page.edge or first if cursor.is_newer else first) if newer else "",
        "next_url": asked.url(before=further or last) if older or further else "",
        "is_cut": bool(further),
        "known_url": asked.url(before=page.known + 1) if page.known else "",
    }


def _examples() -> list[Any]:
    return available_examples(Image.objects.filter(is_enabled=True, cluster__is_enabled=True))


def _admins() -> list[User]:
    return list(User.objects.filter(is_superuser=True, is_active=True).order_by("username")[:5])
