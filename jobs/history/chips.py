"""The filters of the history as people choose them: each choice with its own address."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from jobs.history.filters import ACTIVE_WORD, Filters
from jobs.history.overview import Overview
from jobs.lifecycle import ACTIVE, Status
from teams.filtering import PERIOD_LABELS, Chip, Menu
from teams.policy import Rights

ALWAYS_COUNTED = ("", ACTIVE_WORD, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.ERROR)


@dataclass(frozen=True)
class Count:
    """A status with its number of jobs as people read it: "12", "4,000+"."""

    status: str
    label: str
    url: str
    is_active: bool
    count: str


@dataclass(frozen=True)
class FilterBar:
    """Everything above the table. `hidden` are the filters that a search for a text keeps."""

    asked: Filters
    counts: list[Count]
    menus: list[Menu]
    hidden: list[tuple[str, Any]]

    @property
    def all_url(self) -> str:
        """The address of the history without filters."""
        return Filters(view=self.asked.view).url()


def filter_bar(rights: Rights, asked: Filters, overview: Overview) -> FilterBar:
    """What `jobs/_filters.html` shows."""
    own = [(rights.user_id, "Mine")]
    others = [(user_id, label) for user_id, label in overview.owners if user_id != rights.user_id]
    menus = [
        _menu("owner", "Who", "Everybody", asked, own + others),
        _menu("time", "When", "Any time", asked, PERIOD_LABELS.items()),
        _menu("tag", "Tag", "Any tag", asked, [(tag, tag) for tag in overview.tags]),
        _menu("cluster", "Where", "Any cluster", asked, overview.clusters),
        _menu("pinned", "Kept", "Pinned or not", asked, [("yes", "Pinned")]),
    ]
    if len(rights.teams) > 1:
        menus.insert(1, _menu("team", "Team", "All my teams", asked, rights.teams))
    hidden = [(name, value) for name, value in asdict(asked).items() if value and name not in _TYPED]
    return FilterBar(asked, counts(asked, overview), menus, hidden)


def counts(asked: Filters, overview: Overview) -> list[Count]:
    """All, active, each way to end; and the status that is asked for where that is another."""
    numbers = dict(overview.counts)
    numbers[ACTIVE_WORD] = sum(numbers.get(status, 0) for status in ACTIVE)
    numbers[""] = sum(numbers.get(status, 0) for status in Status)
    shown = list(ALWAYS_COUNTED)
    if asked.status not in shown:
        shown.insert(2, asked.status)
    return [
        Count(
            status=status,
            label=status.capitalize() or "All",
            url=asked.but(status=status).url(),
            is_active=asked.status == status,
            count=_readable(numbers.get(status, 0), overview.is_lower_bound),
        )
        for status in shown
    ]


_TYPED = ("text", "start", "end")


def _menu(name: str, label: str, all_of_it: str, asked: Filters, choices: Iterable[tuple[Any, str]]) -> Menu:
    value = getattr(asked, name)
    listed = list(choices)
    chosen = next((text for choice, text in listed if choice == value), str(value or ""))
    if name == "owner" and value and value not in dict(listed):
        chosen = "somebody else"
    if name == "time" and asked.span:
        chosen = asked.span
    chips = [Chip(all_of_it, _url(asked, name, ""), not chosen)]
    chips += [Chip(text, _url(asked, name, choice), choice == value) for choice, text in listed]
    return Menu(name, label, chips, chosen)


def _url(asked: Filters, name: str, value: Any) -> str:
    changes = {name: value} | ({"start": "", "end": ""} if name == "time" else {})
    return asked.but(**changes).url()


def _readable(number: int, is_lower_bound: bool) -> str:
    if not is_lower_bound:
        return f"{number:,}"
    return f"{number:,}+" if number else "–"
