"""How good estimates of starts are, and what other limits would have done to waits."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.forecast.quality import make_report
from jobs.forecast.what_if_page import make_what_if
from teams.access import SignedInRequest, readers_of_all_only, sign_in_first
from teams.lookups import find_team


@sign_in_first
@require_safe
@readers_of_all_only
def estimate_report(request: SignedInRequest) -> HttpResponse:
    """How often jobs started within the range that was told."""
    return render(request, "jobs/estimate_report.html", {"report": make_report()})


@sign_in_first
@require_safe
@readers_of_all_only
def quota_what_if(request: SignedInRequest, slug: str) -> HttpResponse:
    """The past month's jobs with other limits of a team: how long would they have waited?"""
    team = find_team(request.user, slug)
    return render(
        request, "jobs/quota_what_if.html", {"team": team, "what_if": make_what_if(team, request.GET.dict())}
    )
