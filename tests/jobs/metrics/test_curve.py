"""Curves stay small and keep their lowest and highest points."""

import math
import random

from jobs.metrics.curve import MOST_POINTS, grown, thinned


def test_a_short_curve_stays_as_it_is():
    assert thinned([(0.0, 1.0), (1.0, 2.0)], 10) == [(0.0, 1.0), (1.0, 2.0)]


def test_a_long_one_keeps_its_ends_and_extremes():
    points = [(float(step), math.sin(step / 100)) for step in range(10_000)]
    points[4321] = (4321.0, 50.0)
    points[777] = (777.0, -50.0)
    kept = thinned(points, 100)
    assert len(kept) <= 100
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert {(4321.0, 50.0), (777.0, -50.0)} <= set(kept)


def test_growing_for_ever_it_stays_within_its_bounds_and_loses_no_extreme():
    chance = random.Random(7)
    kept: list = []
    values = [chance.gauss(0, 1) for _ in range(20_000)]
    for step, value in enumerate(values):
        kept = grown([s for s, _ in kept], [v for _, v in kept], [(float(step), value)])
        if step % 500 == 0:
            assert len(kept) <= MOST_POINTS
    assert min(v for _, v in kept) == min(values)
    assert max(v for _, v in kept) == max(values)


def test_steps_of_any_size_and_order_are_taken():
    huge = [(1.7e308, 1.0), (-1.7e308, 2.0), (0.0, 3.0)] * 10
    assert len(thinned(huge, 8)) <= 8
    same = [(1.0, float(value)) for value in range(100)]
    assert {value for _, value in thinned(same, 10)} == {0.0, 99.0}
