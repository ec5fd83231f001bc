"""The filters of the log as people choose them: each choice with its own address."""

from collections.abc import Iterable
from typing import Any

from teams.audit.filters import Filters
from teams.audit.words import AREAS, area_label
from teams.filtering import PERIOD_LABELS, Chip, Menu
from teams.models import AuditEvent, Team

# Who did something lately is offered; who did not is found by the link at an entry.
LATELY, MOST = 2_000, 40


def menus(asked: Filters) -> list[Menu]:
    """Who, what, team, when."""
    return [
        _who(asked),
        _menu("area", "What", "Everything", asked, [(area, area_label(area)) for area in AREAS]),
        _menu("team", "Team", "All teams", asked, Team.objects.values_list("pk", "name")[:MOST]),
        _when(asked),
    ]


def about(asked: Filters) -> Chip | None:
    """The target that is asked for, with the address without it."""
    if not asked.target:
        return None
    kind, _, target_id = asked.target.partition(":")
    named = AuditEvent.objects.filter(target_kind=kind, target_id=target_id).order_by("-id").first()
    label = named.target_name if named else "something that is not in the log"
    return Chip(label, asked.but(target="").url(), True)


def _who(asked: Filters) -> Menu:
    seen = list(AuditEvent.objects.order_by("-id").values_list("actor_id", "actor_name")[:LATELY])
    people = list({number: name for number, name in reversed(seen) if number}.items())
    others = sorted({name for number, name in seen if not number})
    chosen = asked.by or (dict(people).get(asked.who, "somebody else") if asked.who else "")
    chips = [Chip("Everybody", asked.but(who=0, by="").url(), not chosen)]
    people.sort(key=lambda person: person[1].lower())
    chips += [Chip(name, asked.but(who=number).url(), number == asked.who) for number, name in people[:MOST]]
    chips += [Chip(name, asked.but(by=name).url(), name == asked.by) for name in others[:MOST]]
    return Menu("who", "Who", chips, chosen)


def _when(asked: Filters) -> Menu:
    menu = _menu("time", "When", "Any time", asked.but(start="", end=""), PERIOD_LABELS.items())
    if not asked.span:
        return menu
    chips = [Chip(chip.label, chip.url, False) for chip in menu.chips]
    return Menu(menu.name, menu.label, chips, asked.span)


def _menu(name: str, label: str, all_of_it: str, asked: Filters, choices: Iterable[tuple[Any, str]]) -> Menu:
    value, listed = getattr(asked, name), list(choices)
    chosen = next((text for choice, text in listed if choice == value), str(value or ""))
    chips = [Chip(all_of_it, asked.but(**{name: type(value)()}).url(), not value)]
    chips += [Chip(text, asked.but(**{name: choice}).url(), choice == value) for choice, text in listed]
    return Menu(name, label, chips, chosen)
