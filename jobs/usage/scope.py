"""Whose usage a person may see: a team's totals its members, its people its managers, oneself everybody, all admins."""

from dataclasses import dataclass

from django.db.models import Q
from django.http import Http404

from clusters.models import Cluster
from jobs.models import Grain, UsageSum
from jobs.usage.asked import Asked
from teams.models import Membership, Team, User
from teams.policy import may_read_all, rights_of

NOT_THERE = "There is no such page."
FOUND_IN = {
    "team": ("team__name",),
    "user": ("owner__username", "owner__first_name", "owner__last_name"),
    "profile": ("profile_label",),
    "cluster": ("cluster__name",),
    "month": (),
}


@dataclass(frozen=True)
class Scope:
    """`team_ids`: None means every team. `managed_ids`: whose people may be told apart."""

    user_id: int
    team_ids: tuple[int, ...] | None
    managed_ids: frozenset[int]
    teams: tuple[tuple[int, str], ...]

    def allowed(self, asked: Asked) -> Q:
        """The filter on sums, and on jobs too, for what is asked: nothing that may not be seen passes it."""
        passes = Q()
        if self.team_ids is not None:
            passes &= Q(team__in=self.team_ids)
            if asked.by == "user" or asked.user:
                passes &= Q(team__in=self.managed_ids) | Q(owner=self.user_id)
        named = {"team": asked.team, "owner": asked.user, "cluster": asked.cluster}
        return passes & Q(**{name: value for name, value in named.items() if value})

    def grain(self, asked: Asked) -> Grain:
        """The coarsest sums that tell apart what is asked: few rows, however many teams and people there are."""
        if self.team_ids is not None or asked.team or asked.user:
            return Grain.DETAIL
        return {"team": Grain.TEAM, "user": Grain.OWNER}.get(asked.by, Grain.ALL)


def scope_of(user: User) -> Scope:
    """One query."""
    rights = rights_of(user)
    team_ids = None if may_read_all(user) else tuple(team_id for team_id, _ in rights.teams)
    return Scope(user.pk, team_ids, rights.managed_ids, rights.teams)


def found(asked: Asked) -> Q:
    """The filter for the text: in the names of what is listed."""
    passes = Q()
    for field in FOUND_IN[asked.by] if asked.text else ():
        passes |= Q(**{f"{field}__icontains": asked.text})
    return passes


def check(scope: Scope, asked: Asked) -> None:
    """Raises Http404 where a team, a person or a cluster is asked for that is not there for this user."""
    if asked.team and not _is_team(scope, asked.team):
        raise Http404(NOT_THERE)
    if asked.user and not _is_person(scope, asked.user):
        raise Http404(NOT_THERE)
    if asked.cluster and not Cluster.objects.filter(pk=asked.cluster).exists():
        raise Http404(NOT_THERE)


def _is_team(scope: Scope, team_id: int) -> bool:
    return (
        team_id in scope.team_ids if scope.team_ids is not None else Team.objects.filter(pk=team_id).exists()
    )


def _is_person(scope: Scope, user_id: int) -> bool:
    """Members of the teams one manages, and who used something there and left."""
    if scope.team_ids is None:
        return User.objects.filter(pk=user_id).exists()
    theirs = {"team__in": scope.managed_ids}
    return (
        user_id == scope.user_id
        or Membership.objects.filter(user=user_id, **theirs).exists()
        or UsageSum.objects.filter(grain=Grain.DETAIL, owner=user_id, **theirs).exists()
    )
