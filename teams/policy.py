"""The one place that says who may see and who may change what."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from teams.models import Role, Team, User


def teams_of(user: User) -> QuerySet[Team]:
    """Teams whose jobs `user` sees: all for an admin, the user's own else."""
    return Team.objects.all() if user.is_admin else Team.objects.filter(memberships__user=user)


def team_ids(user: User) -> list[int] | None:
    """Ids for a query's team filter; None means every team."""
    return None if user.is_admin else list(user.memberships.values_list("team_id", flat=True))


def may_read_all(user: User) -> bool:
    """Who sees every team's usage and what happened everywhere, without being in a team."""
    return user.is_admin


def visible_to(user: User) -> Q:
    """The filter on anything with a `team`: what is outside it does not exist for `user` (404)."""
    ids = team_ids(user)
    return Q() if ids is None else Q(team_id__in=ids)


def may_change(user: User, *, owner_id: int, team_id: int) -> bool:
    """Owners, the team's managers and admins may cancel and delete."""
    if user.is_admin or user.pk == owner_id:
        return True
    return user.memberships.filter(team_id=team_id, role=Role.MANAGER).exists()


@dataclass(frozen=True)
class Rights:
    """What a user may see and change, read once: for pages with many jobs. `team_ids`: None means every team."""

    user_id: int
    team_ids: tuple[int, ...] | None
    managed_ids: frozenset[int]
    teams: tuple[tuple[int, str], ...]

    def may_change(self, *, owner_id: int, team_id: int) -> bool:
        """As the function of this name, without a query."""
        return self.team_ids is None or owner_id == self.user_id or team_id in self.managed_ids


def rights_of(user: User) -> Rights:
    """The user's rights. One query; `teams` are those the user is a member of, by name."""
    members = user.memberships.order_by("team__name").values_list("team_id", "team__name", "role")
    rows = list(members) if user.is_active else []
    return Rights(
        user_id=user.pk,
        team_ids=None if user.is_admin else tuple(team_id for team_id, _, _ in rows),
        managed_ids=frozenset(team_id for team_id, _, role in rows if role == Role.MANAGER),
        teams=tuple((team_id, name) for team_id, name, _ in rows),
    )
