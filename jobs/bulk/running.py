"""Actions on all jobs that match a filter, in the background: bounded, with progress, and with the rights of now."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import F, Q
from django.db.models.functions import Now
from django.http import QueryDict

from jobs.bulk.acts import Action, apply, choose
from jobs.history.filters import Filters
from jobs.history.pages import Cursor, Page, find_page
from jobs.history.searching import with_owner
from jobs.models import BulkRun, Job
from teams.audit import Origin
from teams.policy import rights_of

log = logging.getLogger(__name__)
# Up to so many are done at once, while the person waits.
AT_ONCE = 200
MOST = {"cancel": 10_000, "delete": 10_000, "tag": 10_000, "pin": 10_000, "unpin": 10_000, "again": 500}
LEASE = timedelta(seconds=120)
# The namespace in which the new jobs of a run have their keys.
KEYS = UUID("6d2b8f0e-3a0c-4c1b-9a65-2f3f2a1c7d10")
KEPT = timedelta(days=7)


def read_query(query: str) -> Filters:
    """The filters of a saved address."""
    return Filters.read(QueryDict(query))


def matching(team_ids: Sequence[int] | None, asked: Filters, before: int = 0) -> Page:
    """The next jobs that match, AT_ONCE at most."""
    return find_page(team_ids, with_owner(asked), Cursor(before=before), AT_ONCE)


def run_unfinished() -> None:
    """Go on with what was asked for and is not done; each by one worker."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
    for pk in BulkRun.objects.filter(free, finished_at=None).order_by("pk").values_list("pk", flat=True):
        while _claim(pk, free) and _next_page(pk):
            pass
    BulkRun.objects.filter(finished_at__lt=Now() - KEPT).delete()


def _claim(pk: int, free: Q) -> bool:
    waiting = BulkRun.objects.filter(free, pk=pk, finished_at=None)
    return bool(waiting.update(claimed_until=Now() + LEASE))


def _next_page(pk: int) -> bool:
    """One page of it. False: that was the last."""
    run = BulkRun.objects.select_related("owner").get(pk=pk)
    rights, room = rights_of(run.owner), MOST[run.action] - run.seen
    if run.stop_asked_at or room <= 0 or not rights.may_send or rights.team_ids == ():
        return _note(run, Page([], has_more=False, edge=0), 0, Counter())
    page = matching(rights.team_ids, read_query(run.query), run.before)
    page = Page(page.ids[:room], page.has_more or len(page.ids) > room, page.edge)
    jobs = Job.objects.filter(pk__in=page.ids).select_related("owner", "cluster", "team", "image", "profile")
    choice = choose(run.action, jobs.order_by("-pk"), rights)
    action = Action(
        run.action,
        run.owner,
        Origin(**run.origin),
        UUID(int=KEYS.int ^ run.pk),
        tuple(run.options.get("added", [])),
        tuple(run.options.get("removed", [])),
    )
    return _note(run, page, apply(action, choice), choice.left_alone)


def _note(run: BulkRun, page: Page, done: int, left_alone: Counter[str]) -> bool:
    """Write how far it is. A crash before it does the page again, to which everything was done already."""
    goes_on = page.has_more or bool(page.edge)
    BulkRun.objects.filter(pk=run.pk).update(
        before=page.edge or (page.ids[-1] if page.ids else run.before),
        seen=F("seen") + len(page.ids),
        done=F("done") + done,
        left_alone=dict(Counter(run.left_alone) + left_alone),
        claimed_until=None,
        finished_at=None if goes_on else Now(),
    )
    return goes_on
