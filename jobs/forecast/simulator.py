"""Plays queues forward in time: arrivals and ends happen, and the portal's own `choose` says who starts. Pure.

Between two ends nothing that was blocked can start: a look leaves nothing that fits, and time only adds promises. So a
look is made where a job ends, and where one arrives in a lane that was empty; its result is that of looking always.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice

from jobs.admission.choosing import Block, Choice, Pace, choose
from jobs.admission.lanes import Lane, Waiting
from jobs.forecast.quick_book import QuickBook

# So many of a lane are shown to `choose` at once; it asks for more.
SHOWN_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class SimJob:
    """A job that will come. Times are seconds; `seconds`: for how long it holds what it takes.

    Ids are in the order of arrival, as the portal's are.
    """

    team: int
    id: int
    lane: Lane
    arrives: float
    seconds: float


@dataclass
class Queue:
    """One team's: what waits by lane, and whether others have borrowed what it needs now."""

    book: QuickBook
    lanes: dict[Lane, deque[SimJob]] = field(default_factory=dict)
    is_owed: bool = False
    closed: Mapping[Lane, Block] = field(default_factory=dict)

    def add(self, job: SimJob) -> bool:
        """True: it is the first of its lane, so it might start at once."""
        lane = self.lanes.setdefault(job.lane, deque())
        lane.append(job)
        return len(lane) == 1

    def firsts(self, now: float) -> list[Waiting]:
        """The first job of each lane."""
        return [_waiting(lane[0], now) for lane in self.lanes.values()]

    def behind(self, last: Waiting, now: float) -> list[Waiting]:
        """Some that wait behind `last` in its lane; empty only where none does."""
        lane = self.lanes[last.lane]
        at = next(at for at, job in enumerate(lane) if job.id == last.job_id)
        return [_waiting(job, now) for job in islice(lane, at + 1, at + 1 + SHOWN_AT_ONCE)]

    def take_first(self, lane: Lane) -> SimJob:
        """The first of the lane, which does not wait any more."""
        jobs = self.lanes[lane]
        job = jobs.popleft()
        if not jobs:
            del self.lanes[lane]
        return job


def _waiting(job: SimJob, now: float) -> Waiting:
    return Waiting(job.lane, job.id, now - job.arrives)


class Simulator:
    """`queues` by team; those in `sharing` use one pool. `starts`: job id → when it started.

    `on_wait` is called for each job that did not start when it arrived, with everything as it is then.
    """

    def __init__(
        self,
        queues: Mapping[int, Queue],
        sharing: Collection[int] = (),
        on_wait: Callable[["Simulator", SimJob], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.queues, self.sharing, self.on_wait = queues, frozenset(sharing), on_wait
        self.pace = pace or Pace()
        self.now = 0.0
        self.starts: dict[int, float] = {}
        self.running: dict[int, tuple[SimJob, float]] = {}
        self.ended: list[SimJob] = []
        self.looks = 0
        self._ends: list[tuple[float, int]] = []

    def hold(self, job: SimJob, since: float, until: float) -> None:
        """It runs already; the books have it in `used`."""
        self.running[job.id] = (job, since)
        heappush(self._ends, (until, job.id))

    def look_at_all(self) -> None:
        """Look at every queue in which something waits."""
        self._look({team for team, queue in self.queues.items() if queue.lanes})

    def run(self, arrivals: Iterable[SimJob] = (), is_done: Callable[[], bool] | None = None) -> None:
        """Until nothing comes and nothing runs, or until `is_done`. `arrivals` come in the order of their times."""
        for job in arrivals:
            self._end_until(job.arrives)
            self._arrive(job)
        while self._ends and not (is_done and is_done()):
            self._end_next()

    def _arrive(self, job: SimJob) -> None:
        self.now = job.arrives
        if self.queues[job.team].add(job):
            self._look({job.team})
        if self.on_wait and job.id not in self.starts:
            self.on_wait(self, job)

    def _end_until(self, time: float) -> None:
        while self._ends and self._ends[0][0] <= time:
            self._end_next()

    def _end_next(self) -> None:
        """All that end at the same time, then a look at those who may wait for it."""
        self.now = self._ends[0][0]
        teams = set()
        while self._ends and self._ends[0][0] == self.now:
            job, _ = self.running.pop(heappop(self._ends)[1])
            self.queues[job.team].book.put_back(job.lane.demand)
            self.ended.append(job)
            teams.add(job.team)
        if teams & self.sharing:
            teams |= self.sharing
        self._look({team for team in teams if self.queues[team].lanes})

    def _look(self, due: set[int]) -> None:
        """As admission does: the smallest share first, again while there is more (jobs/admission/admit.py)."""
        while due:
            team = (
                min(due, key=lambda each: (self.queues[each].book.share, each))
                if len(due) > 1
                else next(iter(due))
            )
            queue = self.queues[team]
            was_owed = queue.is_owed
            choice = self._look_at(team, queue)
            if not choice.has_more:
                due.discard(team)
            if was_owed and not queue.is_owed:
                due |= {each for each in self.sharing if each != team and self.queues[each].lanes}

    def _look_at(self, team: int, queue: Queue) -> Choice:
        self.looks += len(queue.lanes)
        book, now = queue.book, self.now
        book.may_borrow = not any(self.queues[each].is_owed for each in self.sharing if each != team)
        firsts = queue.firsts(now)
        choice = choose(firsts, book, queue.closed, lambda last, most: queue.behind(last, now), self.pace)
        book.forget()
        queue.is_owed = team in self.sharing and choice.is_owed
        for each in choice.starting:
            job = queue.take_first(each.lane)
            self.starts[job.id] = now
            self.running[job.id] = (job, now)
            heappush(self._ends, (now + job.seconds, job.id))
        return choice
