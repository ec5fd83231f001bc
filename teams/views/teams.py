"""The teams: all that one may see, one of them, and what admins settle about them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from teams.access import SignedInRequest, admins_only, sign_in_first
from teams.forms import TeamForm, errors_of
from teams.lookups import find_team
from teams.membership import add_team, rename_team, switch_team
from teams.models import Membership, Role, Team
from teams.pages import page_of, words
from teams.pauses import pauses_of
from teams.policy import linkable, may_manage, teams_of
from teams.work import work

READ_OR_SEND = ["GET", "HEAD", "POST"]
TAKEN = "Another team got this name a moment ago. Choose another name."
# So many managers are named; the rest is a number.
NAMED = 3


@dataclass(frozen=True)
class TeamRow:
    """A line of the list."""

    team: Team
    people: int
    managers: list[str]
    more_managers: int
    active: int
    stored: int


@sign_in_first
@require_safe
def team_list(request: SignedInRequest) -> HttpResponse:
    """The teams that one may see, by name; seven statements however many there are."""
    text = words(request, "text")
    teams = teams_of(request.user)
    page = page_of(request, teams.filter(name__icontains=text) if text else teams, "name")
    context = {"page": page, "rows": team_rows(page.rows), "text": text, "pauses": pauses_of()}
    return render(request, "teams/team_list.html", context)


@sign_in_first
@require_safe
def team_detail(request: SignedInRequest, slug: str) -> HttpResponse:
    """Who is in the team, and how much of its quota is used."""
    team = find_team(request.user, slug)
    text = words(request, "text")
    members = Membership.objects.filter(team=team).select_related("user")
    page = page_of(
        request,
        members.filter(user__search_text__contains=text.upper()) if text else members,
        "user__username",
    )
    manages = may_manage(request.user, team)
    invited = [membership.user for membership in page.rows if membership.user.is_invited] if manages else []
    context = {"team": team, "may_manage": manages, "page": page, "text": text}
    context |= {"linkable": linkable(request.user, invited)}
    return render(request, "teams/team_detail.html", context | {"row": team_rows([team])[0]})


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def team_add(request: SignedInRequest) -> HttpResponse:
    """A new team; its people come next."""
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            team = add_team(request, form.cleaned_data["name"])
        except IntegrityError:
            form.add_error("name", TAKEN)
        else:
            messages.success(request, f"{team.name} was added. Now add its people.")
            return redirect("team_detail", team.slug)
    return render(request, "teams/team_add.html", {"form": form, "errors": list(errors_of(form))})


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def team_edit(request: SignedInRequest, slug: str) -> HttpResponse:
    """Another name; the address stays."""
    team = find_team(request.user, slug)
    form = TeamForm(request.POST if request.method == "POST" else None, team)
    if request.method == "POST" and form.is_valid():
        try:
            rename_team(request, team, form.cleaned_data["name"])
        except IntegrityError:
            form.add_error("name", TAKEN)
        else:
            messages.success(request, f"The team is called {form.cleaned_data['name']}.")
            return redirect("team_detail", slug)
    context: dict[str, Any] = {"team": team, "form": form, "errors": list(errors_of(form))}
    return render(request, "teams/team_edit.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def team_disable(request: SignedInRequest, slug: str) -> HttpResponse:
    """Say what happens to the team's jobs, then let nothing new begin."""
    team = find_team(request.user, slug)
    if request.method != "POST":
        return render(request, "teams/team_disable.html", {"team": team, "row": team_rows([team])[0]})
    if switch_team(request, team, is_on=False):
        messages.success(request, f"{team.name} was disabled. What runs of it goes on to its end.")
    return redirect("team_detail", slug)


@sign_in_first
@require_POST
@admins_only
def team_enable(request: SignedInRequest, slug: str) -> HttpResponse:
    """Jobs can be sent again, and those that waited start."""
    team = find_team(request.user, slug)
    if switch_team(request, team, is_on=True):
        messages.success(request, f"{team.name} was enabled: its jobs start again.")
    return redirect("team_detail", slug)


def team_rows(teams: list[Team]) -> list[TeamRow]:
    """What the lines show: four statements for all of them."""
    ids = [team.pk for team in teams]
    members = Membership.objects.filter(team__in=ids)
    people = dict(members.order_by().values_list("team").annotate(Count("pk")))
    managers = members.filter(role=Role.MANAGER)
    place = Window(RowNumber(), partition_by=F("team"), order_by="user__username")
    total = Window(Count("pk"), partition_by=F("team"))
    named: dict[int, list[Any]] = {}
    ranked = managers.annotate(place=place, total=total).filter(place__lte=NAMED)
    for membership in ranked.select_related("user").order_by("place"):
        named.setdefault(membership.team_id, []).append(membership)
    active, stored = work().active_of_teams(ids), work().stored_of_teams(ids)
    return [
        TeamRow(
            team=team,
            people=people.get(team.pk, 0),
            managers=[membership.user.display_name for membership in named.get(team.pk, [])],
            more_managers=max(0, next((m.total for m in named.get(team.pk, [])), 0) - NAMED),
            active=active.get(team.pk, 0),
            stored=stored.get(team.pk, 0),
        )
        for team in teams
    ]
