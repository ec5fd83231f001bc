"""Queues played forward: against properties that any schedule must have, and against looking at every moment."""

import time
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as some

from jobs.admission.choosing import Pace, choose
from jobs.admission.lanes import Lane, Waiting
from jobs.forecast.month import make_month
from jobs.forecast.quick_book import QuickBook, books_of
from jobs.forecast.simulator import Queue, SimJob, Simulator
from teams.models import Scope
from teams.quota.book import Account, Book, Line

LIMITED = [
    Account(Scope.TEAM, "jobs"),
    Account(Scope.TEAM, "cpu_millis"),
    Account(Scope.CLUSTER, "cpu_millis", cluster_id=1),
    Account(Scope.MEMBER, "cpu_millis"),
    Account(Scope.USER, "jobs", user_id=1),
]
NO_PATIENCE = Pace(patience=1e12)
lanes = some.builds(
    Lane,
    cluster_id=some.integers(1, 2),
    owner_id=some.integers(1, 2),
    priority=some.integers(0, 2),
    cpu_millis=some.integers(1, 4).map(lambda cores: 1000 * cores),
    memory_bytes=some.just(0),
)
limits = some.fixed_dictionaries(
    {},
    optional={
        account: some.integers(0, 6).map(lambda n, a=account: n if a.resource == "jobs" else 1000 * n)
        for account in LIMITED
    },
)
arrivals = some.lists(
    some.tuples(some.integers(1, 2), lanes, some.integers(0, 400), some.integers(0, 400)), max_size=25
)


def made(rows):
    interned = {}
    rows = sorted(rows, key=lambda row: row[2])
    return [
        SimJob(team, number, interned.setdefault(lane, lane), float(at), float(seconds))
        for number, (team, lane, at, seconds) in enumerate(rows, 1)
    ]


def played(all_limits, jobs, sharing, pace=None):
    lines = {
        team: {account: Line(limit) for account, limit in given.items()} for team, given in all_limits.items()
    }
    books = books_of(lines, sharing)
    simulator = Simulator({team: Queue(book) for team, book in books.items()}, sharing, pace=pace)
    simulator.run(jobs)
    return simulator


def moments(simulator, jobs):
    """What runs after everything that happens at a moment, at each moment at which something does."""
    starts = simulator.starts
    times = {job.arrives for job in jobs} | {
        starts[job.id] + at for job in jobs if job.id in starts for at in (0, job.seconds)
    }
    for now in sorted(times):
        yield (
            now,
            [
                job
                for job in jobs
                if job.id in starts and starts[job.id] <= now < starts[job.id] + job.seconds
            ],
        )


def book_at(lines, running, team, cls=Book):
    book = cls({account: Line(limit) for account, limit in lines.items()})
    for job in running:
        if job.team == team:
            book.take(job.lane.demand)
    return book


@settings(max_examples=150, deadline=None)
@given(some.tuples(limits, limits), arrivals, some.booleans())
def test_no_limit_is_ever_exceeded_and_with_sharing_not_the_sum(each, rows, shares):
    all_limits, jobs = {1: each[0], 2: each[1]}, made(rows)
    simulator = played(all_limits, jobs, {1, 2} if shares else set())
    for _, running in moments(simulator, jobs):
        books = {team: book_at(given, running, team) for team, given in all_limits.items()}
        for team, book in books.items():
            for account, line in book.lines.items():
                limit = book.limit_of(account)
                if limit is None or account.scope == Scope.MEMBER:
                    continue
                if shares and account.scope == Scope.TEAM:
                    both = [given.get(account) for given in all_limits.values()]
                    mine = [t for t, given in all_limits.items() if account in given]
                    assert sum(books[t].line(account).used for t in mine) <= sum(limit or 0 for limit in both)
                else:
                    assert line.used <= limit, (team, account)


@settings(max_examples=150, deadline=None)
@given(limits, arrivals)
def test_everything_that_can_start_does(given_limits, rows):
    """Without patience nothing is held back: what waits at any moment has no room at that moment."""
    jobs = [replace(job, team=1) for job in made(rows) if job.seconds]
    simulator = played({1: given_limits}, jobs, set(), NO_PATIENCE)
    for now, running in moments(simulator, jobs):
        book = book_at(given_limits, running, 1)
        for job in jobs:
            if job.arrives <= now and simulator.starts.get(job.id, 1e18) > now:
                assert book.shortage(job.lane.demand) is not None, (now, job)


@settings(max_examples=150, deadline=None)
@given(limits, arrivals)
def test_within_what_is_alike_the_order_of_arrival_is_kept_and_priority_across(given_limits, rows):
    jobs = [replace(job, team=1) for job in made(rows)]
    simulator = played({1: given_limits}, jobs, set())
    starts = simulator.starts
    for first in jobs:
        for second in jobs:
            alike = replace(first.lane, priority=0) == replace(second.lane, priority=0)
            is_before = (-first.lane.priority, first.id) < (-second.lane.priority, second.id)
            if alike and is_before and second.id in starts and starts[second.id] > first.arrives:
                # Of two that need the same the first never starts later, unless it came when the other started.
                assert starts.get(first.id, 1e18) <= starts[second.id]


@settings(max_examples=150, deadline=None)
@given(limits, arrivals)
def test_looking_only_when_something_ended_or_a_lane_was_empty_comes_to_the_same_as_always_looking(
    given_limits, rows
):
    jobs = [replace(job, team=1) for job in made(rows)]
    assert played({1: given_limits}, jobs, set()).starts == brute_force(given_limits, jobs)


def brute_force(given_limits, jobs):
    """Every second that something happens: end what ends, let come what comes, and choose of all that wait."""
    starts, waiting, running, coming, now = {}, [], [], sorted(jobs, key=lambda job: job.arrives), 0.0
    while coming or running:
        ends = [starts[job.id] + job.seconds for job in running]
        now = min([*ends, *(job.arrives for job in coming[:1])])
        running = [job for job in running if starts[job.id] + job.seconds > now]
        # Ends come before arrivals, and arrivals one after the other.
        groups = [[]] if any(end == now for end in ends) else []
        while coming and coming[0].arrives == now:
            groups.append([coming.pop(0)])
        for group in groups:
            waiting += group
            book = book_at(given_limits, running, 1)
            firsts = {}
            for job in sorted(waiting, key=lambda job: job.id):
                firsts.setdefault(job.lane, Waiting(job.lane, job.id, now - job.arrives))

            def more(last, most, now=now, waiting=waiting):
                return [
                    Waiting(job.lane, job.id, now - job.arrives)
                    for job in sorted(waiting, key=lambda job: job.id)
                    if job.lane == last.lane and job.id > last.job_id
                ]

            for each in choose(firsts.values(), book, {}, more).starting:
                job = next(job for job in waiting if job.id == each.job_id)
                waiting.remove(job)
                starts[job.id] = now
                running.append(job)
    return starts


@settings(max_examples=200, deadline=None)
@given(
    limits,
    limits,
    some.lists(
        some.tuples(some.integers(1, 2), some.sampled_from(["take", "promise", "ask"]), lanes), max_size=12
    ),
    some.booleans(),
    some.booleans(),
)
def test_the_quick_book_answers_as_the_book_does(first, second, steps, shares, may_borrow):
    lines = {1: {a: Line(n) for a, n in first.items()}, 2: {a: Line(n) for a, n in second.items()}}
    quick = books_of(lines, {1, 2} if shares else ())
    books = {}
    common = {}
    for team, book in quick.items():
        pool = {name: common.setdefault(name, Line(line.limit)) for name, line in book.pool.items()}
        books[team] = Book({a: Line(line.limit) for a, line in lines[team].items()}, pool, may_borrow)
        book.may_borrow = may_borrow
    for team, step, lane in steps:
        ours, theirs = quick[team], books[team]
        assert ours.shortage(lane.demand) == theirs.shortage(lane.demand)
        assert ours.borrows(lane.demand) == theirs.borrows(lane.demand)
        if step == "take" and theirs.shortage(lane.demand) is None:
            ours.take(lane.demand)
            theirs.take(lane.demand)
        elif step == "promise":
            ours.promise(lane.demand)
            theirs.promise(lane.demand)
        assert ours.share == theirs.share


def test_a_months_hours_that_are_used_up_keep_everything_back():
    spent = {Account(Scope.TEAM, "cpu_hours"): Line(100, 100)}
    demand = Lane(1, 1, 1, 1000, 0).demand
    assert QuickBook(dict(spent)).shortage(demand) == Book(dict(spent)).shortage(demand) is not None


def test_a_promise_is_forgotten_after_each_look(play):
    # The large job has waited for five minutes when the first ends: it comes next, and the small ones follow it.
    starts = play({1: 4000}, [(1, 4000, 0, 400), (1, 4000, 10, 50), (1, 1000, 20, 5), (1, 1000, 30, 5)])
    assert starts == {1: 0, 2: 400, 3: 450, 4: 450}


def test_what_has_room_overtakes_until_patience_is_over(play):
    jobs = [(1, 3000, 0, 1000), (1, 2000, 10, 50), (1, 1000, 20, 10), (1, 1000, 900, 10)]
    starts = play({1: 4000}, jobs)
    assert starts[3] == 20
    # Job 2 has waited for more than five minutes; job 4 would fit at once and does not start before it.
    assert starts[2] == starts[4] == 1000


def test_teams_that_share_borrow_and_give_back(play):
    jobs = [(1, 1000, 0, 100), *[(2, 1000, 1, 50 + n) for n in range(4)], (1, 1000, 2, 10), (2, 1000, 3, 10)]
    starts = play({1: 2000, 2: 2000}, jobs, sharing={1, 2})
    # Team 2 has three of four cores: one is borrowed, and team 1 gets it first when it comes back.
    assert [starts[n] for n in (2, 3, 4)] == [1, 1, 1]
    assert starts[6] == 51
    assert starts[6] <= min(starts[5], starts[7])


def test_a_job_that_never_fits_never_starts_and_holds_up_nobody(play):
    assert play({1: 4000}, [(1, 8000, 0, 1), (1, 1000, 1, 1)]) == {2: 1}


def test_the_same_comes_out_each_time_and_a_month_takes_seconds():
    month = make_month(3, 8, 20_000)
    began = time.process_time()
    found = [
        played(
            {t: {a: line.limit for a, line in each.items()} for t, each in month.lines.items()},
            month.jobs,
            month.sharing,
        )
        for _ in range(2)
    ]
    assert (time.process_time() - began) / 2 < 10
    assert found[0].starts == found[1].starts
    assert len(found[0].starts) == 20_000
