"""Teams and who is in them: each change in one transaction with its line in the audit."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from teams.access import SignedInRequest
from teams.audit import record
from teams.models import NO_AUDITORS, Membership, Team, User

RESERVED = {"add"}
LONGEST_SLUG = 40


class CannotJoin(Exception):
    """Why not, as a sentence."""


def add_team(request: SignedInRequest, name: str) -> Team:
    """A new team without anybody. Raises IntegrityError when the name was taken meanwhile."""
    with transaction.atomic():
        team = Team.objects.create(name=name, slug=free_slug(name))
        record(request, "team.added", team, team=team, new={"name": name})
    return team


def rename_team(request: SignedInRequest, team: Team, name: str) -> None:
    """The address stays. Raises IntegrityError when the name was taken meanwhile."""
    with transaction.atomic():
        if Team.objects.filter(pk=team.pk).exclude(name=name).update(name=name):
            record(request, "team.renamed", team, team=team, old={"name": team.name}, new={"name": name})


def switch_team(request: SignedInRequest, team: Team, *, is_on: bool) -> bool:
    """Disable or enable. False: it was so before."""
    with transaction.atomic():
        changed = Team.objects.filter(pk=team.pk, disabled_at__isnull=not is_on)
        if not changed.update(disabled_at=None if is_on else Now()):
            return False
        record(request, "team.enabled" if is_on else "team.disabled", team, team=team)
    return True


def add_member(request: SignedInRequest, team: Team, person: User, role: str) -> None:
    """Raises CannotJoin for an auditor, and for somebody who is there already."""
    with transaction.atomic():
        # Held, so that nobody makes an auditor of the person meanwhile.
        if User.objects.select_for_update().get(pk=person.pk).is_auditor:
            raise CannotJoin(NO_AUDITORS)
        _, is_new = Membership.objects.get_or_create(team=team, user=person, defaults={"role": role})
        if not is_new:
            raise CannotJoin(f"{person.display_name} is in the team already.")
        record(request, "team.member_added", person, team=team, new={"role": role})


def change_role(request: SignedInRequest, membership: Membership, role: str) -> bool:
    """False: it was so before, or the person left the team meanwhile."""
    with transaction.atomic():
        if not Membership.objects.filter(pk=membership.pk).exclude(role=role).update(role=role):
            return False
        old, team = {"role": membership.role}, membership.team
        record(request, "team.member_role_changed", membership.user, team=team, old=old, new={"role": role})
    return True


def remove_member(request: SignedInRequest, membership: Membership) -> bool:
    """The jobs stay in the team. False: the person left it before."""
    with transaction.atomic():
        if not Membership.objects.filter(pk=membership.pk).delete()[0]:
            return False
        old, team = {"role": membership.role}, membership.team
        record(request, "team.member_removed", membership.user, team=team, old=old)
    return True


def free_slug(name: str) -> str:
    """The name as an address, with a number where that is taken."""
    base = slugify(name)[:LONGEST_SLUG].strip("-") or "team"
    slug, number = base, 1
    while slug in RESERVED or Team.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base[: LONGEST_SLUG - len(str(number)) - 1]}-{number}"
    return slug
