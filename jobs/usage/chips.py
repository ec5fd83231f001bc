"""What stands above a report: tabs, months and filters, each choice with its own address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clusters.models import Cluster
from jobs.usage.asked import GROUPS, Asked, this_month
from jobs.usage.report import names_of
from jobs.usage.scope import Scope
from teams.filtering import Chip, Menu
from teams.models import Team, User

# Longer lists are not read: there a row of the table is clicked, after a search.
MOST_CHOICES = 30


@dataclass(frozen=True)
class Bar:
    """Everything above the table."""

    tabs: list[Chip]
    menus: list[Menu]
    spans: list[Chip]
    previous_url: str
    next_url: str
    months: str
    clear_url: str


def make_bar(scope: Scope, asked: Asked) -> Bar:
    """The tabs, the spans of time and the filters of a report."""
    now = this_month()
    spans = [("This month", 1), ("3 months", 3), ("12 months", 12)]
    return Bar(
        tabs=[Chip(label, asked.but(by=by, text="").url(), by == asked.by) for by, label in GROUPS.items()],
        menus=[menu for menu in _menus(scope, asked) if menu.chips or menu.chosen],
        spans=[_span(asked, label, count) for label, count in spans],
        previous_url=asked.moved(-1).url(),
        next_url=asked.moved(1).url() if asked.last < now else "",
        months=_words(asked),
        clear_url=asked.but(team=0, user=0, cluster=0, text="").url() if asked.is_filtered else "",
    )


def _span(asked: Asked, label: str, count: int) -> Chip:
    span = asked.but(first=this_month(), last=this_month())
    span = span.but(first=span.moved(1 - count).first)
    return Chip(label, span.url(), (span.first, span.last) == (asked.first, asked.last))


def _words(asked: Asked) -> str:
    """ "March 2026", "January – March 2026", "December 2025 – March 2026"."""
    if asked.first == asked.last:
        return f"{asked.last:%B %Y}"
    first = f"{asked.first:%B}" if asked.first.year == asked.last.year else f"{asked.first:%B %Y}"
    return f"{first} – {asked.last:%B %Y}"


def _menus(scope: Scope, asked: Asked) -> list[Menu]:
    clusters = list(Cluster.objects.order_by("name").values_list("pk", "name")[: MOST_CHOICES + 1])
    return [
        _menu(asked, "team", "Team", _teams(scope)),
        _menu(asked, "user", "Person", _people(scope)),
        _menu(asked, "cluster", "Cluster", clusters if len(clusters) > 1 else []),
    ]


def _teams(scope: Scope) -> Sequence[tuple[int, str]]:
    if scope.team_ids is not None:
        return scope.teams if len(scope.teams) > 1 else []
    return list(Team.objects.order_by("name").values_list("pk", "name")[: MOST_CHOICES + 1])


def _people(scope: Scope) -> Sequence[tuple[int, str]]:
    """Oneself first, then those whose usage one may see."""
    people = User.objects.exclude(pk=scope.user_id).order_by("username")
    if scope.team_ids is not None:
        people = people.filter(memberships__team__in=scope.managed_ids).distinct()
    fields = people.only("pk", "username", "first_name", "last_name")
    return [(scope.user_id, "Me"), *((user.pk, user.display_name) for user in fields[: MOST_CHOICES + 1])]


def _menu(asked: Asked, name: str, label: str, listed: Sequence[tuple[int, str]]) -> Menu:
    value = getattr(asked, name)
    is_long = len(listed) > MOST_CHOICES
    shown = [] if is_long else listed
    chosen = dict(shown).get(value, "") or (names_of(name, [value]).get(value, "") if value else "")
    choices = [_choice(asked, name, 0, f"Any {label.lower()}")] if shown or value else []
    choices += [_choice(asked, name, key, text) for key, text in shown]
    search_url = asked.but(**{"by": name, name: 0}).url() if is_long else ""
    if is_long and not choices:
        choices = [_choice(asked, name, 0, f"Any {label.lower()}")]
    return Menu(name, label, choices, chosen, search_url)


def _choice(asked: Asked, name: str, value: Any, label: str) -> Chip:
    return Chip(label, asked.but(**{name: value}).url(), getattr(asked, name) == value)
