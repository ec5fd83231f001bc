"""Saved filters: whose a person sees, and who may change them."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from jobs.history.filters import Filters
from jobs.models import DefaultView, SavedFilter
from teams.policy import Rights

MOST = 50


def query_of(asked: Filters) -> str:
    """The filters as an address has them, without the question mark."""
    return asked.but(view="").url().partition("?")[2]


def filters_of(saved: SavedFilter) -> Filters:
    """What it shows; what no longer makes sense is left out."""
    return Filters.read(QueryDict(saved.query))


def seen_by(rights: Rights) -> QuerySet[SavedFilter]:
    """One's own and those that are shared with one's teams, by name; each with `is_default`."""
    mine = Q(owner=rights.user_id) | Q(team__in=[team_id for team_id, _ in rights.teams])
    is_default = Exists(DefaultView.objects.filter(user=rights.user_id, saved=OuterRef("pk")))
    return SavedFilter.objects.filter(mine).annotate(is_default=is_default).order_by("name", "pk")


def default_of(saved: list[SavedFilter]) -> SavedFilter | None:
    """That of `seen_by` with which the history opens."""
    return next((one for one in saved if vars(one)["is_default"]), None)


def may_edit(rights: Rights, saved: SavedFilter) -> bool:
    """Its owner, and where it is shared the team's managers."""
    if saved.team_id is None:
        return saved.owner_id == rights.user_id
    return rights.may_change(owner_id=saved.owner_id, team_id=saved.team_id)


def teams_to_share_with(rights: Rights) -> list[tuple[int, str]]:
    """The teams that the person manages."""
    return [(team_id, name) for team_id, name in rights.teams if team_id in rights.managed_ids]
