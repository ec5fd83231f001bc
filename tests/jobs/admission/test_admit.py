"""A look at a team's queue: the ledger, the attempts and the statuses change in one transaction, or none does."""

import threading
import uuid

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs.admission import admit as admitting
from jobs.admission import queues
from jobs.admission.admit import admit_due, admit_team
from jobs.models import Attempt, Job
from teams.models import QuotaLine
from teams.quota.ledger import lock_team
from tests import cast
from tests.jobs.admission.conftest import due_teams, used, why


def test_what_starts_is_charged_to_all_its_accounts(make_job, team, alice, cluster, admit):
    job = make_job(gpu_resource="nvidia.com/gpu", gpu_count=2)
    assert admit() == [job.pk]
    attempt = Attempt.objects.get()
    assert attempt.reserved_at is not None
    for resource, amount in (
        ("jobs", 1),
        ("cpu_millis", job.cpu_millis),
        ("memory_bytes", job.memory_bytes),
        ("gpu:nvidia.com/gpu", 2),
    ):
        assert used(team, resource) == amount
        assert used(team, resource, "cluster", cluster=cluster) == amount
        assert used(team, resource, "user", user=alice) == amount


def test_no_more_start_than_the_limit_has_room_for(make_job, team, limit, admit):
    limit("jobs", 2)
    jobs = [make_job() for _ in range(4)]
    assert admit() == [jobs[0].pk, jobs[1].pk]
    assert admit() == []
    assert used(team) == 2
    assert why(jobs[3]) == "team_quota"
    assert "2 of 2 running jobs" in Job.objects.get(pk=jobs[3].pk).sentence


def test_each_members_limit_is_his_own(make_job, alice, bob, limit, admit):
    limit("jobs", 1, scope="member")
    limit("jobs", 2, user=bob)
    of_alice = [make_job() for _ in range(2)]
    of_bob = [make_job(owner=bob) for _ in range(3)]
    assert admit() == [of_alice[0].pk, of_bob[0].pk, of_bob[1].pk]
    assert why(of_alice[1]) == why(of_bob[2]) == "own_quota"


def test_a_cluster_that_is_full_of_the_teams_jobs_holds_up_only_what_goes_there(
    make_job, cluster, team, limit, admit
):
    other = cast.new_cluster("other", "Other")
    image, profile = cast.new_image(other), cast.new_profile(other)
    limit("jobs", 1, cluster=cluster)
    here = [make_job() for _ in range(2)]
    there = make_job(image=image, profile=profile)
    assert admit() == [here[0].pk, there.pk]
    assert why(here[1]) == "cluster_quota"


def test_a_transaction_that_fails_leaves_nothing(make_job, team, admit, monkeypatch):
    def broken(*args):
        raise RuntimeError

    job = make_job()
    monkeypatch.setattr(admitting, "write_queue", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        admit()
    assert Job.objects.get(pk=job.pk).status == "queued"
    assert not Attempt.objects.exists()
    assert used(team) == 0


def test_a_cancelled_job_is_not_started_and_nothing_is_charged(make_job, team, admit):
    make_job(cancel_requested_at="2026-11-01T00:00Z")
    assert admit() == []
    assert used(team) == 0


def test_more_than_one_transaction_takes_are_started_by_one_round(make_job, team):
    pace = admitting.Pace(most=3)
    for _ in range(8):
        make_job()
    queues.wake([team.pk])
    assert len(admit_due(pace=pace)) == 8
    assert due_teams() == []


def test_teams_with_the_smaller_share_come_first(make_job, team, other_team, charlie, limit, monkeypatch):
    limit("jobs", 4)
    limit("jobs", 4, of=other_team)
    make_job()
    admit_team(team.pk)
    make_job(), make_job(owner=charlie)
    seen = []
    monkeypatch.setattr(
        admitting, "admit_team", lambda team_id, *rest: seen.append(team_id) or admit_team(team_id, *rest)
    )
    queues.wake([team.pk, other_team.pk])
    admit_due()
    assert seen == [other_team.pk, team.pk]


def test_what_others_drive_is_due_and_what_is_leased_stays_so(make_job, team):
    mine, others = make_job(next_look_at=None), make_job(next_look_at=None)
    admit_team(team.pk, leased=[mine.pk])
    assert Job.objects.get(pk=mine.pk).next_look_at is None
    assert Job.objects.get(pk=others.pk).next_look_at is not None


def test_a_switched_off_cluster_ends_its_jobs_by_their_own_looks(make_job, cluster, admit):
    job = make_job(next_look_at=None)
    type(cluster).objects.update(is_enabled=False)
    assert admit() == []
    assert Job.objects.get(pk=job.pk).next_look_at is not None


@pytest.mark.django_db(transaction=True)
def test_while_somebody_else_has_the_team_nobody_waits(make_job, team):
    make_job()
    with transaction.atomic():
        lock_team(team.pk)
        looks = []
        other = threading.Thread(target=lambda: (looks.append(admit_team(team.pk)), connection.close()))
        other.start()
        other.join()
    assert (looks[0].started, looks[0].next_seconds) == ({}, admitting.SOON_SECONDS)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_somebody_holds_is_left_for_the_next_look(make_job, team):
    held, free = make_job(), make_job()
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=held.pk)
        looks = []
        other = threading.Thread(target=lambda: (looks.append(admit_team(team.pk)), connection.close()))
        other.start()
        other.join()
    assert list(looks[0].started) == [free.pk]
    assert (looks[0].has_more, looks[0].next_seconds) == (False, admitting.SOON_SECONDS)
    assert used(team) == 1


def test_five_hundred_that_wait_cost_no_more_statements_than_ten(make_job, limit, admit):
    limit("jobs", 0)
    counts = []
    for count in (10, 500):
        Job.objects.bulk_create(copies(make_job(), count))
        with CaptureQueriesContext(connection) as queries:
            assert admit() == []
        counts.append(len(queries))
    assert counts[0] == counts[1]


def copies(job, count):
    """As many new jobs that ask for the same; not saved."""
    values = {f.attname: getattr(job, f.attname) for f in Job._meta.concrete_fields}
    return [Job(**values | {"id": None, "submit_key": uuid.uuid4()}) for _ in range(count)]


def test_a_limit_without_a_line_is_counted_from_the_first_job_on(make_job, team, admit):
    make_job()
    admit()
    assert {line.scope for line in QuotaLine.objects.all()} == {"team", "cluster", "user"}
