"""A synthetic month with real-looking jobs, and how good estimates are in it. Pure.

Scripts have log-normal run times; people start them in office hours, now and then in bursts and sweeps, and some runs
fail early. Estimates are made at arrival, from what the portal would know at that moment.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from statistics import median

from jobs.admission.lanes import Lane
from jobs.forecast.playing import MOST_WAITING, MOST_WAITING_BESIDE, Held, Queued, Situation, forecast
from jobs.forecast.quick_book import books_of
from jobs.forecast.ranges import Range
from jobs.forecast.run_times import NEWEST, RunTimes
from jobs.forecast.simulator import Queue, SimJob, Simulator
from teams.models import Scope
from teams.quota.book import Account, Line
from teams.quota.resources import CPU, JOBS

DAYS, DAY, HOUR = 30, 86400, 3600
# How much is begun in each hour of a working day; at weekends a tenth of it.
HOURS = (1, 1, 1, 1, 1, 1, 2, 5, 12, 16, 15, 13, 7, 11, 15, 15, 13, 10, 6, 4, 3, 3, 2, 2)
PROFILES = (("small", 1000, 2), ("medium", 4000, 16), ("large", 8000, 64))
LIMITS = (HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 72 * HOUR)
EARLY_FAILURES = 0.06
# Between two sweeps and between single runs: so many jobs on an average.
SWEEP = (8, 60)
Estimator = Callable[[Situation, int, int], dict[int, Range]]


@dataclass(frozen=True)
class Script:
    """Of one person: how long it runs (the logarithm's mean and spread), and what it asks for."""

    id: int
    team: int
    owner: int
    profile: str
    lane: Lane
    mean: float
    spread: float
    limit: int

    def kinds(self) -> list[tuple[object, ...]]:
        """What is similar, the narrowest first; as jobs/forecast/similar.py has it."""
        return [
            ("script", self.owner, self.id),
            ("owner", self.owner, self.profile),
            ("team", self.team, self.profile),
            ("profile", self.profile),
        ]


@dataclass
class Month:
    """The jobs, in the order of their arrival, and the limits of the teams."""

    jobs: list[SimJob]
    scripts: dict[int, Script]
    lines: dict[int, dict[Account, Line]]
    sharing: frozenset[int]


@dataclass
class Findings:
    """What came of it. Waits in seconds by team; `widths`: of the ranges, with how long the job really waited."""

    waits: dict[int, list[float]] = field(default_factory=dict)
    never: int = 0
    is_right: list[bool] = field(default_factory=list)
    widths: list[tuple[float, float]] = field(default_factory=list)
    untold: int = 0

    @property
    def held(self) -> float:
        """The share of the ranges that held."""
        return sum(self.is_right) / len(self.is_right) if self.is_right else 0.0

    @property
    def median_width(self) -> float:
        """In seconds."""
        return median(width for width, _ in self.widths) if self.widths else 0.0

    @property
    def relative_width(self) -> float:
        """The median of width / wait, of jobs that waited for a minute at least."""
        parts = [width / wait for width, wait in self.widths if wait >= 60]
        return median(parts) if parts else 0.0

    @property
    def longest(self) -> float:
        """The longest wait of all that started."""
        return max((wait for waits in self.waits.values() for wait in waits), default=0.0)


class Past:
    """What has run until now, as the portal would find it: the newest runs of each kind, sorted."""

    def __init__(self, month: Month) -> None:
        self.month = month
        self.runs: dict[tuple[object, ...], deque[float]] = defaultdict(partial(deque, maxlen=NEWEST))
        self.read = 0

    def note(self, ended: list[SimJob]) -> None:
        """Those that ended since it was asked last."""
        for job in ended[self.read :]:
            for key in self.month.scripts[job.id].kinds():
                self.runs[key].append(job.seconds)
        self.read = len(ended)

    def times(self, script: Script, memo: dict[int, RunTimes]) -> RunTimes:
        """For a job of the script."""
        if script.id not in memo:
            memo[script.id] = RunTimes(
                [sorted(self.runs.get(key, ())) for key in script.kinds()], float(script.limit)
            )
        return memo[script.id]


def make_month(seed: int, teams: int, jobs: int) -> Month:
    """Half of the teams share their quota. Limits are such that a team is short of them on many afternoons."""
    chance = Random(seed)  # noqa: S311 - no secret
    scripts = [script for team in range(1, teams + 1) for script in _scripts(chance, team)]
    runs = sorted(_runs(chance, scripts, jobs), key=lambda run: run[0])[:jobs]
    made = [
        SimJob(script.team, number, script.lane, at, _seconds(chance, script))
        for number, (at, script) in enumerate(runs, 1)
    ]
    by_id = {number: script for number, (_, script) in enumerate(runs, 1)}
    lines = {team: _limits([job for job in made if job.team == team]) for team in range(1, teams + 1)}
    return Month(made, by_id, lines, frozenset(range(1, teams // 2 + 1)))


def _scripts(chance: Random, team: int) -> Iterator[Script]:
    lanes: dict[Lane, Lane] = {}
    for owner in range(team * 100, team * 100 + chance.randint(3, 9)):
        for number in range(chance.randint(2, 5)):
            name, cpu, memory = chance.choices(PROFILES, (6, 3, 1))[0]
            priority = chance.choices((0, 1, 2), (1, 12, 1))[0]
            lane = Lane(1 + chance.randrange(2), owner, priority, cpu, memory * 1024**3)
            lane = lanes.setdefault(lane, lane)
            mean, spread = chance.gauss(6.6, 1.1), chance.uniform(0.1, 0.7)
            limit = next((each for each in LIMITS if each > 6 * 2.72**mean), LIMITS[-1])
            yield Script(owner * 10 + number, team, owner, name, lane, mean, spread, limit)


def _runs(chance: Random, scripts: list[Script], count: int) -> Iterator[tuple[float, Script]]:
    """Single runs, repeated tries of one script, and sweeps of many runs at once."""
    made = 0
    while made < count:
        script, at = chance.choice(scripts), _moment(chance)
        kind = chance.random()
        size = chance.randint(*SWEEP) if kind < 0.06 else chance.randint(2, 6) if kind < 0.3 else 1
        apart = 1.0 if kind < 0.06 else 900.0
        for _ in range(size):
            yield at, script
            at += chance.expovariate(1 / apart)
        made += size


def _moment(chance: Random) -> float:
    day = chance.choices(range(DAYS), [0.1 if day % 7 in (5, 6) else 1.0 for day in range(DAYS)])[0]
    hour = chance.choices(range(24), HOURS)[0]
    return day * DAY + (hour + chance.random()) * HOUR


def _seconds(chance: Random, script: Script) -> float:
    if chance.random() < EARLY_FAILURES:
        return chance.uniform(2, 90)
    return min(chance.lognormvariate(script.mean, script.spread), float(script.limit))


def _limits(jobs: list[SimJob]) -> dict[Account, Line]:
    """Three times what the team needs on an average, and never less than its largest job."""
    used = sum(job.seconds * job.lane.cpu_millis for job in jobs) / (DAYS * DAY)
    largest = max((job.lane.cpu_millis for job in jobs), default=1000)
    cores = max(int(3 * used) // 1000 * 1000, 2 * largest)
    return {
        Account(Scope.TEAM, CPU): Line(cores),
        Account(Scope.TEAM, JOBS): Line(max(4, cores // 1000)),
        Account(Scope.MEMBER, CPU): Line(max(cores * 3 // 4 // 1000 * 1000, largest)),
    }


def run_month(month: Month, estimates: int, seed: int = 0, estimator: Estimator = forecast) -> Findings:
    """Play it; of the jobs that wait some `estimates`, evenly chosen, are told when they will start."""
    past, told = Past(month), {}
    findings, chance = Findings(), Random(seed)  # noqa: S311 - no secret
    waiting = _count_waiting(month)
    share = min(1.0, estimates / max(1, waiting))

    def on_wait(simulator: Simulator, job: SimJob) -> None:
        if chance.random() < share:
            past.note(simulator.ended)
            situation = situation_in(simulator, month, past, job.team)
            told[job.id] = (simulator.now, estimator(situation, job.team, job.id).get(job.id))

    simulator = _simulator(month, on_wait)
    simulator.run(month.jobs)
    for job in month.jobs:
        if job.id in simulator.starts:
            findings.waits.setdefault(job.team, []).append(simulator.starts[job.id] - job.arrives)
        else:
            findings.never += 1
    for job_id, (at, said) in told.items():
        _judge(findings, said, simulator.starts.get(job_id, float("inf")) - at)
    return findings


def _judge(findings: Findings, said: Range | None, wait: float) -> None:
    if said is None or said.late is None:
        findings.untold += 1
        return
    findings.is_right.append(said.holds(wait))
    findings.widths.append((said.late - said.early, wait))


def _simulator(month: Month, on_wait: Callable[[Simulator, SimJob], None] | None = None) -> Simulator:
    books = books_of(month.lines, month.sharing)
    return Simulator({team: Queue(book) for team, book in books.items()}, month.sharing, on_wait)


def _count_waiting(month: Month) -> int:
    simulator = _simulator(month)
    simulator.run(month.jobs)
    return sum(simulator.starts.get(job.id, float("inf")) > job.arrives for job in month.jobs)


def situation_in(simulator: Simulator, month: Month, past: Past, team: int) -> Situation:
    """What the portal would read at this moment, for one team."""
    memo: dict[int, RunTimes] = {}
    teams = month.sharing if team in month.sharing else frozenset({team})
    queued: list[Queued] = []
    for each in sorted(teams):
        jobs = sorted(
            (job for lane in simulator.queues[each].lanes.values() for job in lane),
            key=lambda job: (-job.lane.priority, job.id),
        )[: MOST_WAITING if each == team else MOST_WAITING_BESIDE]
        queued += [
            Queued(
                each, job.id, job.lane, simulator.now - job.arrives, past.times(month.scripts[job.id], memo)
            )
            for job in sorted(jobs, key=lambda job: job.id)
        ]
    held = [
        Held(job.team, job.id, job.lane, simulator.now - since, past.times(month.scripts[job.id], memo))
        for job, since in simulator.running.values()
        if job.team in teams
    ]
    return Situation(
        lines={each: simulator.queues[each].book.lines for each in teams},
        sharing=teams & month.sharing,
        held=held,
        queued=queued,
        owed=[each for each in teams if simulator.queues[each].is_owed],
    )
