"""Lists of teams and people, a page at a time by keyset: the last page costs what the first one does."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
PAGE = 50
LONGEST_TEXT = 120


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in order, and the addresses of the pages around them; "" where there is none."""

    rows: list[Row]
    first_url: str
    previous_url: str
    next_url: str


def page_of(request: HttpRequest, rows: QuerySet[Row], key: str) -> Page[Row]:
    """The page that the address asks for with `after` or `before`, by a unique `key` ("name", "user__username")."""
    after, before = words(request, "after"), words(request, "before")
    is_back = bool(before) and not after
    if is_back:
        found = list(rows.filter(**{f"{key}__lt": before}).order_by(f"-{key}")[: PAGE + 1])
    else:
        found = list(rows.filter(**{f"{key}__gt": after} if after else {}).order_by(key)[: PAGE + 1])
    has_more, shown = len(found) > PAGE, found[:PAGE]
    if is_back:
        shown.reverse()
    key_of = attrgetter(key.replace("__", "."))
    has_next, has_previous = (True, has_more) if is_back else (has_more, bool(after))
    return Page(
        rows=shown,
        first_url=address(request) if after or before else "",
        previous_url=address(request, before=key_of(shown[0])) if shown and has_previous else "",
        next_url=address(request, after=key_of(shown[-1])) if shown and has_next else "",
    )


def words(request: HttpRequest, name: str) -> str:
    """What an address gives for `name`, fit for a query."""
    return request.GET.get(name, "").replace("\0", "").strip()[:LONGEST_TEXT]


def address(request: HttpRequest, **changes: Any) -> str:
    """The first page of this list with these values changed; an empty one takes its name away."""
    query = request.GET.copy()
    for name in ("after", "before"):
        query.pop(name, None)
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else request.path
