"""What other limits would do, before they are saved: decided by the rules that admit jobs, and nothing is written."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from django.db.models import Count

from jobs.admission import lanes
from jobs.admission.budgets import fill_in
from jobs.admission.choosing import Choice, Pace, choose
from jobs.admission.lanes import Lane
from jobs.models import Job
from jobs.models.job import QUEUED
from jobs.models.queue import LANE_FIELDS
from teams.models import Scope, Team
from teams.quota.book import Account, Book
from teams.quota.ledger import read_book
from teams.quota.resources import BUDGETS, in_words, noun

MOST = 1000


@dataclass(frozen=True)
class Preview:
    """Sentences for the one who is about to save."""

    starting: int = 0
    never: int = 0
    over: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        """What would happen, each thing once; never empty."""
        found = [_would(self.starting, "start"), *self.over]
        if self.never:
            found.append(f"{_jobs(self.never)} could never start: more is asked for than the limit in all.")
        return found


def preview(team: Team, limits: Mapping[Account, int | None]) -> Preview:
    """With these limits instead of those that the team has."""
    book = read_book(team.pk)
    for account, limit in limits.items():
        book.line(account).limit = limit
        if account.scope == Scope.TEAM and account.resource in book.pool:
            book.pool.pop(account.resource) if limit is None else None
    over = _over(book)
    choice = _choice(team, book)
    counts = waiting_by_lane(team.pk)
    never = sum(
        counts.get(lane, 0)
        for lane, block in choice.blocks.items()
        if block.shortage and block.shortage.is_never
    )
    return Preview(len(choice.starting), never, over)


def waiting_by_lane(team_id: int) -> Counter[Lane]:
    """How many wait in each lane. An index-only walk over what waits of this team."""
    rows = Job.objects.filter(QUEUED, team=team_id).order_by().values_list(*LANE_FIELDS)
    return Counter({Lane(*row[:-1]): row[-1] for row in rows.annotate(Count("pk"))})


def _choice(team: Team, book: Book) -> Choice:
    firsts = lanes.firsts(team.pk)
    fill_in(book, team.pk, {account for first in firsts for account in first.lane.demand.budgets()})
    return choose(firsts, book, {}, partial(lanes.behind, team.pk), Pace(most=MOST, borrowed=MOST))


def _over(book: Book) -> list[str]:
    """Accounts that use more than they then may: what runs goes on."""
    found = []
    for account, line in book.lines.items():
        limit = book.limit_of(account)
        if (
            limit is None
            or line.used <= limit
            or account.resource in BUDGETS
            or account.scope == Scope.MEMBER
        ):
            continue
        whose = {Scope.CLUSTER: " on one cluster", Scope.USER: " of one member"}.get(Scope(account.scope), "")
        used, most = in_words(account.resource, line.used), in_words(account.resource, limit)
        found.append(
            f"{used} of {noun(account.resource)}{whose} are in use, which is above {most}: what runs goes on, and"
            " nothing new starts until enough has ended."
        )
    return found


def _would(count: int, verb: str) -> str:
    if not count:
        return f"No waiting job would {verb} because of it."
    more = " or more" if count >= MOST else ""
    return f"{_jobs(count)}{more} that wait{'s' if count == 1 else ''} would {verb}."


def _jobs(count: int) -> str:
    return f"{count:,} job{'' if count == 1 else 's'}"
