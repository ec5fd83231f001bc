"""What is kept: a team's amounts and rules, the editor with its dry run, and pins."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jobs.access import find_own_job
from jobs.retention.amounts import amounts_of, latest_gone
from jobs.retention.form import RetentionForm, read_form
from jobs.retention.preview import preview, preview_of_all
from jobs.retention.rules import rules_of
from jobs.retention.saving import save
from jobs.views.actions import back_of, wish
from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.lookups import find_team
from teams.policy import ADMINS_ONLY, may_manage, may_send

NOT_YOURS = "Only a manager of the team or an admin may change what is kept."
READ_OR_SEND = ["GET", "HEAD", "POST"]
NOTHING_NOW = "Nothing is deleted at once: the rules are looked at every five minutes."


@sign_in_first
@require_safe
def team_storage(request: SignedInRequest, slug: str) -> HttpResponse:
    """How much is kept, by which rules, and what went lately."""
    team = find_team(request.user, slug)
    rules = rules_of(team)
    context = {"team": team, "may_manage": may_manage(request.user, team), "gone": latest_gone(team)}
    amounts = amounts_of(team, rules)
    context |= {"amounts": amounts, "total": sum(amount.bytes for amount in amounts)}
    return render(request, "teams/team_storage.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
def team_retention(request: SignedInRequest, slug: str) -> HttpResponse:
    """The rules of a team. Read with action=preview it says what the fields would delete; sent it saves them."""
    team = find_team(request.user, slug)
    if not may_manage(request.user, team):
        raise PermissionDenied(NOT_YOURS if may_send(request.user) else ADMINS_ONLY)
    form, answer = _edited(request, read_form(team, request.user, _sent(request)), "team_storage", team.slug)
    if answer:
        return answer
    context: dict[str, Any] = {"team": team, "form": form, "may_manage": True}
    if request.GET.get("action") == "preview" and not form.errors:
        asked = request.GET
        context["preview"] = preview(team, form.rules, asked.get("kind", ""), asked.get("after", ""))
        context["typed"] = urlencode({k: v for k, v in asked.items() if k not in ("kind", "after")})
    return render(request, "teams/team_retention.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def portal_retention(request: SignedInRequest) -> HttpResponse:
    """What holds for teams of which nothing else is said."""
    form, answer = _edited(request, read_form(None, request.user, _sent(request)), "team_list")
    if answer:
        return answer
    context: dict[str, Any] = {"form": form, "has_preview": False}
    if request.GET.get("action") == "preview" and not form.errors:
        context |= {"has_preview": True, "preview": preview_of_all(form.rules)}
    return render(request, "teams/portal_retention.html", context)


def _sent(request: SignedInRequest) -> dict[str, str] | None:
    if request.method == "POST":
        return request.POST.dict()
    return request.GET.dict() if request.GET.get("action") == "preview" else None


def _edited(
    request: SignedInRequest, form: RetentionForm, back: str, *where: str
) -> tuple[RetentionForm, HttpResponse | None]:
    """Saved, where it was sent and is right; then where to go on."""
    if request.method == "POST" and form.is_valid and save(request, form):
        messages.success(request, f"The rules for what is kept were saved. {NOTHING_NOW}")
        return form, redirect(reverse(back, args=where))
    return form, None


@sign_in_first
@require_POST
def job_pin(request: SignedInRequest, job_id: int) -> HttpResponse:
    """Keep everything of the job whatever the rules say; with on=0 no longer."""
    job = find_own_job(request.user, job_id)
    is_on = request.POST.get("on", "1") != "0"
    if wish(request, "pin" if is_on else "unpin", job):
        words = "is pinned: no rule deletes anything of it." if is_on else "is no longer pinned."
        messages.success(request, f"{job.name} {words}")
    return redirect(back_of(request, job.get_absolute_url()))
