"""The one place that says who may see and who may change what."""

from django.db.models import Q, QuerySet

from teams.models import Role, Team, User


def teams_of(user: User) -> QuerySet[Team]:
    """Teams whose jobs `user` sees: all for an admin, the user's own else."""
    return Team.objects.all() if user.is_admin else Team.objects.filter(memberships__user=user)


def team_ids(user: User) -> list[int] | None:
    """Ids for a query's team filter; None means every team."""
    return None if user.is_admin else list(user.memberships.values_list("team_id", flat=True))


def visible_to(user: User) -> Q:
    """The filter on anything with a `team`: what is outside it does not exist for `user` (404)."""
    ids = team_ids(user)
    return Q() if ids is None else Q(team_id__in=ids)


def may_change(user: User, *, owner_id: int, team_id: int) -> bool:
    """Owners, the team's managers and admins may cancel and delete."""
    if user.is_admin or user.pk == owner_id:
        return True
    return user.memberships.filter(team_id=team_id, role=Role.MANAGER).exists()
