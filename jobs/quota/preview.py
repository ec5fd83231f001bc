"""What other limits would do, before they are saved: decided by the rules that admit jobs, and nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from jobs.admission import lanes
from jobs.admission.budgets import fill_in
from jobs.admission.choosing import QUOTA, Block, Choice, Pace, choose
from jobs.admission.counting import MOST_COUNTED, counts_of
from jobs.admission.gates import closed_now, room_at
from jobs.admission.lanes import Lane, Waiting
from jobs.catalogue.queued import SHORT
from jobs.models import TeamQueue
from teams.models import Scope, Team
from teams.quota.book import Account, Book
from teams.quota.ledger import read_book, read_pool
from teams.quota.resources import BUDGETS, JOBS, in_words, noun
from teams.quota.trial import try_limits

# So many are looked at: each may cost a statement.
MOST = 500
# So many accounts, and so many causes, are named.
MOST_NAMED = 6


@dataclass(frozen=True)
class Preview:
    """What would start, what could never, and what runs on above its limit: numbers, and sentences for people."""

    starting: list[int] = field(default_factory=list)
    has_more: bool = False
    never: int = 0
    never_words: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    zero: list[str] = field(default_factory=list)
    shut: dict[str, int] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """What would happen, each thing once; never empty."""
        found = [self._start("would start at once"), *self.over, *self.zero]
        if self.never:
            why = f": {' '.join(self.never_words)}" if self.never_words else "."
            found.append(f"{_jobs(self.never)} could never start{why}")
        found += [
            f"{_jobs(count)} {_verb(count, 'waits', 'wait')} for something else: {SHORT.get(reason, reason)}."
            for reason, count in self.shut.items()
        ]
        return found

    @property
    def outcome(self) -> str:
        """After it was saved."""
        return self._start("now starts" if len(self.starting) == 1 else "now start")

    def _start(self, verb: str) -> str:
        count = len(self.starting)
        if not count:
            return f"No waiting job {'now starts' if verb.startswith('now') else verb}."
        more = " or more" if self.has_more else ""
        return f"{count:,}{more} waiting job{'' if count == 1 else 's'} {verb}."


def preview(team: Team, limits: Mapping[Account, int | None], *, shares: bool | None = None) -> Preview:
    """With these limits, and sharing or not, instead of those that the team has. The other teams stay as they are."""
    book = read_book(team.pk)
    is_sharing = team.shares_quota if shares is None else shares
    try_limits(book, read_pool(), limits, was_sharing=team.shares_quota, shares=is_sharing)
    owed = TeamQueue.objects.filter(is_owed=True, team__shares_quota=True).exclude(team=team)
    book.may_borrow = not owed.exists()
    over, zero = _over(book, limits), _zero(limits)
    choice, firsts = _choice(team, book)
    counts = counts_of(team.pk, [first.lane for first in firsts])
    never = {
        lane: block for lane, block in choice.blocks.items() if block.shortage and block.shortage.is_never
    }
    return Preview(
        starting=[each.job_id for each in choice.starting],
        has_more=choice.has_more,
        never=sum(counts.get(lane, MOST_COUNTED) for lane in never),
        never_words=_reasons(never),
        over=over,
        zero=zero,
        shut=_shut(choice, counts),
    )


def _choice(team: Team, book: Book) -> tuple[Choice, list[Waiting]]:
    firsts = lanes.firsts(team.pk)
    clusters = {first.lane.cluster_id for first in firsts}
    shut = closed_now(team.pk, clusters)
    closed = {first.lane: shut[first.lane.cluster_id] for first in firsts if first.lane.cluster_id in shut}
    fill_in(book, team.pk, {account for first in firsts for account in first.lane.demand.budgets()})
    pace = Pace(most=MOST, borrowed=MOST)
    return choose(firsts, book, closed, partial(lanes.behind, team.pk), pace, room_at(clusters)), firsts


def _over(book: Book, limits: Mapping[Account, int | None]) -> list[str]:
    """Accounts whose limit is changed and that use more than they then may: what runs goes on."""
    found = []
    members = {account.resource for account in limits if account.scope == Scope.MEMBER}
    for account, line in book.lines.items():
        is_concerned = account in limits or (account.scope == Scope.USER and account.resource in members)
        limit = book.limit_of(account)
        if not is_concerned or account.scope == Scope.MEMBER or account.resource in BUDGETS:
            continue
        if limit is None or line.used <= limit:
            continue
        pool = book.pool.get(account.resource) if account.scope == Scope.TEAM else None
        is_lent = pool is not None and not pool.lacks(0)
        found.append((_borrowed if is_lent else _above)(account, line.used, limit))
    more = len(found) - MOST_NAMED
    return [*found[:MOST_NAMED], f"And {more} more are above their limit."] if more > 0 else found


def _borrowed(account: Account, used: int, limit: int) -> str:
    beyond, all_of_it = in_words(account.resource, used - limit), in_words(account.resource, used)
    return (
        f"{beyond} of the {all_of_it} in use ({noun(account.resource)}) would be borrowed from teams that share:"
        " what runs goes on."
    )


def _above(account: Account, used: int, limit: int) -> str:
    whose = {Scope.CLUSTER: " on one cluster", Scope.USER: " of one member"}.get(Scope(account.scope), "")
    over = used - limit
    if account.resource == JOBS:
        return (
            f"{over:,} of the {used:,} running job{'' if used == 1 else 's'}{whose} {_verb(over, 'is', 'are')} above"
            f" the new limit and {_verb(over, 'goes', 'go')} on; nothing new starts until enough have ended."
        )
    return (
        f"{in_words(account.resource, used)} of {noun(account.resource)}{whose} are in use,"
        f" {in_words(account.resource, over)} above the new limit: what runs goes on, and nothing new starts until"
        " enough is free."
    )


def _zero(limits: Mapping[Account, int | None]) -> list[str]:
    """A limit of nothing is easily typed by mistake."""
    whose = {Scope.TEAM: "the team", Scope.CLUSTER: "the team on one cluster", Scope.MEMBER: "members"}
    names = [
        f"{noun(account.resource)} for {whose.get(Scope(account.scope), 'one member')}"
        for account, limit in limits.items()
        if limit == 0
    ]
    return (
        [f"A limit of 0: nothing that needs it may start ({', '.join(names[:MOST_NAMED])})."] if names else []
    )


def _reasons(never: Mapping[Lane, Block]) -> list[str]:
    """Of each resource the largest that is asked for."""
    worst: dict[tuple[str, str], tuple[int, int]] = {}
    for block in never.values():
        if short := block.shortage:
            key = (short.scope, short.resource)
            worst[key] = max(worst.get(key, (0, 0)), (short.asked, short.most))
    if any(resource == JOBS for _, resource in worst):
        return ["no job may run."]
    return [
        f"{in_words(resource, asked)} of {noun(resource)} asked for, {in_words(resource, most)} allowed in all."
        for (_, resource), (asked, most) in list(worst.items())[:MOST_NAMED]
    ]


def _shut(choice: Choice, counts: Mapping[Lane, int]) -> dict[str, int]:
    """What waits for no quota, by reason."""
    found: dict[str, int] = {}
    for lane, block in choice.blocks.items():
        if block.reason != QUOTA:
            found[block.reason] = found.get(block.reason, 0) + counts.get(lane, MOST_COUNTED)
    return found


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _jobs(count: int) -> str:
    return f"{count:,} waiting job{'' if count == 1 else 's'}"
