"""What the new-job form says before the click: starts at once, waits for what and how long, or cannot start."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.admission.admit import admit_team
from jobs.admission.release import release_ended
from jobs.forecast.before_sending import Ask, say_before
from jobs.models import Attempt, Job, TeamQueue
from teams.models import Pause, QuotaLine, Scope
from teams.quota.book import Account
from teams.quota.limits import set_limits, set_sharing

CPU, JOBS = Account(Scope.TEAM, "cpu_millis"), Account(Scope.TEAM, "jobs")


@pytest.fixture
def say(team, alice, profile, forget):
    """What is said of a job of Alice's with the profile; `cpu` as it asks."""

    def ask(cpu=1000, of=alice, **fields):
        forget()
        profile.cpu_millis = cpu
        return say_before(Ask(team.pk, of.pk, profile, 3600, "train", "main.py", **fields))

    return ask


@pytest.fixture
def busy(make_job, team):
    """`busy(14)`: so many jobs of one core run, and such jobs take ten minutes."""

    def run(count, **fields):
        begun = timezone.now() - timedelta(days=1)
        for _ in range(5):
            times = {"running_at": begun, "finishing_at": begun + timedelta(minutes=10)}
            make_job(name="train", status="succeeded", **times)
        jobs = [make_job(name="train", **fields) for _ in range(count)]
        admit_team(jobs[0].team_id)
        Job.objects.filter(status="starting").update(status="running", running_at=timezone.now())
        return jobs

    return run


def test_it_starts_at_once_without_limits_and_within_them(say, team, busy):
    assert say() == "Starts at once."
    set_limits(team.pk, {CPU: 16_000})
    busy(3)
    assert say() == "Starts at once."


def test_it_waits_for_what_is_in_use_and_says_how_long(say, team, busy):
    set_limits(team.pk, {CPU: 4000})
    busy(3)
    said = say(2000)
    assert said.startswith("Waits for CPU: the team uses 3 of 4 cores; likely start in ")
    assert "min" in said
    assert "before it" not in said


def test_it_counts_those_before_it_and_a_higher_priority_comes_first(say, team, busy):
    set_limits(team.pk, {JOBS: 2})
    busy(5)
    assert say().startswith("Waits for a place: the team uses 2 of 2 running jobs; likely start in ")
    assert say().endswith("; 3 jobs are before it.")
    assert "before it" not in say(priority=2)
    assert say(priority=0).endswith("; 3 jobs are before it.")


def test_it_cannot_start_when_it_asks_for_more_than_there_is(say, team):
    set_limits(team.pk, {CPU: 4000, JOBS: 9})
    assert say(8000) == (
        "Cannot start like this: it asks for 8 cores, and the team's quota is 4 cores in all. "
        "Choose a smaller profile, or ask an admin for a larger quota."
    )
    set_limits(team.pk, {JOBS: 0})
    assert say() == "Cannot start like this: the quota of running jobs is 0. Ask an admin for a larger quota."


def test_ones_own_limit_and_that_of_a_cluster_are_named(say, team, busy, cluster, bob):
    set_limits(team.pk, {Account(Scope.MEMBER, "cpu_millis"): 2000})
    busy(2)
    assert say().startswith("Waits for CPU: you use 2 of 2 cores;")
    assert say(of=bob) == "Starts at once."
    set_limits(team.pk, {Account(Scope.CLUSTER, "jobs", cluster_id=cluster.pk): 2})
    assert say(of=bob).startswith("Waits for a place: the team uses there 2 of 2 running jobs;")


def test_what_others_borrowed_is_told(say, team, other_team, busy, charlie):
    for each in (team, other_team):
        set_limits(each.pk, {JOBS: 2})
        set_sharing(each.pk, shares=True)
    busy(4, owner=charlie)
    assert say().startswith("Waits for a place: other teams have borrowed what the team may use")


def test_an_hours_budget_that_is_used_up_is_told(say, team, busy, make_job):
    begun = timezone.now() - timedelta(minutes=30)
    make_job(status="running", running_at=begun)
    set_limits(team.pk, {Account(Scope.TEAM, "cpu_hours"): 1})
    assert say() == "Waits for the next month: the CPU-hours of this one are used up for the team."


def test_where_a_pause_holds_everything_quotas_say_nothing(say):
    Pause.objects.create(message="x")
    assert say() == ""


def test_asking_changes_nothing(say, team, busy):
    set_limits(team.pk, {JOBS: 2})
    busy(3)
    before = (
        list(QuotaLine.objects.values()),
        Job.objects.count(),
        Attempt.objects.count(),
        list(TeamQueue.objects.values()),
    )
    say()
    assert before == (
        list(QuotaLine.objects.values()),
        Job.objects.count(),
        Attempt.objects.count(),
        list(TeamQueue.objects.values()),
    )


def test_what_is_said_is_what_admission_does(say, team, busy, make_job):
    """Whatever is in use: told to start at once, the job does; told to wait, it does not."""
    set_limits(team.pk, {CPU: 5000, JOBS: 4})
    for cpu in (1000, 3000, 1000, 2000, 1000, 500):
        is_told = say(cpu) == "Starts at once."
        job = make_job(cpu_millis=cpu)
        assert (job.pk in admit_team(team.pk).started) is is_told


def test_what_was_said_a_moment_ago_is_not_said_again_when_it_is_no_longer_so(
    team, alice, profile, busy, make_job
):
    """Nobody clears the cache here."""
    ask = Ask(team.pk, alice.pk, profile, 3600, "train", "main.py")
    set_limits(team.pk, {JOBS: 2})
    assert say_before(ask) == "Starts at once."
    (job,) = busy(1)
    set_limits(team.pk, {JOBS: 1})
    assert "1 of 1 running jobs" in say_before(ask)
    make_job(name="train")
    assert "1 job is before it" in say_before(ask)
    Attempt.objects.filter(job=job).update(seen_state="ended")
    Job.objects.filter(status="queued").update(cancel_requested_at=timezone.now(), status="cancelled",
                                               finished_at=timezone.now())  # fmt: skip
    Job.objects.filter(pk=job.pk).update(status="succeeded", finished_at=timezone.now())
    release_ended()
    assert say_before(ask) == "Starts at once."
