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
    pace, left = pace or Pace(), dict(room or {})
    choice, borrowed, held_for = Choice(), 0, None
    heap = [(each.order, each) for each in firsts]
    heapify(heap)
    ahead: dict[Lane, list[Waiting]] = {}
    while heap:
        _, first = heappop(heap)
        lane = first.lane
        if lane in closed:
            choice.blocks[lane] = closed[lane]
            continue
        if shortage := book.shortage(lane.demand):
            choice.blocks[lane] = Block(QUOTA, shortage, behind=held_for if shortage.is_held else None)
            if first.seconds >= pace.patience and not shortage.is_never:
                book.promise(lane.demand)
                held_for = held_for or first.job_id
            continue
        kind = (lane.cluster_id, lane.gpu_resource)
        if left.get(kind) == 0:
            choice.blocks[lane] = Block(Own.CLUSTER_FULL)
            continue
        borrowed += book.borrows(lane.demand)
        if borrowed > pace.borrowed or len(choice.starting) == pace.most:
            choice.has_more = True
            break
        if kind in left:
            left[kind] -= 1
        book.take(lane.demand)
        choice.starting.append(first)
        _push_next(heap, ahead, first, more, pace)
    return choice


def _push_next(
    heap: list[tuple[tuple[int, int], Waiting]],
    ahead: dict[Lane, list[Waiting]],
    last: Waiting,
    more: More,
    pace: Pace,
) -> None:
    """The one behind it in its lane; read many at once, as more of the lane may fit."""
    if not ahead.get(last.lane):
        ahead[last.lane] = list(reversed(list(more(last, pace.most))))
    if ahead[last.lane]:
        following = ahead[last.lane].pop()
        heappush(heap, (following.order, following))
