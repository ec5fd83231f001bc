"""When the waiting jobs of a team are likely to start: its state, played to its end a few dozen times. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from jobs.admission.choosing import Block
from jobs.admission.lanes import Lane
from jobs.forecast.quick_book import books_of
from jobs.forecast.ranges import Range, range_of
from jobs.forecast.run_times import RunTimes, Sampler
from jobs.forecast.simulator import Queue, SimJob, Simulator
from teams.quota.book import Account, Line

DRAWS, FEWEST_DRAWS = 30, 8
# Lanes that are looked at in all draws together: some 40 ms. A draw is cut where its part is spent.
MOST_LOOKS = 6_000
# So many that wait are played, of the team and of each that shares with it; those behind them start later.
MOST_WAITING, MOST_WAITING_BESIDE = 200, 40
# Preparing a job and collecting from it hold its quota, too.
BESIDE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Held:
    """A job with a reservation: for how long its script has run, and how long such jobs run."""

    team: int
    id: int
    lane: Lane
    elapsed: float
    times: RunTimes


@dataclass(frozen=True, slots=True)
class Queued:
    """A job that waits, since so many seconds, and how long such jobs run."""

    team: int
    id: int
    lane: Lane
    seconds: float
    times: RunTimes


@dataclass
class Situation:
    """Everything that decides who starts when: of a team, and of those it shares with. In the order of their ids.

    `lines` have in `used` what `held` has. `closed`: lanes for which nothing can be said, by team.
    """

    lines: Mapping[int, Mapping[Account, Line]]
    sharing: Collection[int] = ()
    pool: Mapping[str, Line] | None = None
    held: Sequence[Held] = ()
    queued: Sequence[Queued] = ()
    closed: Mapping[int, Mapping[Lane, Block]] = field(default_factory=dict)
    owed: Collection[int] = ()

    def simulator(self) -> Simulator:
        """Everything as it is now, at 0 seconds, with nothing running or waiting in it yet."""
        books = books_of(self.lines, self.sharing, self.pool)
        queues = {
            team: Queue(book, closed=self.closed.get(team, {}), is_owed=team in self.owed)
            for team, book in books.items()
        }
        return Simulator(queues, self.sharing)


def forecast(situation: Situation, team: int, seed: int = 0) -> dict[int, Range]:
    """Ranges for the team's jobs that wait in it, by job; those of which nothing can be said are left out."""
    closed = situation.closed.get(team, {})
    wanted = [job.id for job in situation.queued if job.team == team and job.lane not in closed]
    if not wanted:
        return {}
    starts: dict[int, list[float]] = {job: [] for job in wanted}
    cuts: dict[int, list[float]] = {job: [] for job in wanted}
    looks = 0
    for number in range(DRAWS):
        played, is_cut = _play(situation, wanted, Random(seed * DRAWS + number))  # noqa: S311 - no secret
        looks += played.looks
        for job in wanted:
            if job in played.starts:
                starts[job].append(played.starts[job])
            elif is_cut:
                cuts[job].append(played.now)
        if looks >= MOST_LOOKS and number + 1 >= FEWEST_DRAWS:
            break
    # What did not start although the whole draw was played never does, as things are.
    found = {job: range_of(starts[job], cuts[job]) for job in wanted if starts[job] or cuts[job]}
    return {job: each for job, each in found.items() if each is not None}


def _play(situation: Situation, wanted: Iterable[int], chance: Random) -> tuple[Simulator, bool]:
    """One draw, until all that are wanted have started or its part of the looks is spent (True: it was cut)."""
    simulator = situation.simulator()
    samplers: dict[int, Sampler] = {}

    def draw(times: RunTimes, elapsed: float = 0.0) -> float:
        if id(times) not in samplers:
            samplers[id(times)] = times.sampler(chance)
        return samplers[id(times)].draw(elapsed) + BESIDE_SECONDS

    for held in situation.held:
        seconds = draw(held.times, held.elapsed) - held.elapsed
        job = SimJob(held.team, held.id, held.lane, -held.elapsed, seconds)
        simulator.hold(job, -held.elapsed, max(0.0, seconds))
    for each in situation.queued:
        seconds = draw(each.times)
        simulator.queues[each.team].add(SimJob(each.team, each.id, each.lane, -each.seconds, seconds))
    pending = list(reversed(list(wanted)))
    most = MOST_LOOKS // FEWEST_DRAWS

    def is_done() -> bool:
        while pending and pending[-1] in simulator.starts:
            pending.pop()
        return not pending or simulator.looks >= most

    simulator.look_at_all()
    simulator.run(is_done=is_done)
    return simulator, bool(pending) and simulator.looks >= most
