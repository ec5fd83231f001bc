"""Who is in a team and as what: its managers and admins settle it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from teams.access import SignedInRequest, sign_in_first
from teams.forms import MemberForm, RoleForm, errors_of
from teams.lookups import find_managed, find_membership
from teams.membership import CannotJoin, add_member, change_role, remove_member
from teams.models import Membership, Role
from teams.work import work

READ_OR_SEND = ["GET", "HEAD", "POST"]


@sign_in_first
@require_http_methods(READ_OR_SEND)
def member_add(request: SignedInRequest, slug: str) -> HttpResponse:
    """Somebody who has an account comes to the team."""
    team = find_managed(request.user, slug)
    form = MemberForm(request.POST if request.method == "POST" else None, team)
    if request.method == "POST" and form.is_valid():
        person = form.cleaned_data["person"]
        try:
            add_member(request, team, person, form.cleaned_data["role"])
        except CannotJoin as error:
            form.add_error("person", str(error))
        else:
            messages.success(request, f"{person.display_name} is in {team.name} now.")
            return redirect("team_detail", slug)
    context: dict[str, Any] = {"team": team, "form": form, "errors": list(errors_of(form))}
    return render(request, "teams/member_add.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
def member_edit(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    """Another role in the team."""
    team = find_managed(request.user, slug)
    membership = find_membership(team, user_id)
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": membership.role})
    if request.method == "POST" and form.is_valid():
        role = form.cleaned_data["role"]
        if change_role(request, membership, role):
            word = Role(role).label.lower()
            messages.success(
                request, f"{membership.user.display_name} is {_article(word)} of {team.name} now."
            )
        return redirect("team_detail", slug)
    context: dict[str, Any] = {"team": team, "membership": membership, "form": form}
    context |= {"is_last_manager": _is_last_manager(membership), "errors": list(errors_of(form))}
    return render(request, "teams/member_edit.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
def member_remove(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    """Ask once, and say what happens to the person's jobs: they go on and belong to the team."""
    team = find_managed(request.user, slug)
    membership = find_membership(team, user_id)
    if request.method == "POST":
        remove_member(request, membership)
        messages.success(request, f"{membership.user.display_name} is no longer in {team.name}.")
        # Whoever left the own team does not see it any more.
        return redirect("team_list") if user_id == request.user.pk else redirect("team_detail", slug)
    context = {
        "team": team,
        "membership": membership,
        "active": work().active_of(membership.user, team),
        "is_last_manager": _is_last_manager(membership),
        "is_oneself": user_id == request.user.pk,
    }
    return render(request, "teams/member_remove.html", context)


def _is_last_manager(membership: Membership) -> bool:
    others = Membership.objects.filter(team=membership.team_id, role=Role.MANAGER).exclude(pk=membership.pk)
    return membership.role == Role.MANAGER and not others.exists()


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
