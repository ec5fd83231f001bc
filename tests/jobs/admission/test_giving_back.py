"""Borrowed quota comes back from those who said that they may be stopped, and from nobody else; they start anew."""

import pytest

from jobs.admission.giving_back import Borrower, choose
from jobs.catalogue import Own
from jobs.models import Job
from jobs.submission.restarting import restart_preempted
from teams.quota.limits import set_sharing


@pytest.fixture
def lent(make_job, team, other_team, limit, admit):
    """Both teams may run two; the first runs four, of which the two newest are pre-emptible."""
    for each in (team, other_team):
        limit("jobs", 2, of=each)
        set_sharing(each.pk, shares=True)
    jobs = [make_job(is_preemptible=number >= 2) for number in range(4)]
    assert len(admit()) == 4
    return jobs


def stopped():
    return sorted(Job.objects.filter(cancel_reason=Own.PREEMPTED).values_list("pk", flat=True))


def test_one_that_may_be_stopped_makes_room_for_the_owner(lent, make_job, charlie, other_team, admit, end):
    theirs = make_job(owner=charlie)
    assert admit(other_team) == []
    assert len(stopped()) == 1
    assert stopped()[0] in (lent[2].pk, lent[3].pk)
    admit(other_team)
    assert len(stopped()) == 1, "it is asked once"
    job = Job.objects.get(pk=stopped()[0])
    assert "another team needed back" in job.sentence
    end(job.pk)
    assert admit() == []
    assert admit(other_team) == [theirs.pk]


def test_nobody_is_stopped_for_a_borrower(lent, make_job, admit):
    make_job()
    assert admit() == []
    assert stopped() == []


def test_who_did_not_say_so_is_never_stopped(lent, make_job, charlie, other_team, admit):
    Job.objects.update(is_preemptible=False)
    make_job(owner=charlie)
    admit(other_team)
    assert stopped() == []


def test_it_starts_anew_once_whatever_happens(lent, make_job, charlie, other_team, admit):
    make_job(owner=charlie)
    admit(other_team)
    (pk,) = stopped()
    assert restart_preempted() == 0, "not before it has really stopped"
    Job.objects.filter(pk=pk).update(status="cancelled", finished_at="2026-11-01T00:00Z")
    before = Job.objects.count()
    assert restart_preempted() == 1
    # As after a crash between the two: found again, and the same.
    Job.objects.filter(pk=pk).update(cancel_reason=Own.PREEMPTED)
    restart_preempted()
    assert Job.objects.count() == before + 1
    old, fresh = Job.objects.get(pk=pk), Job.objects.order_by("-pk").first()
    assert (fresh.status, fresh.owner, fresh.is_preemptible) == ("queued", old.owner, True)
    assert old.cancel_reason == Own.RESTARTED
    assert f"job {fresh.pk}" in old.events.last().sentence


def test_on_a_full_disk_it_is_tried_again_later(lent, settings):
    ended = {"status": "cancelled", "finished_at": "2026-11-01T00:00Z", "cancel_reason": Own.PREEMPTED}
    Job.objects.filter(pk=lent[3].pk).update(**ended)
    before, reserve = Job.objects.count(), settings.STORAGE_RESERVE_BYTES
    settings.STORAGE_RESERVE_BYTES = 2**62
    restart_preempted()
    assert (Job.objects.count(), Job.objects.get(pk=lent[3].pk).cancel_reason) == (before, Own.PREEMPTED)
    settings.STORAGE_RESERVE_BYTES = reserve
    restart_preempted()
    assert Job.objects.count() == before + 1


def test_what_cannot_start_anew_says_why(lent, image):
    type(image).objects.update(is_enabled=False)
    Job.objects.filter(pk=lent[3].pk).update(
        status="cancelled", finished_at="2026-11-01T00:00Z", cancel_reason=Own.PREEMPTED
    )
    restart_preempted()
    job = Job.objects.get(pk=lent[3].pk)
    assert job.cancel_reason == Own.STAYS_STOPPED
    assert "switched off" in job.events.last().sentence


def test_the_newest_go_first_and_no_more_than_are_needed():
    borrowers = [Borrower(pk, False, {"cpu_millis": 1000}) for pk in (9, 7, 5)]
    assert choose(borrowers, "cpu_millis", 1500) == {9, 7}
    assert choose([Borrower(3, True, {"cpu_millis": 1000}), *borrowers], "cpu_millis", 1500) == {9}
    assert choose(borrowers, "gpu:x", 1) == set()
