"""Pages of the log, in time that does not grow with it: each filter has an index that is walked backwards.

With several filters the narrowest one is walked, WINDOW entries at most, and the others are checked on the way; then
the page says how far it looked, and its link "older" goes on from there. Times become ids, which grow with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from teams.audit.filters import Filters
from teams.filtering import LARGEST_ID
from teams.models import AuditEvent

PAGE, WINDOW, BATCH = 50, 10_000, 1000
# An entry has its id and its time when it is written, and is there to be seen when its transaction ends.
SLACK = 1000
Events = QuerySet[AuditEvent]


@dataclass(frozen=True)
class Page:
    """Entries, newest first. `edge`: the walk ended at this id before the page was full (0: it did not)."""

    events: list[AuditEvent]
    has_more: bool
    edge: int


def find_page(asked: Filters, before: int = 0, size: int = PAGE) -> Page:
    """The entries below the id `before` (0: the newest)."""
    first, others = _conditions(asked)
    walked = AuditEvent.objects.filter(**first, **_bounds(asked, before)).order_by("-id")
    times = {name: value for name, value in (("at__gte", asked.since), ("at__lt", asked.until)) if value}
    if not others:
        return _page(walked.filter(**times), size, 0)
    ids = _in_window(walked.filter(**times), others, size + 1)
    return _page(AuditEvent.objects.filter(id__in=ids).order_by("-id"), size, _edge(walked.filter(**times)))


def all_of(asked: Filters) -> Iterator[AuditEvent]:
    """Every entry, newest first, read in batches: however many there are, none of the database's cursors stays open."""
    before = 0
    while True:
        page = find_page(asked, before, BATCH)
        yield from page.events
        if page.has_more:
            before = page.events[-1].pk
        elif page.edge:
            before = page.edge
        else:
            return


def _page(found: Events, size: int, edge: int) -> Page:
    events = list(found[: size + 1])
    has_more = len(events) > size
    return Page(events[:size], has_more, 0 if has_more else edge)


def _in_window(walked: Events, others: dict[str, Any], size: int) -> list[int]:
    """Ids of the window's entries that the other filters leave. Put as SQL: else the planner leaves the window."""
    window, values = walked.values("id", *others)[:WINDOW].query.sql_with_params()
    checks = " AND ".join(f"{column} IS NOT DISTINCT FROM %s" for column in others)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM ({window}) w WHERE {checks} ORDER BY id DESC LIMIT %s",  # noqa: S608 (our columns)
            (*values, *others.values(), size),
        )
        return [row[0] for row in cursor.fetchall()]


def _edge(walked: Events) -> int:
    """Where the window ends; 0: all there is lies inside."""
    ids = walked.values_list("id", flat=True)[WINDOW - 1 : WINDOW]
    return next(iter(ids), 0)


def _conditions(asked: Filters) -> tuple[dict[str, Any], dict[str, Any]]:
    """The filter whose index is walked, usually the one with the fewest entries, and those that are checked."""
    kind, _, target_id = asked.target.partition(":")
    conditions: list[dict[str, Any]] = []
    if asked.target:
        conditions.append({"target_kind": kind, "target_id": target_id})
    if asked.by:
        conditions.append({"actor_id": None, "actor_name": asked.by})
    if asked.who:
        conditions.append({"actor_id": asked.who})
    if asked.team:
        conditions.append({"team_id": asked.team})
    if asked.area:
        conditions.append({"area": asked.area})
    others = {name: value for condition in conditions[1:] for name, value in condition.items()}
    return (conditions[0] if conditions else {}), others


def _bounds(asked: Filters, before: int) -> dict[str, int]:
    """Ids between which everything lies that is asked for."""
    bounds = {"id__lt": before} if before else {}
    if asked.since:
        first = (
            AuditEvent.objects.filter(at__gte=asked.since).order_by("at", "id").values_list("id", flat=True)
        )
        bounds["id__gte"] = next(iter(first[:1]), LARGEST_ID) - SLACK
    if asked.until:
        last = (
            AuditEvent.objects.filter(at__lt=asked.until).order_by("-at", "-id").values_list("id", flat=True)
        )
        top = next(iter(last[:1]), 0) + SLACK + 1
        bounds["id__lt"] = min(before, top) if before else top
    return bounds
