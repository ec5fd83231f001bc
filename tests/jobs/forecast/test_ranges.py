"""A range as it is said, and judged as it was said."""

import pytest

from jobs.forecast.ranges import Range, range_of

MIN, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("early", "late", "words"),
    [
        (0, 5 * MIN, "less than 5 min"),
        (10 * MIN, 25 * MIN, "10–25 min"),
        (20 * MIN, 3 * HOUR, "20 min – 3 h"),
        (2 * HOUR, 4.5 * HOUR, "2–4.5 h"),
        (3 * DAY, 5 * DAY, "3–5 days"),
        (5 * MIN, 5 * MIN, "5 min"),
        (0, 2 * DAY, "less than 2 days"),
        (2 * HOUR, None, "more than 2 h"),
        (20 * HOUR, 3 * DAY, "20 h – 3 days"),
    ],
)
def test_words(early, late, words):
    assert Range(early, late).words == words


def test_a_range_is_rounded_outwards_so_that_it_holds_what_the_draws_had():
    found = range_of([620.0, 700.0, 1210.0])
    assert found.early <= 620
    assert found.late >= 1210
    assert found.early % 60 == found.late % 60 == 0
    assert found.median == 700


def test_where_most_draws_were_cut_the_end_is_open():
    assert range_of([4000.0] * 5, [4000.0] * 5).late is None
    assert range_of([], [4000.0] * 8).words == "more than 60 min"
    assert range_of([4000.0] * 40, [4000.0]).late is not None


def test_nothing_is_said_of_nothing():
    assert range_of([]) is None
    assert range_of([], [10.0] * 8) is None


def test_it_holds_from_its_first_to_its_last_second():
    assert [Range(60, 120).holds(seconds) for seconds in (59, 60, 120, 121)] == [False, True, True, False]
    assert Range(60, None).holds(1e9)
