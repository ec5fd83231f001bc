"""What the log's page is asked for: read from an address, written back to one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from teams.filtering import InTime, address, in_time, number, words

LONGEST_TEXT = 200


@dataclass(frozen=True)
class Filters(InTime):
    """One value per filter; empty or 0: everything. What an address says wrongly is left out.

    `who` is an account's id; `by` the name of who has none, such as a command. `target` is "kind:id".
    """

    who: int = 0
    by: str = ""
    area: str = ""
    target: str = ""
    team: int = 0

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> "Filters":
        """The filters that a query string names."""
        who = number(query.get("who"))
        return cls(
            who=who,
            by="" if who else words(query.get("by", ""), LONGEST_TEXT),
            area=words(query.get("area", ""), LONGEST_TEXT),
            target=words(query.get("target", ""), LONGEST_TEXT),
            team=number(query.get("team")),
            **in_time(query),
        )

    @property
    def is_any(self) -> bool:
        """True when something is filtered at all."""
        return self != Filters()

    def but(self, **changes: Any) -> "Filters":
        """The same with other values. A period and a span of days exclude each other, so do an account and a name."""
        for name, others in (("time", ("start", "end")), ("who", ("by",)), ("by", ("who",))):
            if changes.get(name):
                changes |= {other: type(getattr(self, other))() for other in others}
        return replace(self, **changes)

    def url(self, view: str = "audit_list", **extra: Any) -> str:
        """The address of the page with these filters."""
        return address(view, vars(self) | extra)
