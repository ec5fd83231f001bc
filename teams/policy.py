"""The one place that says who may see and who may change what. Everything else asks here, and keeps no answer.

Analysts act on what they own in their teams; managers on everything of their team; admins on everything; auditors
see everything and change nothing. A user who is not active may do nothing at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from teams.models import Invitation, Membership, Role, Team, User

READ_ONLY = "You are an auditor: you see everything and change nothing, so nothing was done."
ADMINS_ONLY = "Only an admin may do this. You are an auditor: you see everything and change nothing."


def may_administer(user: User) -> bool:
    """Clusters, teams, people: everything that is settled for the whole installation."""
    return user.is_active and user.is_superuser


def may_read_all(user: User) -> bool:
    """Every team's jobs, the teams, people and clusters."""
    return user.is_active and (user.is_superuser or user.is_auditor)


def may_send(user: User) -> bool:
    """Whether anything at all may be changed: not by an auditor, whatever else the account says."""
    return user.is_active and not user.is_auditor


def teams_of(user: User) -> QuerySet[Team]:
    """Teams whose jobs `user` sees: all for an admin and an auditor, the user's own else."""
    if may_read_all(user):
        return Team.objects.all()
    return Team.objects.filter(memberships__user=user) if user.is_active else Team.objects.none()


def teams_to_send_to(user: User) -> QuerySet[Team]:
    """Teams that `user` may send a job to now: those that are seen, unless they are disabled."""
    return teams_of(user).filter(disabled_at=None) if may_send(user) else Team.objects.none()


def team_ids(user: User) -> list[int] | None:
    """Ids for a query's team filter; None means every team."""
    if may_read_all(user):
        return None
    return list(user.memberships.values_list("team_id", flat=True)) if user.is_active else []


def visible_to(user: User) -> Q:
    """The filter on anything with a `team`: what is outside it does not exist for `user` (404)."""
    ids = team_ids(user)
    return Q() if ids is None else Q(team_id__in=ids)


def may_change(user: User, *, owner_id: int, team_id: int) -> bool:
    """Owners, the team's managers and admins may cancel and delete."""
    if not may_send(user):
        return False
    if may_administer(user) or user.pk == owner_id:
        return True
    return is_manager(user, team_id)


def may_manage(user: User, team: Team) -> bool:
    """Members and their roles, and whoever is invited: the team's managers, and admins in every team."""
    return may_send(user) and (may_administer(user) or is_manager(user, team.pk))


def teams_to_invite_into(user: User) -> QuerySet[Team]:
    """The teams to which `user` may bring somebody new."""
    if not may_send(user):
        return Team.objects.none()
    if may_administer(user):
        return Team.objects.all()
    return Team.objects.filter(memberships__user=user, memberships__role=Role.MANAGER)


def may_disable(user: User, person: User) -> bool:
    """Also for enabling, and for ending the sessions: admins, and nobody the own account."""
    return may_administer(user) and user.pk != person.pk


def may_make_link(user: User, person: User) -> bool:
    """Whether `user` may have a link with which `person` sets a password: who has it can sign in as that person."""
    return person.pk in linkable(user, [person])


def linkable(user: User, people: Iterable[User]) -> set[int]:
    """The ids of those for whom `user` may have such a link; one query at most.

    Admins may for every active account but their own. A manager may only for somebody whom that manager invited, who
    has not come yet and is in no team but the manager's own.
    """
    others = [person for person in people if person.is_active and person.pk != user.pk]
    if not others or not may_send(user):
        return set()
    if may_administer(user):
        return {person.pk for person in others}
    fresh = [each.pk for each in others if each.is_invited and not each.is_superuser and not each.is_auditor]
    inviter = Invitation.objects.filter(user=OuterRef("pk")).order_by("pk").values("invited_by")[:1]
    theirs = Membership.objects.filter(user=OuterRef("pk"))
    found = User.objects.filter(pk__in=fresh).annotate(inviter=Subquery(inviter)).filter(inviter=user.pk)
    found = found.filter(Exists(theirs), ~Exists(theirs.exclude(team__in=teams_to_invite_into(user))))
    return set(found.values_list("pk", flat=True)) if fresh else set()


def is_manager(user: User, team_id: int) -> bool:
    """Whether the membership says so; `may_manage` is what pages ask."""
    return user.memberships.filter(team_id=team_id, role=Role.MANAGER).exists()


@dataclass(frozen=True)
class Rights:
    """What a user may see and change, read once: for pages with many jobs. `team_ids`: None means every team."""

    user_id: int
    team_ids: tuple[int, ...] | None
    managed_ids: frozenset[int]
    teams: tuple[tuple[int, str], ...]
    may_send: bool
    may_administer: bool

    def may_change(self, *, owner_id: int, team_id: int) -> bool:
        """As the function of this name, without a query."""
        if not self.may_send:
            return False
        return self.may_administer or owner_id == self.user_id or team_id in self.managed_ids


def rights_of(user: User) -> Rights:
    """The user's rights. One query; `teams` are those the user is a member of, by name."""
    members = user.memberships.order_by("team__name").values_list("team_id", "team__name", "role")
    return rights_from(user, members)


def rights_from(user: User, rows: Iterable[Sequence[Any]]) -> Rights:
    """The same from the memberships as (team's id, its name, role), by name, which were read for this request."""
    members = list(rows) if user.is_active else []
    return Rights(
        user_id=user.pk,
        team_ids=None if may_read_all(user) else tuple(team_id for team_id, _, _ in members),
        managed_ids=frozenset(team_id for team_id, _, role in members if role == Role.MANAGER),
        teams=tuple((team_id, name) for team_id, name, _ in members),
        may_send=may_send(user),
        may_administer=may_administer(user),
    )
