"""People's accounts: each change in one transaction with its line in the audit."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from teams.access import SignedInRequest
from teams.audit import record
from teams.models import Invitation, User
from teams.work import work

LAST_ADMIN = "This is the only active admin. Make somebody else an admin first."
IN_A_TEAM = "An auditor cannot be in a team. Take the person out of {teams} first."


class Refused(Exception):
    """Why not, as a sentence that says what to do."""


def change_person(request: SignedInRequest, person: User, values: Mapping[str, Any]) -> None:
    """Name, email and rights as PersonForm gives them. Raises Refused.

    Whoever gets other rights signs in again: a session that was taken over gets none of them.
    """
    rights = {"is_superuser": values["rights"] == "admin", "is_auditor": values["rights"] == "auditor"}
    names = {name: values[name] for name in ("first_name", "last_name", "email")}
    with transaction.atomic():
        person, admins = _held(person)
        old = {name: getattr(person, name) for name in names | rights}
        new = names | rights
        if old == new:
            return
        if person.is_superuser and not rights["is_superuser"]:
            _keep_an_admin(admins, person)
        if rights["is_auditor"] and (teams := list(person.teams.values_list("name", flat=True)[:5])):
            raise Refused(IN_A_TEAM.format(teams=" and ".join(teams)))
        for name, value in new.items():
            setattr(person, name, value)
        person.is_staff = person.is_superuser
        has_other_rights = any(old[name] != value for name, value in rights.items())
        person.session_epoch += has_other_rights
        person.save(update_fields=[*new, "is_staff", "session_epoch"])
        record(request, "person.changed", person, old=old, new=new)
    if has_other_rights and person.pk == request.user.pk:
        update_session_auth_hash(request, person)


def disable(request: SignedInRequest, person: User, *, cancels: bool) -> int:
    """End everything by which the person comes in, at once. The jobs go on, unless `cancels`: how many are cancelled.

    Sessions end because their epoch is over, streams when they ask next (jobs/live/board.py), links now.
    Raises Refused for the last admin.
    """
    with transaction.atomic():
        person, admins = _held(person)
        if person.is_superuser:
            _keep_an_admin(admins, person)
        was_active = person.is_active
        epoch = F("session_epoch") + 1
        User.objects.filter(pk=person.pk).update(is_active=False, session_epoch=epoch)
        close_links(person)
        cancelled = work().cancel_all_of(person, request.user) if cancels else 0
        if was_active or cancelled:
            record(request, "person.disabled", person, new={"cancelled_jobs": cancelled})
    return cancelled


def enable(request: SignedInRequest, person: User) -> bool:
    """The password works again; sessions of before do not. False: it was enabled before."""
    with transaction.atomic():
        if not User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
            return False
        record(request, "person.enabled", person)
    return True


def sign_out(request: SignedInRequest, person: User) -> None:
    """End all sessions; the account stays as it is."""
    with transaction.atomic():
        User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)
        record(request, "person.signed_out", person)


def close_links(person: User) -> bool:
    """Whether there was a link with which the person could still set a password."""
    links = Invitation.objects.filter(user=person, used_at=None, revoked_at=None)
    return bool(links.update(revoked_at=Now()))


def _held(person: User) -> tuple[User, set[int]]:
    """The person and the ids of all active admins, all held, in one order: of two admins who take each other's rights
    away at the same moment the second one is told, and they never wait for each other.
    """
    admins = Q(is_superuser=True, is_active=True)
    rows = User.objects.select_for_update(no_key=True).filter(Q(pk=person.pk) | admins).order_by("pk")
    found = {row.pk: row for row in rows}
    return found[person.pk], {row.pk for row in found.values() if row.is_superuser and row.is_active}


def _keep_an_admin(admins: set[int], leaving: User) -> None:
    if admins <= {leaving.pk}:
        raise Refused(LAST_ADMIN)
