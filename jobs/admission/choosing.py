"""Which of a team's waiting jobs start now. Pure: lanes and a book in, a choice out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from jobs.admission.lanes import Lane, Waiting
from jobs.catalogue import Own
from teams.models import Scope
from teams.quota.book import Book, Shortage

# A job that has waited so long is not overtaken any more by any that need what it waits for. So it starts at the
# latest when the jobs have ended that ran at that moment, and those before it in the order.
PATIENCE_SECONDS = 300.0
# So many are admitted in one transaction.
MOST_AT_ONCE = 64
# A team takes so many jobs on others' quota, then it is the turn of the team with the smallest share.
BORROWED_AT_ONCE = 4


@dataclass(frozen=True)
class Block:
    """Why nothing of a lane starts. `reason` is the catalogue's; the shortage where it is one of quota."""

    reason: str
    shortage: Shortage | None = None
    detail: str = ""
    # The job that comes first, where one is waited for.
    behind: int | None = None


@dataclass
class Choice:
    """What starts, what is blocked and why, and whether more could start at once."""

    starting: list[Waiting] = field(default_factory=list)
    blocks: dict[Lane, Block] = field(default_factory=dict)
    has_more: bool = False

    @property
    def is_owed(self) -> bool:
        """Others have borrowed what is the team's own, and it needs it now."""
        return any(block.shortage and block.shortage.scope == Scope.POOL for block in self.blocks.values())


@dataclass(frozen=True)
class Pace:
    """How much is decided at once, and how long a job is overtaken."""

    patience: float = PATIENCE_SECONDS
    most: int = MOST_AT_ONCE
    borrowed: int = BORROWED_AT_ONCE


More = Callable[[Waiting, int], Iterable[Waiting]]
QUOTA = "quota"


def choose(
    firsts: Iterable[Waiting],
    book: Book,
    closed: Mapping[Lane, Block],
    more: More,
    pace: Pace | None = None,
    room: Mapping[tuple[int, str], int] | None = None,
) -> Choice:
    """Take from the book what fits, in order; keep for those that have waited long what the others may not have.

    `closed` are lanes that cannot start whatever the quota. `more` gives those behind the last of a lane. `room`: how
    many may be sent to full clusters, by cluster and type of GPU.
    """
    return _Chooser(book, closed, more, pace or Pace(), dict(room or {})).choose(firsts)


@dataclass
class _Chooser:
    """One walk through the queue. `left`: how many more may be sent to full clusters."""

    book: Book
    closed: Mapping[Lane, Block]
    more: More
    pace: Pace
    left: dict[tuple[int, str], int]
    choice: Choice = field(default_factory=Choice)
    borrowed: int = 0
    held_for: int | None = None
    behind: dict[Lane, list[Waiting]] = field(default_factory=dict)

    def choose(self, firsts: Iterable[Waiting]) -> Choice:
        heap = [(each.order, each) for each in firsts]
        heapify(heap)
        while heap:
            _, first = heappop(heap)
            if block := self._block(first):
                self.choice.blocks[first.lane] = block
                continue
            self.borrowed += self.book.borrows(first.lane.demand)
            if self.borrowed > self.pace.borrowed or len(self.choice.starting) == self.pace.most:
                self.choice.has_more = True
                break
            self._start(first)
            if following := self._behind(first):
                heappush(heap, (following.order, following))
        return self.choice

    def _block(self, first: Waiting) -> Block | None:
        """Why it does not start; None: it does. For what has waited long its amounts are kept."""
        lane = first.lane
        if lane in self.closed:
            return self.closed[lane]
        if shortage := self.book.shortage(lane.demand):
            block = Block(QUOTA, shortage, behind=self.held_for if shortage.is_held else None)
            if first.seconds >= self.pace.patience and not shortage.is_never:
                self.book.promise(lane.demand)
                self.held_for = self.held_for or first.job_id
            return block
        return Block(Own.CLUSTER_FULL) if self.left.get(_kind(lane)) == 0 else None

    def _start(self, first: Waiting) -> None:
        kind = _kind(first.lane)
        if kind in self.left:
            self.left[kind] -= 1
        self.book.take(first.lane.demand)
        self.choice.starting.append(first)

    def _behind(self, last: Waiting) -> Waiting | None:
        """The one behind it in its lane; read many at once, as more of the lane may fit."""
        lane = last.lane
        if not self.behind.get(lane):
            self.behind[lane] = list(reversed(list(self.more(last, self.pace.most))))
        return self.behind[lane].pop() if self.behind[lane] else None


def _kind(lane: Lane) -> tuple[int, str]:
    return (lane.cluster_id, lane.gpu_resource)
