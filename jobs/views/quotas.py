"""A team's quota: what of it is in use, and the editor."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from jobs.quota.form import CHANGED_MEANWHILE, QuotaForm, read_form
from jobs.quota.gauges import use_of
from jobs.quota.preview import preview
from jobs.quota.saving import save
from teams.access import SignedInRequest, sign_in_first
from teams.lookups import find_team
from teams.models import Team, User
from teams.pauses import pauses_of
from teams.policy import ADMINS_ONLY, may_administer, may_manage, may_send

NOT_YOURS = "Only a manager of the team or an admin may change its limits."


@sign_in_first
@require_safe
def team_use(request: SignedInRequest, slug: str) -> HttpResponse:
    """Gauges, who uses it, what waits and why; the part of the page that is fetched anew, or all of it."""
    team = find_team(request.user, slug)
    number = request.GET.get("people", "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else 1
    context = {
        "team": team,
        "use": use_of(team, page),
        "may_manage": may_manage(request.user, team),
        "pauses": pauses_of([team.pk]),
    }
    is_part = request.headers.get("HX-Request") == "true"
    response = render(request, "teams/_team_use.html" if is_part else "teams/team_use.html", context)
    # Else going back in the browser may show the part for the page.
    patch_vary_headers(response, ["HX-Request"])
    return response


@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
def team_quota(request: SignedInRequest, slug: str) -> HttpResponse:
    """All limits. Sent with action=preview it says what they would do, with action=member it has one more member's
    fields; else they are saved."""
    team = find_team(request.user, slug)
    if not may_manage(request.user, team):
        raise PermissionDenied(NOT_YOURS if may_send(request.user) else ADMINS_ONLY)
    sent = request.POST if request.method == "POST" else None
    key = (request.POST if sent is not None else request.GET).get("member", "").replace("\0", "").strip()
    member = User.objects.filter(memberships__team=team, username=key).first() if key else None
    form, action = read_form(team, request.user, sent, member), request.POST.get("action", "save")
    if sent is not None and form.is_valid and action == "save" and save(request, form):
        messages.success(request, f"The quota of {team.name} was saved. {preview(_fresh(team), {}).outcome}")
        return redirect("team_use", slug)
    return render(request, "teams/team_quota.html", _context(request, form, key, member, action))


def _context(
    request: SignedInRequest, form: QuotaForm, key: str, member: User | None, action: str
) -> dict[str, Any]:
    is_sent = request.method == "POST"
    context: dict[str, Any] = {"team": form.team, "form": form, "may_manage": True}
    context |= {
        "is_admin": may_administer(request.user),
        "member": key if member is None else "",
        "member_key": f"user-{member.pk}" if member else "",
        "no_such_member": bool(key) and member is None,
        "stale": CHANGED_MEANWHILE if is_sent and form.is_stale else "",
    }
    if is_sent and action == "preview" and not form.errors:
        context["preview"] = preview(form.team, form.limits, shares=form.settings["shares_quota"])
    return context


def _fresh(team: Team) -> Team:
    team.refresh_from_db()
    return team
