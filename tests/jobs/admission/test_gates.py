"""What keeps a team's jobs back whatever the quota: pauses, disabled teams, silent and full clusters."""

import pytest
from django.db import connection
from django.utils import timezone

from jobs.admission import gates, queues
from jobs.admission.admit import admit_due
from jobs.models import Attempt, Job
from jobs.reconciler.sightings import not_reached, reached
from teams.models import Pause, Team
from tests import cast
from tests.jobs.admission.conftest import due_teams, nothing_due, why


def test_a_pause_is_told_with_its_message(make_job, team, cluster, admit):
    job = make_job()
    for scope in ({}, {"team": team}, {"cluster": cluster}):
        pause = Pause.objects.create(message="Moving the machine room until noon.", **scope)
        assert admit() == []
        assert why(job) == "paused"
        assert "machine room until noon" in Job.objects.get(pk=job.pk).sentence
        pause.delete()
    assert admit() == [job.pk]


def test_a_pause_of_something_else_holds_nobody(make_job, other_team, admit):
    Pause.objects.create(team=other_team, message="Busy.")
    Pause.objects.create(cluster=cast.new_cluster("other", "Other"), message="Busy.")
    make_job()
    assert len(admit()) == 1


def test_what_waits_for_a_cluster_that_was_switched_off_ends_although_it_is_paused(make_job, cluster, admit):
    job = make_job(next_look_at=None)
    Pause.objects.create(cluster=cluster, message="Busy.")
    type(cluster).objects.update(is_enabled=False)
    assert admit() == []
    assert Job.objects.get(pk=job.pk).next_look_at is not None


def test_nothing_of_a_disabled_team_starts(make_job, team, admit):
    job = make_job()
    Team.objects.update(disabled_at=timezone.now())
    assert admit() == []
    assert why(job) == "team_disabled"


def test_a_silent_cluster_gets_nothing_and_who_waits_is_woken_when_it_answers(make_job, cluster, team, admit):
    not_reached(cluster.pk, "It does not answer.")
    job = make_job()
    assert admit() == []
    assert why(job) == "cluster_silent"
    nothing_due()
    reached(cluster.pk)
    assert due_teams() == [team.pk]
    assert admit() == [job.pk]


@pytest.fixture
def crowd(make_job, admit):
    """As many jobs as may wait at a full cluster."""
    jobs = [make_job() for _ in range(gates.MOST_WAITING_THERE)]
    admit()
    Attempt.objects.update(seen_state="pending", seen_reason="unschedulable")
    return jobs


def test_at_a_full_cluster_only_so_many_wait_and_the_rest_here(crowd, make_job, team, admit):
    job = make_job()
    assert admit() == []
    assert why(job) == "cluster_full"
    Attempt.objects.filter(job=crowd[0]).update(seen_state="running", seen_reason="")
    Job.objects.filter(pk=crowd[0].pk).update(status="running")
    assert admit() == [job.pk]


def test_what_needs_other_nodes_is_not_held(crowd, make_job, admit):
    job = make_job(gpu_resource="nvidia.com/gpu", gpu_count=1)
    assert admit() == [job.pk]


def test_without_anybody_who_waits_for_a_node_there_is_no_end(make_job, admit):
    for _ in range(gates.MOST_WAITING_THERE + 5):
        make_job()
    assert len(admit()) == gates.MOST_WAITING_THERE + 5


def _steps(plan):
    yield plan
    for below in plan.get("Plans", []):
        yield from _steps(below)


def test_in_a_rush_those_that_start_are_not_counted(make_job, cluster, admit):
    """Where none waits for a node no row is read, by the tables' indexes or without statistics of them."""
    for _ in range(60):
        make_job()
    admit()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {gates.CROWDS}", [[cluster.pk]])
        ((found,),) = cursor.fetchall()
    scans = [step for step in _steps(found[0]["Plan"]) if step.get("Relation Name", "").startswith("jobs_")]
    assert len(scans) == 4
    read = [
        step["Actual Rows"] + step.get("Rows Removed by Filter", 0) for step in scans if step["Actual Loops"]
    ]
    assert sum(read) == 0, scans
    assert gates.room_at([cluster.pk]) == {}


def test_room_for_one_is_for_the_team_with_the_smaller_share(
    crowd, make_job, team, other_team, charlie, limit
):
    limit("jobs", 20)
    limit("jobs", 20, of=other_team)
    make_job(), make_job(owner=charlie)
    queues.wake([team.pk, other_team.pk])
    Attempt.objects.filter(job=crowd[0]).update(seen_state="running", seen_reason="")
    Job.objects.filter(pk=crowd[0].pk).update(status="running")
    (started,) = admit_due()
    assert Job.objects.get(pk=started).team_id == other_team.pk
