"""The state of teams as the database has it: what runs, what waits, what is closed; and what is similar."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.admission.admit import admit_team
from jobs.forecast.reading import read_state
from jobs.forecast.similar import SQL, Similar, kind_of
from jobs.models import Job
from teams.models import Pause, Scope, Team
from teams.quota.book import Account
from teams.quota.limits import set_limits, set_sharing

HOUR = 3600


@pytest.fixture
def ran(make_job):
    """`ran(60, 70, name="train")`: jobs that ran for so many seconds."""

    def make(*seconds, **fields):
        begun = timezone.now() - timedelta(days=1)
        return [
            make_job(
                status="succeeded",
                running_at=begun,
                finishing_at=begun + timedelta(seconds=each),
                finished_at=begun + timedelta(seconds=each + 1),
                **fields,
            )
            for each in seconds
        ]

    return make


def test_similar_runs_from_the_same_script_to_all_of_the_profile(ran, make_job, bob, charlie):
    ran(10, 20, name="train")
    ran(30, name="other")
    ran(40, owner=bob, name="train")
    ran(50, owner=charlie, name="train")
    ran(60, owner=charlie, profile_label="Large")
    kind = kind_of(make_job(name="train"))
    levels = Similar([kind]).times(kind, HOUR).levels
    assert [list(level) for level in levels] == [
        [10, 20],
        [10, 20, 30],
        [10, 20, 30, 40],
        [10, 20, 30, 40, 50],
    ]


def test_only_the_newest_fifty_and_only_what_ended_counts(ran, make_job):
    ran(*range(1, 61), name="train")
    make_job(name="train", status="running")
    kind = kind_of(make_job(name="train"))
    assert Similar([kind]).times(kind, HOUR).levels[0] == [float(each) for each in range(11, 61)]


def test_each_kind_gets_its_own(ran, make_job):
    ran(10, name="a")
    ran(99, name="b")
    one, other = kind_of(make_job(name="a")), kind_of(make_job(name="b"))
    similar = Similar([one, other])
    assert similar.times(one, HOUR).levels[0] == [10]
    assert similar.times(other, HOUR).levels[0] == [99]


COPY = """
INSERT INTO jobs_job ({columns}) SELECT {values} FROM jobs_job, generate_series(1, %s) AS n WHERE jobs_job.id = %s
"""
CHANGED = {
    "id": "jobs_job.id + n",
    "submit_key": "gen_random_uuid()",
    "name": "'script ' || n %% 500",
    "profile_label": "CASE WHEN n %% 3 = 0 THEN 'Large' ELSE profile_label END",
}


def many(job, count):
    """Copies of the job, of 500 scripts."""
    with connection.cursor() as cursor:
        columns = [field.column for field in Job._meta.concrete_fields]
        values = [CHANGED.get(column, f"jobs_job.{column}") for column in columns]
        sql = COPY.format(columns=", ".join(columns), values=", ".join(values))
        cursor.execute(sql, [count, job.pk])
        cursor.execute("ANALYZE jobs_job")


@pytest.fixture
def history(ran):
    (job,) = ran(60, name="script 0")
    many(job, 20_000)
    return job


@pytest.mark.parametrize("level", ["script", "owner", "team", "profile"])
def test_similar_runs_are_read_in_an_index_and_never_more_than_fifty(level, history):
    kind = kind_of(history)
    key = next(key for key in kind.levels if key[0] == level)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE) " + SQL[level], [*([value] for value in key[1:]), 50])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "job_ran_" in plan
    assert "Seq Scan on jobs_job" not in plan
    assert "Sort" not in plan.partition("Limit")[2]
    # One owner and one team here: no index of a wider level reads more than the fifty either.
    assert "Rows Removed by Filter" not in plan


def test_what_runs_and_what_waits_is_read_with_how_long(make_job, team, ran):
    set_limits(team.pk, {Account(Scope.TEAM, "cpu_millis"): 1000})
    first, second = make_job(), make_job(created_at=timezone.now() - timedelta(seconds=30))
    assert list(admit_team(team.pk).started) == [first.pk]
    type(first).objects.filter(pk=first.pk).update(
        status="running", running_at=timezone.now() - timedelta(seconds=90)
    )
    state = read_state(team.pk)
    (held,), (queued,) = state.situation.held, state.situation.queued
    assert (held.id, queued.id) == (first.pk, second.pk)
    assert 90 <= held.elapsed < 100
    assert 30 <= queued.seconds < 40
    assert state.situation.lines[team.pk][Account(Scope.TEAM, "cpu_millis")].used == 1000
    assert state.cause_of(queued) == "team_quota"
    assert state.situation.closed[team.pk] == {}


@pytest.mark.parametrize("why", ["pause", "team pause", "cluster pause", "silent", "off", "disabled", "full"])
def test_what_ends_nobody_knows_when_is_closed(why, make_job, team, cluster):
    make_job()
    blocked = {"full": "cluster_full"}.get(why)
    changes = {
        "pause": lambda: Pause.objects.create(message="x"),
        "team pause": lambda: Pause.objects.create(message="x", team=team),
        "cluster pause": lambda: Pause.objects.create(message="x", cluster=cluster),
        "silent": lambda: type(cluster).objects.update(unreachable_since=timezone.now()),
        "off": lambda: type(cluster).objects.update(is_enabled=False),
        "disabled": lambda: Team.objects.update(disabled_at=timezone.now()),
        "full": lambda: None,
    }
    changes[why]()
    if blocked:
        _block(team, blocked)
    state = read_state(team.pk)
    assert len(state.situation.closed[team.pk]) == 1


def test_a_pause_of_another_team_or_cluster_closes_nothing(make_job, team, other_team):
    make_job()
    Pause.objects.create(message="x", team=other_team)
    assert read_state(team.pk).situation.closed[team.pk] == {}


def _block(team, reason):
    from jobs.models import TeamQueue
    from jobs.models.queue import lane_key

    job = Job.objects.get()
    row = {"lane": lane_key(job), "reason": reason, "detail": "", "facts": {}, "behind": None}
    TeamQueue.objects.create(team=team, blocked=[row])


def test_teams_that_share_belong_to_the_picture(make_job, team, other_team, charlie):
    for each in (team, other_team):
        set_limits(each.pk, {Account(Scope.TEAM, "cpu_millis"): 1000})
        set_sharing(each.pk, shares=True)
    theirs = [make_job(owner=charlie) for _ in range(2)]
    admit_team(other_team.pk)
    mine = make_job()
    situation = read_state(team.pk).situation
    assert sorted(situation.sharing) == sorted([team.pk, other_team.pk])
    assert {job.id for job in situation.held} == {job.pk for job in theirs}
    assert [job.id for job in situation.queued] == [mine.pk]
    assert situation.pool["cpu_millis"].used == 2000


def test_teams_that_do_not_share_are_not_read(make_job, team, other_team, charlie):
    make_job(owner=charlie)
    make_job()
    assert set(read_state(team.pk).situation.lines) == {team.pk}


def test_reading_takes_as_many_statements_for_many_jobs_as_for_one(
    make_job, team, django_assert_max_num_queries
):
    for number in range(12):
        make_job(name=f"script {number}")
    with django_assert_max_num_queries(16):
        read_state(team.pk)
