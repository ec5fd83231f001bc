"""Inviting somebody: the link is shown once to the one who asks, and opens an account once.

No page whose address holds the token shows anything: opening the link leads to an address without it. So the token
stands in no Referer, and forms keep the browser's Origin header, which `no-referrer` would take away.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from teams import inviting
from teams.access import SignedInRequest, sign_in_first
from teams.forms import TYPED, InviteForm, errors_of, text
from teams.lookups import find_invited
from teams.models import Invitation, Team, User
from teams.policy import (
    ADMINS_ONLY,
    may_administer,
    may_make_link,
    may_read_all,
    teams_of,
    teams_to_invite_into,
)

READ_OR_SEND = ["GET", "HEAD", "POST"]
# Where the session keeps which invitation was opened: the SHA-256 of its token, never the token.
OPENED = "invitation"
NOT_FOR_YOU = "Only an admin, or the manager who invited somebody who has not come yet, may make such a link."
# So many teams are offered while one is typed.
OFFERED = 50


class AcceptForm(SetPasswordForm):
    """The first password, and the name as its owner writes it."""

    first_name = text("First name")
    last_name = text("Last name")

    def __init__(self, user: User, data: Any = None) -> None:
        known = {"first_name": user.first_name, "last_name": user.last_name}
        super().__init__(user, data, initial=known)
        for name, autocomplete in (("first_name", "given-name"), ("last_name", "family-name")):
            self.fields[name].widget.attrs |= TYPED | {
                "autocomplete": autocomplete,
                "autocapitalize": "words",
            }


@never_cache
@sign_in_first
@require_http_methods(READ_OR_SEND)
def person_invite(request: SignedInRequest) -> HttpResponse:
    """Somebody new. Managers invite into their own teams, admins into any or none."""
    is_admin, teams = may_administer(request.user), teams_to_invite_into(request.user)
    if not is_admin and not teams.exists():
        if may_read_all(request.user):
            raise PermissionDenied(ADMINS_ONLY)
        raise Http404("There is no such page.")
    asked = teams.filter(slug=request.GET.get("team", "").replace("\0", "")).first() or _only_one(teams)
    data = request.POST if request.method == "POST" else None
    form = InviteForm(data, teams, needs_team=not is_admin, initial={"team": asked.name if asked else ""})
    if data is not None and form.is_valid():
        try:
            person, link = inviting.invite(request, form.cleaned_data)
        except IntegrityError:
            form.add_error("username", "Somebody got this user name a moment ago. Choose another.")
        else:
            return _shown_once(request, person, link)
    offered = teams.order_by("name").values_list("name", flat=True)[:OFFERED]
    context = {"form": form, "offered": offered, "errors": list(errors_of(form)), "team": asked}
    return render(request, "teams/person_invite.html", context)


@never_cache
@sign_in_first
@require_POST
def invitation_renew(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Another link, shown once; the one before works no longer."""
    person = _linkable(request, user_id)
    return _shown_once(request, person, inviting.renew(request, person))


@sign_in_first
@require_POST
def invitation_revoke(request: SignedInRequest, user_id: int) -> HttpResponse:
    """The link works no longer."""
    person = _linkable(request, user_id)
    if inviting.revoke(request, person):
        messages.success(request, f"The link for {person.display_name} works no longer.")
    return redirect(_back(request, person))


@csrf_exempt  # it takes nothing; a refusal would write the address, and with it the token, into a log
@never_cache
@require_safe
def invitation_open(request: HttpRequest, token: str) -> HttpResponse:
    """Lead whoever has a link that works to the page without the token; nothing is used up by looking."""
    digest = inviting.digest_of(token)
    if inviting.find_open(digest) is None:
        answer = _gone(request)
    else:
        request.session[OPENED] = digest
        answer = redirect("invitation_accept")
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@never_cache
@require_http_methods(READ_OR_SEND)
def invitation_accept(request: HttpRequest) -> HttpResponse:
    """Name and password; then the account is open, the person signed in and the link used up."""
    invitation = inviting.find_open(request.session.get(OPENED, ""))
    if invitation is None:
        return _gone(request)
    form = AcceptForm(invitation.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if not inviting.accept(request, invitation, form.cleaned_data):
            return _gone(request)
        request.session.pop(OPENED, None)
        return redirect("job_list")
    context = {"invitation": invitation, "person": invitation.user, "form": form}
    return render(request, "teams/invitation_accept.html", context)


def _only_one(teams: QuerySet[Team]) -> Team | None:
    """The team that can be meant where one alone is not disabled."""
    found = teams.filter(disabled_at=None)[:2]
    return found[0] if len(found) == 1 else None


def _gone(request: HttpRequest) -> HttpResponse:
    """The same for a link that never was, was used, closed or has ended."""
    return render(request, "teams/invitation_gone.html", status=404)


def _linkable(request: SignedInRequest, user_id: int) -> User:
    person = find_invited(request.user, user_id)
    if not may_make_link(request.user, person):
        raise PermissionDenied(NOT_FOR_YOU)
    return person


def _shown_once(request: SignedInRequest, person: User, link: str) -> HttpResponse:
    invitation = Invitation.objects.filter(user=person).latest("pk")
    context = {
        "person": person,
        "link": link,
        "invitation": invitation,
        "back": _back(request, person),
        "is_teamless": not teams_of(person).exists(),
    }
    return render(request, "teams/invitation_made.html", context)


def _back(request: SignedInRequest, person: User) -> str:
    """The page of the person for those who have it, else of the team."""
    if may_read_all(request.user):
        return reverse("person_detail", args=[person.pk])
    team = teams_to_invite_into(request.user).filter(memberships__user=person).first()
    return reverse("team_detail", args=[team.slug]) if team else reverse("team_list")
