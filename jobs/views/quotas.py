"""A team's quota: what of it is in use, and the editor."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from jobs.quota.form import CHANGED_MEANWHILE, read_form
from jobs.quota.gauges import use_of
from jobs.quota.preview import preview
from jobs.quota.saving import save
from teams.access import SignedInRequest, sign_in_first
from teams.lookups import find_team
from teams.models import Pause, User
from teams.policy import may_administer, may_manage

NOT_YOURS = "Only a manager of the team or an admin may change its limits."


@sign_in_first
@require_safe
def team_use(request: SignedInRequest, slug: str) -> HttpResponse:
    """Gauges, who uses it, what waits and why; the part of the page that is fetched anew, or all of it."""
    team = find_team(request.user, slug)
    context = {"team": team, "use": use_of(team), "may_manage": may_manage(request.user, team)}
    context["pauses"] = [
        each for each in Pause.objects.filter(cluster=None) if each.team_id in (None, team.pk)
    ]
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "teams/_team_use.html" if is_part else "teams/team_use.html", context)


@sign_in_first
@require_http_methods(["GET", "HEAD", "POST"])
def team_quota(request: SignedInRequest, slug: str) -> HttpResponse:
    """All limits. Sent with action=preview it says what they would do; else they are saved."""
    team = find_team(request.user, slug)
    if not may_manage(request.user, team):
        raise PermissionDenied(NOT_YOURS)
    sent = request.POST if request.method == "POST" else None
    key = request.GET.get("member") or request.POST.get("member") or ""
    member = User.objects.filter(memberships__team=team, username=key).first()
    form = read_form(team, request.user, sent, member)
    if sent is not None and form.is_valid and sent.get("action") != "preview" and save(request, form):
        messages.success(request, f"The quota of {team.name} was saved. " + preview(team, {}).sentences[0])
        return redirect("team_use", slug)
    context = {"team": team, "form": form, "member": key, "is_admin": may_administer(request.user)}
    context |= {
        "no_such_member": bool(key) and member is None,
        "stale": CHANGED_MEANWHILE if form.is_stale else "",
    }
    if sent is not None and not form.errors:
        context["preview"] = preview(team, form.limits)
    return render(request, "teams/team_quota.html", context)
