"""Links by which people set a password: made for somebody new, or anew for somebody who lost theirs."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import login
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from teams.access import SignedInRequest
from teams.audit import record
from teams.models import Invitation, Membership, User
from teams.models.invitations import LIFETIME
from teams.people import close_links

TOKEN_BYTES = 32


def invite(request: SignedInRequest, values: Mapping[str, Any]) -> tuple[User, str]:
    """An account without a password, in its team, and the link that opens it: nobody can read it again later.

    `values` as InviteForm gives them. Raises IntegrityError when the user name was taken meanwhile.
    """
    names = {name: values[name] for name in ("username", "first_name", "last_name", "email")}
    team, role = values["team"], values["role"]
    with transaction.atomic():
        person = User(**names)
        person.set_unusable_password()
        person.save(force_insert=True)
        if team:
            Membership.objects.create(user=person, team=team, role=role)
        link = _new_link(request, person)
        new = names | ({"role": role} if team else {})
        record(request, "person.invited", person, team=team, new=new)
    return person, link


def renew(request: SignedInRequest, person: User) -> str:
    """Another link; the one before works no longer. A password that is there stays until the link is used."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        close_links(person)
        link = _new_link(request, person)
        record(request, "person.link_made", person)
    return link


def revoke(request: SignedInRequest, person: User) -> bool:
    """False: there was no link that worked."""
    with transaction.atomic():
        if not close_links(person):
            return False
        record(request, "person.link_revoked", person)
    return True


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_open(digest: str) -> Invitation | None:
    """The invitation whose link works, of an active account."""
    found = (
        Invitation.objects.select_related("user").filter(token_sha256=digest, user__is_active=True).first()
    )
    return found if found and found.is_open else None


def accept(request: HttpRequest, invitation: Invitation, values: Mapping[str, Any]) -> bool:
    """Set the password, end the other sessions, sign in. False: the link was used or closed a moment ago."""
    now = timezone.now()
    is_open = Invitation.objects.filter(
        pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=now, user__is_active=True
    )
    with transaction.atomic():
        person = User.objects.select_for_update(no_key=True).get(pk=invitation.user_id)
        if not is_open.update(used_at=Now()):
            return False
        person.first_name, person.last_name = values["first_name"], values["last_name"]
        person.must_change_password = False
        person.set_password(values["new_password1"])
        person.save(update_fields=["first_name", "last_name", "must_change_password", "password"])
        login(request, person)
        record(request, "person.link_used", person)
    return True


def _new_link(request: SignedInRequest, person: User) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    Invitation.objects.create(
        user=person,
        invited_by=request.user,
        token_sha256=digest_of(token),
        expires_at=timezone.now() + LIFETIME,
    )
    return request.build_absolute_uri(reverse("invitation_open", args=[token]))
