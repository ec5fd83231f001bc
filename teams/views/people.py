"""People, for admins and auditors: the list, one of them, and what admins change about an account."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from teams import people
from teams.access import SignedInRequest, admins_only, readers_of_all_only, sign_in_first
from teams.forms import PersonForm, errors_of
from teams.lookups import find_person
from teams.models import Membership, User
from teams.pages import address, page_of, words
from teams.policy import may_disable, may_make_link
from teams.work import work

READ_OR_SEND = ["GET", "HEAD", "POST"]
NOT_ONESELF = "You cannot disable your own account. Another admin can."
FILTERS = {
    "": "All",
    "active": "Active",
    "disabled": "Disabled",
    "admins": "Admins",
    "auditors": "Auditors",
    "teamless": "Without a team",
}
# Of a person with more teams the rest is a number.
NAMED = 3


@sign_in_first
@require_safe
@readers_of_all_only
def person_list(request: SignedInRequest) -> HttpResponse:
    """Everybody, by user name; three statements however many there are."""
    text, chosen = words(request, "text"), words(request, "show")
    chosen = chosen if chosen in FILTERS else ""
    found = filtered(chosen)
    if text:
        found = found.filter(search_text__contains=text.upper())
    page = page_of(request, found.defer("search_text"), "username")
    chips = [(label, address(request, show=name), name == chosen) for name, label in FILTERS.items()]
    rows = [(person, *teams) for person, teams in zip(page.rows, teams_of_each(page.rows), strict=True)]
    context = {"page": page, "rows": rows, "chips": chips, "text": text, "chosen": chosen}
    return render(request, "teams/person_list.html", context)


@sign_in_first
@require_safe
@readers_of_all_only
def person_detail(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Teams, rights, the last sign-in and what runs."""
    person = find_person(user_id)
    context = {
        "person": person,
        "memberships": person.memberships.select_related("team").order_by("team__name")[:100],
        "active": work().active_of(person),
        "link": person.invitations.order_by("-pk").first(),
        "may_disable": may_disable(request.user, person),
        "may_make_link": may_make_link(request.user, person),
    }
    return render(request, "teams/person_detail.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def person_edit(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Name, email and rights."""
    person = find_person(user_id)
    form = PersonForm(request.POST if request.method == "POST" else None, person)
    if request.method == "POST" and form.is_valid():
        try:
            people.change_person(request, person, form.cleaned_data)
        except people.Refused as error:
            form.add_error("rights", str(error))
        else:
            messages.success(request, f"What is known of {person.username} was saved.")
            return redirect("team_list" if _has_given_up(request, person, form) else _page_of(person))
    context: dict[str, Any] = {"person": person, "form": form, "errors": list(errors_of(form))}
    return render(request, "teams/person_edit.html", context)


@sign_in_first
@require_http_methods(READ_OR_SEND)
@admins_only
def person_disable(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Say what happens to the person's jobs, then end sessions, links and streams."""
    person = find_person(user_id)
    if not may_disable(request.user, person):
        raise PermissionDenied(NOT_ONESELF)
    if request.method != "POST":
        return render(
            request, "teams/person_disable.html", {"person": person, "active": work().active_of(person)}
        )
    try:
        cancelled = people.disable(request, person, cancels=request.POST.get("cancel") == "1")
    except people.Refused as error:
        messages.error(request, str(error))
    else:
        jobs = f" {_jobs(cancelled)} being cancelled." if cancelled else ""
        messages.success(request, f"{person.display_name} was disabled and signed out everywhere.{jobs}")
    return redirect(_page_of(person))


@sign_in_first
@require_POST
@admins_only
def person_enable(request: SignedInRequest, user_id: int) -> HttpResponse:
    """The person can sign in again."""
    person = find_person(user_id)
    if people.enable(request, person):
        messages.success(request, f"{person.display_name} can sign in again.")
    return redirect(_page_of(person))


@sign_in_first
@require_POST
@admins_only
def person_sign_out(request: SignedInRequest, user_id: int) -> HttpResponse:
    """End all sessions of somebody whose device was lost."""
    person = find_person(user_id)
    if not may_disable(request.user, person):
        raise PermissionDenied("To end your other sessions, change your password.")
    people.sign_out(request, person)
    messages.success(request, f"{person.display_name} was signed out everywhere.")
    return redirect(_page_of(person))


def filtered(chosen: str) -> QuerySet[User]:
    """The people that a filter shows."""
    if chosen == "teamless":
        return User.objects.filter(~Exists(Membership.objects.filter(user=OuterRef("pk"))))
    wanted: dict[str, dict[str, bool]] = {
        "active": {"is_active": True},
        "disabled": {"is_active": False},
        "admins": {"is_superuser": True},
        "auditors": {"is_auditor": True},
    }
    return User.objects.filter(**wanted.get(chosen, {}))


def teams_of_each(rows: list[User]) -> list[tuple[list[Membership], int]]:
    """The first teams of each person and how many there are beside them, in one statement."""
    place = Window(RowNumber(), partition_by=F("user"), order_by="team__name")
    total = Window(Count("pk"), partition_by=F("user"))
    found: dict[int, list[Any]] = {person.pk: [] for person in rows}
    ranked = (
        Membership.objects.filter(user__in=found).annotate(place=place, total=total).filter(place__lte=NAMED)
    )
    for membership in ranked.select_related("team").order_by("place"):
        found[membership.user_id].append(membership)
    return [(teams, max(0, teams[0].total - NAMED) if teams else 0) for teams in found.values()]


def _has_given_up(request: SignedInRequest, person: User, form: PersonForm) -> bool:
    """The own account is an admin's no longer: its page is not there any more."""
    return person.pk == request.user.pk and form.cleaned_data["rights"] == "member"


def _page_of(person: User) -> str:
    return reverse("person_detail", args=[person.pk])


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"
