"""What the history is asked for: read from an address, written back to one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.lifecycle import ACTIVE, Status
from jobs.search.query import Misspelt, Search, parse
from teams.filtering import InTime, address, in_time, number, words

ACTIVE_WORD, ALL = "active", "all"
LONGEST_TEXT, LONGEST_SEARCH = 120, 300


@dataclass(frozen=True)
class Filters(InTime):
    """One value per filter; empty or 0: everything. What an address says wrongly is left out."""

    status: str = ""
    owner: int = 0
    team: int = 0
    cluster: int = 0
    tag: str = ""
    text: str = ""
    pinned: str = ""
    # "all" where an address without any filter would open somebody's default view.
    view: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> "Filters":
        """The filters that a query string names."""
        status = query.get("status", "")
        return cls(
            status=status if status == ACTIVE_WORD or status in list(Status) else "",
            owner=number(query.get("owner")),
            team=number(query.get("team")),
            cluster=number(query.get("cluster")),
            tag=words(query.get("tag", ""), LONGEST_TEXT),
            **in_time(query),
            text=words(query.get("text", ""), LONGEST_SEARCH),
            pinned="yes" if query.get("pinned") == "yes" else "",
            view=ALL if query.get("view") == ALL else "",
        )

    @property
    def statuses(self) -> list[str]:
        """The statuses asked for; none: all of them."""
        if self.status == ACTIVE_WORD:
            return [str(status) for status in ACTIVE]
        return [self.status] if self.status else []

    @property
    def is_rare_by_index(self) -> bool:
        """True where an index finds the few matches of a tag among all jobs; words have their own way."""
        return bool(self.tag) and not self.text

    @property
    def search(self) -> Search:
        """What the text asks for; nothing where it is misspelt."""
        try:
            return parse(self.text)
        except Misspelt:
            return Search()

    @property
    def misspelt(self) -> str:
        """What is wrong in the text; "" where nothing is."""
        try:
            parse(self.text)
        except Misspelt as error:
            return str(error)
        return ""

    @property
    def is_any(self) -> bool:
        """True when something is filtered at all."""
        return self.but(view="") != Filters()

    def but(self, **changes: Any) -> "Filters":
        """The same with other values. A period and a span of days exclude each other."""
        if changes.get("time"):
            changes |= {"start": "", "end": ""}
        return replace(self, **changes)

    def url(self, **extra: Any) -> str:
        """The address of the history with these filters."""
        return self._address("job_list", extra)

    @property
    def counts_url(self) -> str:
        """The address of the counts alone."""
        return self._address("job_counts", {})

    @property
    def export_url(self) -> str:
        """The address of the same jobs as a file."""
        return self._address("job_export", {})

    def _address(self, view: str, extra: dict[str, Any]) -> str:
        values = vars(self) | extra
        if any(value for name, value in values.items() if name != "view"):
            values["view"] = ""
        return address(view, values)
