"""How much is asked of an API server, on a clock of the test's own."""

import pytest

from clusters.driver import ClusterUnreachable
from clusters.kubernetes.pace import BRIEF, FAILURES, LONGEST_PAUSE, LONGEST_REST, Breaker, Pace


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def test_a_burst_passes_and_then_the_rate_holds(clock):
    pace = Pace(10, burst=5, clock=clock, sleep=clock.sleep)
    for _ in range(5):
        pace.take()
    assert clock.now == pytest.approx(1000.0)
    for _ in range(20):
        pace.take()
    assert clock.now == pytest.approx(1002.0)
    clock.now += 60
    began = clock.now
    for _ in range(5):
        pace.take()
    assert clock.now == pytest.approx(began)


def test_whoever_would_wait_too_long_is_told_and_takes_no_turn(clock):
    pace = Pace(1, burst=1, clock=clock, sleep=lambda seconds: None)
    for _ in range(3):
        pace.take()
    for _ in range(100):
        with pytest.raises(ClusterUnreachable, match="asks for less"):
            pace.take()
    clock.now += 2
    pace.take()


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(None, 1, 1.25), (30, 30, 37.5), (86400, 60, 75), (-5, 0, 0)]
)
def test_a_pause_is_as_long_as_asked_within_bounds(clock, asked, least, most):
    waits = []
    pace = Pace(1000, clock=clock, sleep=waits.append)
    pace.pause(asked)
    pace.take(longest=1000)
    assert least <= sum(waits) <= most
    assert most <= LONGEST_PAUSE * 1.25


def test_a_longer_pause_is_not_shortened_by_a_later_one(clock):
    pace = Pace(1000, clock=clock, sleep=clock.sleep)
    pace.pause(30)
    pace.pause(1)
    clock.now += 20
    with pytest.raises(ClusterUnreachable):
        pace.take(BRIEF)


def test_a_dead_server_is_tried_by_one_at_a_time(clock):
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.check()
        breaker.failed("It is dead.")
    with pytest.raises(ClusterUnreachable, match=r"It is dead\. It is tried again"):
        breaker.check()
    clock.now += 1.01
    breaker.check()
    with pytest.raises(ClusterUnreachable):
        breaker.check()
    breaker.answered()
    breaker.check()
    breaker.check()


def test_a_server_that_is_back_is_found_within_seconds(clock):
    breaker = Breaker(clock)
    for _ in range(50):
        breaker.failed("It is dead.")
    clock.now += LONGEST_REST
    breaker.check()
