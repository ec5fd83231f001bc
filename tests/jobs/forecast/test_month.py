"""The synthetic month: ranges hold in at least 80 % of it, and an estimator that is wrong is found out."""

from statistics import median

import pytest
from django.core.management import CommandError, call_command

from jobs.forecast import month as months
from jobs.forecast.month import make_month, run_month
from jobs.forecast.playing import forecast
from jobs.forecast.ranges import Range

SMALL = {"seed": 5, "teams": 4, "jobs": 2_500}


@pytest.fixture(scope="module")
def month():
    return make_month(**SMALL)


def test_ranges_hold_in_four_of_five_cases_and_say_something(month):
    found = run_month(month, estimates=200)
    assert len(found.is_right) >= 100
    assert found.held >= 0.8
    # Ranges that say "some day" would hold, too.
    assert found.relative_width < 2.5


def too_early(situation, team, seed):
    """Everything starts in half of the time."""
    told = forecast(situation, team, seed)
    return {job: Range(each.early / 2, (each.late or 0) / 2) for job, each in told.items()}


def too_sure(situation, team, seed):
    """The median as if it were certain."""
    told = forecast(situation, team, seed)
    return {job: Range((each.median or 0) * 0.9, (each.median or 0) * 1.1) for job, each in told.items()}


def first_of_limits(situation, team, seed):
    """Everybody runs to the time limit: what one would say without looking at the past."""
    limit = max(job.times.limit for job in situation.queued)
    return {job.id: Range(limit * 0.5, limit) for job in situation.queued}


@pytest.mark.parametrize("wrong", [too_early, too_sure, first_of_limits])
def test_a_wrong_estimator_is_found_out(month, wrong):
    assert run_month(month, estimates=120, estimator=wrong).held < 0.8


def test_the_month_looks_real(month):
    """Office hours, a spread of run times over orders of magnitude, failures at the beginning, sweeps."""
    jobs = month.jobs
    assert len(jobs) == SMALL["jobs"]
    assert [job.arrives for job in jobs] == sorted(job.arrives for job in jobs)
    at_work = [job for job in jobs if 8 <= job.arrives % 86400 / 3600 < 19]
    assert len(at_work) > 0.7 * len(jobs)
    seconds = sorted(job.seconds for job in jobs)
    assert seconds[len(seconds) * 9 // 10] > 4 * median(seconds)
    assert all(job.seconds <= month.scripts[job.id].limit for job in jobs)
    assert sum(second < 90 for second in seconds) > 0.03 * len(jobs)
    apart = [later.arrives - sooner.arrives for sooner, later in zip(jobs, jobs[1:], strict=False)]
    assert sum(each < 5 for each in apart) > 0.2 * len(apart)


def test_the_same_seed_is_the_same_month():
    assert make_month(1, 2, 300) == make_month(1, 2, 300)
    assert make_month(1, 2, 300).jobs != make_month(2, 2, 300).jobs


def test_the_command_prints_its_figures(capsys):
    call_command("simulate_month", seed=5, teams=4, jobs=1500, estimates=80)
    said = capsys.readouterr().out
    assert "ranges that held: " in said
    assert "median width of a range: " in said
    assert "team 4 (alone ): " in said
    assert "longest wait: " in said


def test_the_command_fails_where_too_few_hold(monkeypatch):
    def wrong(month, estimates, seed):
        return run_month(month, estimates, seed, too_sure)

    monkeypatch.setattr("jobs.management.commands.simulate_month.run_month", wrong)
    with pytest.raises(CommandError, match="Fewer than 80 %"):
        call_command("simulate_month", seed=5, teams=4, jobs=1500, estimates=80)


def test_estimates_see_nothing_of_the_future(month):
    """What is told at a moment is the same, whatever comes later."""
    told = []

    def spy(situation, team, seed):
        told.append((team, seed, len(situation.held), len(situation.queued)))
        return {}

    run_month(month, 50, estimator=spy)
    full = list(told)
    told.clear()
    cut = months.Month(month.jobs[:2000], month.scripts, month.lines, month.sharing)
    simulator_share = [each for each in full if each[1] <= 2000]
    run_month(cut, 10**9, estimator=spy)
    assert set(simulator_share) <= set(told)
