"""How long a job will run: quantiles of what is similar, of those that ran as long already, never above the limit."""

from random import Random

from hypothesis import given
from hypothesis import strategies as some

from jobs.forecast.run_times import RunTimes

SCRIPT, OWNER, TEAM, ALL = [10.0, 20.0, 30.0], [100.0] * 5, [200.0] * 5, [1000.0] * 5


def test_the_narrowest_kind_with_enough_runs_counts():
    assert RunTimes([SCRIPT, OWNER, TEAM, ALL], 3600).quantile(0.5) == 20
    assert RunTimes([SCRIPT[:2], OWNER, TEAM, ALL], 3600).quantile(0.5) == 100
    assert RunTimes([[], [], TEAM, ALL], 3600).quantile(0.5) == 200
    assert RunTimes([[], [], [], ALL], 3600).quantile(0.5) == 1000


def test_few_runs_are_better_than_none():
    assert RunTimes([[7.0], []], 3600).quantile(0.5) == 7


def test_quantiles_lie_between_the_runs():
    runs = RunTimes([[0.0, 10.0, 20.0, 30.0, 40.0]], 3600)
    assert [runs.quantile(share) for share in (0, 0.1, 0.5, 0.9, 1)] == [0, 4, 20, 36, 40]


def test_only_runs_that_were_longer_speak_for_one_that_runs_already():
    times = RunTimes([[5.0, 6.0, 7.0, 600.0, 700.0, 800.0]], 3600)
    assert times.quantile(0.5) < 600
    assert times.quantile(0.5, elapsed=60) == 700
    assert all(times.sampler(Random(seed)).draw(60) > 60 for seed in range(50))


def test_where_no_similar_one_ran_so_long_wider_ones_are_asked():
    assert RunTimes([SCRIPT, [500.0] * 3], 3600).quantile(0.5, elapsed=60) == 500


def test_without_any_past_it_is_anything_up_to_the_limit():
    times = RunTimes([[], []], 1000)
    drawn = sorted(times.sampler(Random(seed)).draw() for seed in range(200))
    assert times.quantile(0.5) is None
    assert 0 < drawn[0] < 100
    assert 900 < drawn[-1] <= 1000


@given(
    some.lists(some.lists(some.floats(0, 1e5), max_size=8).map(sorted), max_size=4),
    some.floats(1, 1e5),
    some.floats(0, 1e5),
    some.integers(0, 99),
)
def test_a_draw_is_longer_than_what_ran_and_never_above_the_limit(levels, limit, elapsed, seed):
    drawn = RunTimes(levels, limit).sampler(Random(seed)).draw(elapsed)
    assert drawn >= elapsed
    assert drawn <= max(limit, elapsed + 1)


def test_of_a_script_that_is_known_each_run_is_drawn_from_its_own():
    sampler = RunTimes([[100.0] * 50, [9000.0] * 50], 1e5).sampler(Random(1))
    assert all(50 < sampler.draw() < 200 for _ in range(100))


def test_runs_of_a_script_that_is_not_known_are_alike_within_one_draw():
    """A sweep of something new is long as a whole or short as a whole: averages of many kinds would hide that."""
    wide = RunTimes([[], [10.0, 100.0, 1000.0, 10_000.0]], 1e6)

    def swept(seed):
        sampler = wide.sampler(Random(seed))
        return sum(sampler.draw() for _ in range(50))

    sums = sorted(swept(seed) for seed in range(100))
    assert sums[90] > 50 * sums[10]


def test_the_few_runs_of_its_own_count_more_than_many_of_others():
    times = RunTimes([[60.0], [5000.0] * 50], 1e5)
    drawn = [times.sampler(Random(seed)).draw() for seed in range(200)]
    assert 0.5 < sum(each < 1000 for each in drawn) / 200 < 0.9
