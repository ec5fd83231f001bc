"""Who starts next: order, lanes, and a bound on how long a large job is overtaken. On plain values."""

from dataclasses import dataclass, replace

import pytest

from jobs.admission.choosing import Block, Pace, choose
from jobs.admission.lanes import Lane, Waiting
from teams.models import Scope
from teams.quota.book import Account, Book, Demand, Line

SMALL = Lane(1, 7, 1, 1000, 0)
LARGE = replace(SMALL, cpu_millis=8000)
CPU = Account(Scope.TEAM, "cpu_millis")
PACE = Pace(patience=300)


@dataclass
class Queue:
    """Jobs by lane, as (id, seconds waited)."""

    jobs: dict[Lane, list[tuple[int, float]]]

    def firsts(self):
        return [Waiting(lane, *jobs[0]) for lane, jobs in self.jobs.items() if jobs]

    def more(self, last, most):
        return [Waiting(last.lane, *job) for job in self.jobs[last.lane] if job[0] > last.job_id][:most]

    def choose(self, book, closed=None, pace=PACE):
        return choose(self.firsts(), book, closed or {}, self.more, pace)


def ids(choice):
    return [each.job_id for each in choice.starting]


def book(limit=8000, used=0):
    return Book({CPU: Line(limit, used)})


def test_the_oldest_start_first_and_no_more_than_there_is_room_for():
    other = replace(SMALL, owner_id=8)
    queue = Queue({SMALL: [(1, 9), (4, 6), (5, 5)], other: [(2, 8), (3, 7)]})
    choice = queue.choose(book(4000))
    assert ids(choice) == [1, 2, 3, 4]
    assert choice.blocks[SMALL].shortage.used == 4000
    assert not choice.has_more


def test_a_higher_priority_comes_before_age():
    high, low = replace(SMALL, priority=2), replace(SMALL, priority=0)
    queue = Queue({low: [(1, 99)], SMALL: [(2, 50)], high: [(3, 1)]})
    assert ids(queue.choose(book(2000))) == [3, 2]


def test_what_has_no_room_does_not_hold_up_what_has():
    queue = Queue({LARGE: [(1, 10)], SMALL: [(2, 9), (3, 8)]})
    choice = queue.choose(book(8000, used=1000))
    assert ids(choice) == [2, 3]
    assert set(choice.blocks) == {LARGE}


def test_what_has_waited_long_is_not_overtaken_any_more():
    queue = Queue({LARGE: [(1, 300)], SMALL: [(2, 9), (3, 8)]})
    choice = queue.choose(book(8000, used=1000))
    assert ids(choice) == []
    assert choice.blocks[SMALL].behind == 1
    assert choice.blocks[LARGE].behind is None


def test_it_holds_back_only_what_needs_the_same():
    elsewhere = Lane(2, 7, 1, 1000, 0)
    lines = {Account(Scope.CLUSTER, "cpu_millis", cluster_id=1): Line(8000, 1000)}
    queue = Queue({LARGE: [(1, 999)], SMALL: [(2, 9)], elsewhere: [(3, 8)]})
    assert ids(queue.choose(Book(lines))) == [3]


def test_what_never_fits_holds_back_nobody():
    huge = replace(SMALL, cpu_millis=9000)
    choice = Queue({huge: [(1, 9999)], SMALL: [(2, 1)]}).choose(book(8000))
    assert ids(choice) == [2]
    assert choice.blocks[huge].shortage.is_never


def test_those_before_it_in_the_order_still_go_first():
    high = replace(SMALL, priority=2)
    queue = Queue({LARGE: [(1, 999)], high: [(2, 1)]})
    assert ids(queue.choose(book(8000, used=1000))) == [2]


def test_a_closed_lane_is_told_and_takes_nothing():
    closed = {SMALL: Block("paused", detail="Back at noon.")}
    choice = Queue({SMALL: [(1, 999)], LARGE: [(2, 1)]}).choose(book(8000), closed)
    assert ids(choice) == [2]
    assert choice.blocks == closed


def test_as_many_as_one_transaction_takes_then_there_is_more():
    queue = Queue({SMALL: [(number, 1) for number in range(1, 10)]})
    choice = queue.choose(Book(), pace=Pace(most=4))
    assert ids(choice) == [1, 2, 3, 4]
    assert choice.has_more


def test_a_team_borrows_a_little_at_a_time():
    shared = Book({CPU: Line(2000)}, {"cpu_millis": Line(100_000)})
    queue = Queue({SMALL: [(number, 1) for number in range(1, 50)]})
    choice = queue.choose(shared, pace=Pace(borrowed=4))
    assert ids(choice) == [1, 2, 3, 4, 5, 6]
    assert choice.has_more


@pytest.mark.parametrize("limit_of_small", [10, 60])
def test_a_large_job_starts_within_the_stated_bound_however_many_small_ones_come(limit_of_small):
    """PATIENCE, and then the longest time limit of what runs by then. Small ones never cease to come."""
    patience, runs = 300, [(limit_of_small, SMALL)]
    started, next_id, clock = {}, 2, 0
    waiting = {LARGE: [(1, 0)], SMALL: []}
    while 1 not in started and clock < 10_000:
        runs = [(end, lane) for end, lane in runs if end > clock]
        while len(waiting[SMALL]) < 3:
            waiting[SMALL].append((next_id, clock))
            next_id += 1
        used = sum(lane.cpu_millis for _, lane in runs)
        queue = Queue({lane: [(pk, clock - since) for pk, since in jobs] for lane, jobs in waiting.items()})
        for each in queue.choose(book(8000, used), pace=Pace(patience=patience)).starting:
            started[each.job_id] = clock
            waiting[each.lane] = [job for job in waiting[each.lane] if job[0] != each.job_id]
            runs.append((clock + (limit_of_small if each.lane == SMALL else 100), each.lane))
        clock += 7
    assert started[1] <= patience + limit_of_small + 7
    assert started[1] > patience, "without small ones it would have started at once: this shows nothing"


def test_in_a_queue_of_thousands_only_lanes_are_looked_at():
    asked = []
    queue = Queue({SMALL: [(number, 1) for number in range(1, 10_000)], LARGE: [(20_000, 1)]})
    more = queue.more

    def counted(last, most):
        asked.append(most)
        return more(last, most)

    queue.more = counted
    queue.choose(book(3000))
    assert len(asked) == 1


def test_the_demand_is_the_lanes():
    assert Lane(1, 7, 1, 500, 9, "x/gpu", 2).demand == Demand(
        1, 7, {"jobs": 1, "cpu_millis": 500, "memory_bytes": 9, "gpu:x/gpu": 2}
    )
