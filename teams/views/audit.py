"""The audit log: who did what, newest first; and the same as a file."""

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from teams.access import SignedInRequest, readers_of_all_only, sign_in_first
from teams.audit.chips import about, menus
from teams.audit.export import COLUMNS, export_rows
from teams.audit.filters import Filters
from teams.audit.links import find_urls
from teams.audit.pages import WINDOW, all_of, find_page
from teams.audit.words import rows
from teams.csv_export import csv_response
from teams.filtering import number

# A form's own fields; the others come along as they are.
TYPED = ("start", "end", "time")


@sign_in_first
@require_safe
@readers_of_all_only
def audit_list(request: SignedInRequest) -> HttpResponse:
    """One page, with filters."""
    asked, before = Filters.read(request.GET), number(request.GET.get("before"))
    page = find_page(asked, before)
    last = page.events[-1].pk if page.has_more else page.edge
    context = {
        "asked": asked,
        "rows": rows(page.events, find_urls(page.events), asked),
        "menus": menus(asked),
        "about": about(asked),
        "hidden": [(name, value) for name, value in vars(asked).items() if value and name not in TYPED],
        "newest_url": asked.url() if before else "",
        "next_url": asked.url(before=last) if last else "",
        "is_cut": bool(page.edge),
        "window_words": f"{WINDOW:,}",
        "export_url": asked.url("audit_export"),
    }
    return render(request, "teams/audit_list.html", context)


@sign_in_first
@require_safe
@readers_of_all_only
def audit_export(request: SignedInRequest) -> StreamingHttpResponse:
    """All entries that the filters leave, as CSV, sent while they are read."""
    asked = Filters.read(request.GET)
    return csv_response(f"audit-{timezone.localdate()}.csv", COLUMNS, export_rows(all_of(asked)))
