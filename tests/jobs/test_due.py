"""Leases: a due job is taken by one worker at a time, comes back when the worker dies, and no poke is lost."""

import threading

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from jobs import hints, tasks
from jobs.models import Job
from jobs.reconciler.due import BATCH, LEASE_SECONDS, clusters_with_due_jobs, give_back, take

PAST = "2026-01-01T00:00Z"


@pytest.fixture
def job(make_job):
    return make_job(next_look_at=PAST)


def ids(batch):
    return [due.job_id for due in batch]


def test_a_due_job_is_taken_once(job):
    assert ids(take(job.cluster_id)) == [job.pk]
    assert take(job.cluster_id) == []
    assert clusters_with_due_jobs() == []


def test_only_due_jobs_of_the_cluster_are_taken_the_longest_waiting_first(make_job, job):
    make_job(next_look_at="2100-01-01T00:00Z")
    make_job(next_look_at=None)
    older = make_job(next_look_at="2025-01-01T00:00Z")
    assert clusters_with_due_jobs() == [job.cluster_id]
    assert take(job.cluster_id + 1) == []
    assert sorted(ids(take(job.cluster_id))) == sorted([job.pk, older.pk])


def test_a_batch_has_an_end(make_job, job):
    Job.objects.bulk_create(
        Job(
            **{f.attname: getattr(job, f.attname) for f in Job._meta.concrete_fields}
            | {"id": None, "submit_key": key}
        )
        for key in (f"00000000-0000-4000-8000-{n:012}" for n in range(BATCH + 5))
    )
    assert len(take(job.cluster_id)) == BATCH
    assert len(take(job.cluster_id)) == 6


def test_a_dead_workers_jobs_come_back_by_themselves(job):
    take(job.cluster_id)
    Job.objects.update(next_look_at=PAST)  # the lease is over
    assert ids(take(job.cluster_id)) == [job.pk]


def test_given_back_it_rests_for_so_long(job):
    (due,) = take(job.cluster_id)
    give_back(due, 60)
    assert 50 < (Job.objects.get().next_look_at - due.lease).total_seconds() + LEASE_SECONDS < 70
    assert take(job.cluster_id) == []


def test_given_back_for_good_it_is_never_due_again(job):
    (due,) = take(job.cluster_id)
    give_back(due, None)
    assert Job.objects.get().next_look_at is None


def test_a_poke_meanwhile_is_not_lost(job):
    (due,) = take(job.cluster_id)
    hints.poke(job.pk)
    give_back(due, None)
    assert ids(take(job.cluster_id)) == [job.pk]


def test_a_lease_that_ran_out_gives_nothing_back(job):
    (first,) = take(job.cluster_id)
    Job.objects.update(next_look_at=PAST)
    (second,) = take(job.cluster_id)
    give_back(first, None)
    assert Job.objects.get().next_look_at == second.lease


@pytest.mark.django_db(transaction=True)
def test_a_job_that_somebody_holds_is_passed_over_and_not_waited_for(make_job, job):
    other = make_job(next_look_at=PAST)
    found = []

    def elsewhere():
        try:
            found.extend(ids(take(job.cluster_id)))
        finally:
            connection.close()

    with transaction.atomic():
        Job.objects.select_for_update().get(pk=job.pk)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join(10)
    assert found == [other.pk]


@pytest.mark.django_db(transaction=True)
def test_a_poison_job_stops_no_other(make_job, job, monkeypatch):
    others = [make_job(next_look_at=PAST) for _ in range(3)]

    def drive_all(job_ids, **_):
        if job.pk in job_ids:
            raise RuntimeError("poison")
        return dict.fromkeys(job_ids)

    monkeypatch.setattr(tasks, "drive_all", drive_all)
    tasks.drive(job.cluster_id)
    job.refresh_from_db()
    assert job.next_look_at > job.created_at
    assert Job.objects.filter(next_look_at=None).count() == len(others)
    assert take(job.cluster_id) == []


@pytest.mark.django_db(transaction=True)
def test_two_threads_drive_a_cluster_and_see_what_comes_meanwhile(make_job, job, monkeypatch):
    driven, begun, go_on = [], threading.Semaphore(0), threading.Event()

    def drive_all(job_ids, **_):
        driven.extend(job_ids)
        begun.release()
        assert go_on.wait(20)
        return dict.fromkeys(job_ids)

    def run():
        try:
            tasks.drive(job.cluster_id)
        finally:
            connection.close()

    monkeypatch.setattr(tasks, "drive_all", drive_all)
    threads = []
    for _ in range(tasks.AT_ONE_CLUSTER):
        threads.append(threading.Thread(target=run))
        threads[-1].start()
        assert begun.acquire(timeout=20)
        late = make_job(next_look_at=PAST)
    # There are enough of them: this one leaves it to them, at once.
    tasks.drive(job.cluster_id)
    assert late.pk not in driven
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert late.pk in driven
    assert len(driven) == len(set(driven)) == tasks.AT_ONE_CLUSTER + 1


def test_the_sweep_drives_every_cluster_with_due_jobs(job, monkeypatch):
    driven = []
    monkeypatch.setattr(tasks, "drive_all", lambda ids, **_: driven.extend(ids) or dict.fromkeys(ids))
    tasks.sweep()
    tasks.sweep()
    assert driven == [job.pk]


def test_a_lost_database_in_the_middle_is_no_failed_task(job, monkeypatch):
    from django.db import OperationalError

    def gone(*_):
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(tasks, "drive_all", gone)
    monkeypatch.setattr(tasks, "give_back", gone)
    tasks.drive(job.cluster_id)
    assert Job.objects.filter(next_look_at__gt=Now()).exists()
