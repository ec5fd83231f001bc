"""What watch writes: only what changed, never backwards, absence only when it is proven."""

import pytest

from clusters.driver import Seen, State
from jobs.lifecycle import Sight
from jobs.models import Attempt, Job
from jobs.reconciler import sightings
from jobs.reconciler.sightings import not_reached, open_attempts, reached, record

LONG_AGO = "2026-01-01T00:00Z"


@pytest.fixture
def attempt(make_job, make_attempt):
    return make_attempt(make_job(status="running", next_look_at=None), started_at=LONG_AGO)


def seen(attempt, state=State.RUNNING, exit_code=None, reason="", message=""):
    return Seen(attempt.name, {}, "uid", state, exit_code, reason, message)


def look(attempt, *works):
    """One round; the ids of the jobs that a worker has to look at."""
    cluster_id = attempt.job.cluster_id
    found = record(cluster_id, open_attempts(cluster_id), works)
    attempt.refresh_from_db()
    return found


@pytest.fixture(autouse=True)
def hinted(monkeypatch):
    told = []
    monkeypatch.setattr("jobs.hints.hint_cluster", told.append)
    return told


def test_an_end_is_written_and_a_worker_called(attempt, hinted):
    ended = look(attempt, seen(attempt, State.ENDED, 3, "time_limit", "Words."))
    assert ended == {attempt.job_id}
    assert (attempt.seen_state, attempt.seen_exit_code) == ("ended", 3)
    assert (attempt.seen_reason, attempt.seen_message) == ("time_limit", "Words.")
    assert Job.objects.get().next_look_at is not None
    assert hinted == [attempt.job.cluster_id]


def test_what_did_not_change_is_not_written(attempt):
    look(attempt, seen(attempt))
    first = attempt.seen_at
    assert look(attempt, seen(attempt)) == set()
    assert attempt.seen_at == first


def test_what_has_ended_stays_ended(attempt):
    before = open_attempts(attempt.job.cluster_id)
    look(attempt, seen(attempt, State.ENDED, 0))
    record(attempt.job.cluster_id, before, [seen(attempt, State.RUNNING)])  # a slow read
    attempt.refresh_from_db()
    assert (attempt.seen_state, attempt.seen_exit_code) == ("ended", 0)


def test_an_ended_work_that_was_removed_is_not_missed(attempt):
    look(attempt, seen(attempt, State.ENDED, 0))
    look(attempt)
    Attempt.objects.update(absent_since=LONG_AGO)
    look(attempt)
    assert not attempt.is_absent


def test_one_miss_proves_nothing(attempt):
    assert look(attempt) == set()
    assert attempt.absent_since is not None
    assert look(attempt) == set(), "the second read came too soon"
    assert not attempt.is_absent
    assert attempt.sight is Sight.RUNNING


def test_the_cluster_itself_is_asked_before_absence_is_believed(attempt):
    asked = []

    def is_gone(name, space):
        asked.append(name)
        return len(asked) > 1

    def miss():
        record(attempt.job.cluster_id, open_attempts(attempt.job.cluster_id), [], is_gone)
        attempt.refresh_from_db()

    miss()
    assert asked == []
    Attempt.objects.update(absent_since=LONG_AGO)
    miss()
    assert (asked, attempt.is_absent) == ([attempt.name], False)
    miss()
    assert attempt.is_absent


def test_two_misses_apart_in_time_prove_absence(attempt):
    look(attempt)
    Attempt.objects.update(absent_since=LONG_AGO)
    assert look(attempt) == {attempt.job_id}
    assert attempt.is_absent
    assert attempt.sight is Sight.LOST
    assert Job.objects.get().next_look_at is not None


def test_a_sight_between_two_misses_begins_anew(attempt):
    look(attempt)
    look(attempt, seen(attempt))
    assert attempt.absent_since is None
    look(attempt)
    assert not attempt.is_absent


def test_what_was_never_confirmed_cannot_be_absent(make_job, make_attempt):
    attempt = make_attempt(make_job(status="starting"), created_at=None)
    look(attempt)
    look(attempt)
    assert attempt.absent_since is None


@pytest.mark.parametrize("proof", [{"claimed_at": LONG_AGO}, {"seen_state": "pending"}])
def test_a_claim_or_a_sight_confirms_a_create_that_was_not_recorded(make_job, make_attempt, proof):
    attempt = make_attempt(make_job(status="starting"), created_at=None, **proof)
    look(attempt)
    assert attempt.absent_since is not None


def test_an_attempt_made_after_the_read_began_is_not_missed(attempt, make_job, make_attempt):
    before = open_attempts(attempt.job.cluster_id)
    later = make_attempt(make_job(status="starting"))
    record(attempt.job.cluster_id, before, [seen(attempt)])
    later.refresh_from_db()
    assert later.absent_since is None


def test_what_was_removed_meanwhile_is_left_alone(attempt):
    before = open_attempts(attempt.job.cluster_id)
    Attempt.objects.update(removed_at=LONG_AGO)
    record(attempt.job.cluster_id, before, [])
    attempt.refresh_from_db()
    assert attempt.absent_since is None
    assert open_attempts(attempt.job.cluster_id) == {}


def test_works_that_nobody_knows_are_not_ours_to_write_about(attempt):
    stranger = Seen("sw-other-1-1", {}, "uid", State.RUNNING)
    look(attempt, seen(attempt), stranger)
    assert Attempt.objects.get().seen_state == "running"


def test_only_what_may_have_a_next_step_wakes_a_worker(attempt, make_job, make_attempt):
    unconfirmed = make_attempt(make_job(status="cancelled"), created_at=None)
    assert look(attempt, seen(attempt), seen(unconfirmed, State.PENDING)) == {unconfirmed.job_id}
    assert look(attempt, seen(attempt, State.RUNNING, message="other words")) == set()
    assert attempt.seen_message == "other words"


def test_a_cluster_that_does_not_answer_is_shown_with_the_time_it_began(cluster):
    not_reached(cluster.pk, "No route.")
    cluster.refresh_from_db()
    first = cluster.unreachable_since
    assert first is not None
    not_reached(cluster.pk, "Wrong key.")
    cluster.refresh_from_db()
    assert (cluster.unreachable_since, cluster.trouble) == (first, "Wrong key.")
    reached(cluster.pk)
    cluster.refresh_from_db()
    assert (cluster.unreachable_since, cluster.trouble) == (None, "")
    assert cluster.last_seen_at is not None


def test_the_gap_between_the_reads_is_longer_than_a_round():
    from jobs.reconciler.watching import COMPARE_SECONDS

    assert sightings.ABSENCE.total_seconds() > COMPARE_SECONDS


def test_the_digest_that_a_cluster_told_stays_known(make_job, make_attempt, cluster):
    attempt = make_attempt(make_job(status="running"))
    digest = "sha256:" + "a" * 64
    for told in (digest, ""):
        seen = Seen(attempt.name, {}, "uid", State.RUNNING, message=told, image_digest=told)
        record(cluster.pk, open_attempts(cluster.pk), [seen])
        attempt.refresh_from_db()
        assert attempt.image_digest == digest
