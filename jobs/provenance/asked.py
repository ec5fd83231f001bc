"""What a comparison is asked for: read from an address, written back to one."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from jobs.provenance.comparing import Column
from teams.filtering import number

MOST_JOBS = 20
LONGEST_KEY = 300


@dataclass(frozen=True)
class Asked:
    """`sort`: the row by which the jobs are put in order, "" for the order of the address."""

    ids: tuple[int, ...] = ()
    sort: str = ""
    is_down: bool = False
    only_differing: bool = False
    page: int = 1
    left_over: int = 0

    @classmethod
    def read(cls, query: QueryDict) -> "Asked":
        """`ids=1,2,3`, or `job=1&job=2` as a list's form sends it. What is no id is left out."""
        given = [*query.get("ids", "").split(","), *query.getlist("job")]
        ids = list(dict.fromkeys(found for text in given if (found := number(text.strip()))))
        return cls(
            ids=tuple(ids[:MOST_JOBS]),
            sort=query.get("sort", "")[:LONGEST_KEY],
            is_down=query.get("down") == "1",
            only_differing=query.get("only") == "differing",
            page=max(1, number(query.get("page"))),
            left_over=max(0, len(ids) - MOST_JOBS),
        )

    def url(self, name: str = "job_compare", **changes: Any) -> str:
        """The address of this comparison, with changes."""
        asked = replace(self, **changes)
        query = {
            "ids": ",".join(map(str, asked.ids)),
            "sort": asked.sort,
            "down": "1" if asked.is_down else "",
            "only": "differing" if asked.only_differing else "",
            "page": str(asked.page) if asked.page > 1 else "",
        }
        filled = {key: value for key, value in query.items() if value}
        return f"{reverse(name)}?{urlencode(filled, safe=',')}"

    @property
    def export_url(self) -> str:
        """The table as a file."""
        return self.url("job_compare_export")

    @property
    def all_url(self) -> str:
        """With the rows that are the same."""
        return self.url(only_differing=False)

    @property
    def differing_url(self) -> str:
        """Without them."""
        return self.url(only_differing=True)

    @property
    def unsorted_url(self) -> str:
        """In the order in which the jobs were chosen."""
        return self.url(sort="", is_down=False)

    @property
    def changes_url(self) -> str:
        """For two jobs: what changed between them, line by line."""
        if len(self.ids) != 2:
            return ""
        older, newer = sorted(self.ids)
        return f"{reverse('job_changes', args=[newer])}?since={older}"

    def sort_url(self, key: str) -> str:
        """In the order of that row; the other way round where it is already."""
        return self.url(sort=key, is_down=self.sort == key and not self.is_down, page=1)

    def ordered(self, columns: list[Column]) -> list[Column]:
        """By the row that was chosen: numbers before texts, what has nothing there last."""
        if not self.sort:
            return columns
        having = [column for column in columns if self.sort in column.facts]
        having.sort(key=self._place, reverse=self.is_down)
        return having + [column for column in columns if self.sort not in column.facts]

    def _place(self, column: Column) -> tuple[bool, float, str]:
        fact = column.facts[self.sort]
        return (fact.number is None, fact.number or 0.0, fact.text)
