"""What rules delete, and what they never do."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from jobs import bundles
from jobs.models import Artifact, Attempt, Blob, Job, Kind, Stored
from jobs.output import outputlog
from jobs.reconciler import tidy
from jobs.retention.auditor import broken_promises
from jobs.retention.deleting import delete_by_rules, erase
from jobs.retention.gone import gone_of
from jobs.retention.pins import pin
from jobs.retention.sums import add_up, bytes_of_all, note_ends, totals_of
from jobs.submission.submit import CannotRun, run_again
from teams.models import AuditEvent
from tests.cast import new_artifact, new_bundle
from tests.jobs.retention.conftest import has_logs


def left(job):
    """Which kinds of it are there: rows and bytes say the same."""
    keys = Artifact.objects.filter(attempt__job=job).values_list("key", flat=True)
    found = {"logs": has_logs(job), "results": bool(keys), "inputs": job.bundle.files.exists()}
    assert all(default_storage.exists(key) for key in keys)
    assert {kind for kind, there in found.items() if not there} == set(gone_of(job))
    return {kind for kind, there in found.items() if there}


def test_without_a_rule_everything_stays_for_ever(ended):
    job = ended(9000)
    assert delete_by_rules() == []
    assert left(job) == {"logs", "results", "inputs"}


@pytest.mark.parametrize("kind", ["logs", "results", "inputs"])
def test_each_kind_goes_by_its_own_age_and_alone(ended, rule, kind):
    old, young = ended(31, files={"main.py": b"1"}), ended(29, files={"main.py": b"2"})
    rule(kind, days=30)
    assert [(each.kind, each.count) for each in delete_by_rules()] == [(kind, 1)]
    assert left(old) == {"logs", "results", "inputs"} - {kind}
    assert left(young) == {"logs", "results", "inputs"}
    assert Job.objects.filter(pk=old.pk, status="succeeded").exists()
    assert list(broken_promises()) == []


@pytest.mark.parametrize("kind", ["logs", "results"])
def test_of_too_much_the_oldest_goes_until_the_rest_fits(ended, rule, kind, team):
    jobs = [ended(days, logs=b"x" * 100, results={"a": b"y" * 100}) for days in (5, 4, 3, 2)]
    rule(kind, most_bytes=250)
    delete_by_rules()
    assert [kind in left(job) for job in jobs] == [False, False, True, True]
    assert totals_of([team.pk])[team.pk][kind] == 200
    assert "at most 250 B" in gone_of(jobs[0])[kind].sentence


def test_of_inputs_the_size_counts_what_is_shared_once(ended, rule, team):
    shared, own = b"s" * 100, b"o" * 50
    first = ended(5, files={"main.py": shared, "copy.py": shared})
    second = ended(4, files={"main.py": shared, "own.py": own})
    assert totals_of([team.pk])[team.pk]["inputs"] == 150
    rule("inputs", most_bytes=120)
    delete_by_rules()
    # The first one's content is the second one's, too: only both together make room.
    assert [left(job) >= {"inputs"} for job in (first, second)] == [False, False]
    bundles.sweep_blobs(timedelta(0))
    assert not Blob.objects.exists()


def test_content_that_another_job_needs_stays(ended, rule, team):
    old, young = ended(31, files={"main.py": b"same"}), ended(1, files={"main.py": b"same"})
    rule("inputs", days=30)
    delete_by_rules()
    assert (left(old) >= {"inputs"}, left(young) >= {"inputs"}) == (False, True)
    bundles.sweep_blobs(timedelta(0))
    assert default_storage.exists(young.bundle.files.get().blob.key)
    assert totals_of([team.pk])[team.pk]["inputs"] == 4


@pytest.mark.parametrize("status", ["queued", "starting", "running", "finishing"])
def test_nothing_of_a_job_that_has_not_ended_goes(make_job, make_attempt, rule, status):
    job = make_job(status=status, created_at=timezone.now() - timedelta(days=99))
    attempt = make_attempt(job)
    outputlog.append(attempt.pk, "stdout", 0, b"x" * 100)
    Attempt.objects.update(stdout_size=100)
    new_artifact(attempt, "a.txt", b"y" * 100)
    for kind in Kind:
        rule(kind, days=1, most_bytes=0)
    assert delete_by_rules() == []
    assert left(job) == {"logs", "results", "inputs"}


def test_what_ended_a_moment_ago_stays_whatever_the_size(ended, rule):
    job = ended(0.01)
    rule("logs", most_bytes=0)
    assert delete_by_rules() == []
    assert left(job) >= {"logs"}


def test_nothing_of_a_pinned_job_goes(ended, rule, alice):
    job = ended(99)
    pin(job, alice)
    for kind in Kind:
        rule(kind, days=1, most_bytes=0)
    assert delete_by_rules() == []
    assert left(job) == {"logs", "results", "inputs"}


def test_inputs_stay_while_any_job_with_them_needs_them(ended, rule, make_job):
    bundle = new_bundle({"main.py": b"shared by runs"})
    old = ended(99, bundle=bundle)
    running = make_job(bundle=bundle, status="running")
    rule("inputs", days=30)
    assert delete_by_rules() == []
    young = Job.objects.filter(pk=running.pk)
    young.update(status="succeeded", finished_at=timezone.now() - timedelta(days=2))
    assert delete_by_rules() == []
    young.update(pinned_at=timezone.now(), finished_at=timezone.now() - timedelta(days=50))
    Stored.objects.filter(kind="inputs").update(ended_at=None)
    assert delete_by_rules() == []
    young.update(pinned_at=None)
    assert len(delete_by_rules()) == 1
    assert gone_of(old).keys() == gone_of(running).keys() == {"inputs"}


def test_inputs_stay_for_a_job_that_is_to_be_started_anew(ended, rule):
    job = ended(99, status="cancelled", cancel_reason="preempted")
    rule("inputs", days=30)
    assert delete_by_rules() == []
    assert left(job) >= {"inputs"}


def test_a_late_note_of_the_end_deletes_nothing_of_a_job_that_began_meanwhile(ended, rule, make_job):
    job = ended(99)
    make_job(bundle=job.bundle, status="running")
    # As a round would have it that looked before the second job was there.
    Stored.objects.filter(kind="inputs").update(ended_at=job.finished_at)
    rule("inputs", days=30)
    assert delete_by_rules() == []
    assert left(job) >= {"inputs"}


def test_run_again_says_that_the_files_are_gone_and_makes_no_job(ended, rule, alice):
    job = ended(99)
    rule("inputs", days=30)
    delete_by_rules()
    with pytest.raises(CannotRun, match="input files .* were deleted on .* by the team's rule: 30 days"):
        run_again(alice, job, job.submit_key.__class__(int=7))
    assert Job.objects.count() == 1


def test_other_teams_keep_theirs(ended, rule, charlie, team, other_team):
    ours, theirs = ended(99), ended(99, owner=charlie)
    rule("logs", days=30)
    delete_by_rules()
    assert (left(ours) >= {"logs"}, left(theirs) >= {"logs"}) == (False, True)


def test_what_went_is_recorded_counted_and_said(ended, rule, team):
    job = ended(31, logs=b"x" * 2048)
    rule("logs", days=30)
    delete_by_rules()
    day = timezone.localtime()
    expected = (
        f"The output (2 KiB) was deleted on {day.day} {day:%B %Y} by the team's rule: 30 days after the end."
    )
    assert gone_of(job)["logs"].sentence == expected
    event = AuditEvent.objects.get(action="retention.deleted")
    assert (event.new["jobs"], event.new["amount"], event.team_id) == (1, "2 KiB", team.pk)
    assert bytes_of_all()["logs"] == (0, 2048)
    add_up()
    assert bytes_of_all()["logs"] == (0, 2048)


def test_a_crash_between_mark_and_bytes_is_made_good_by_the_next_round(ended, rule, monkeypatch):
    job = ended(31, results={"a": b"1", "b": b"2"})
    keys = list(Artifact.objects.values_list("key", flat=True))
    rule("results", days=30)
    rule("logs", days=30)

    def die(name):
        raise KeyboardInterrupt(name)

    monkeypatch.setattr("jobs.retention.deleting.failpoint", die)
    for _ in range(8):
        with pytest.raises(KeyboardInterrupt):
            delete_by_rules()
            raise KeyboardInterrupt
        gone = gone_of(job)
        assert ("results" in gone) or all(default_storage.exists(key) for key in keys)
    monkeypatch.setattr("jobs.retention.deleting.failpoint", lambda name: None)
    delete_by_rules()
    assert not any(default_storage.exists(key) for key in keys)
    assert left(job) == {"inputs"}
    assert Stored.objects.filter(erased_at=None, gone_at__isnull=False).count() == 0


def test_output_that_came_after_its_delete_is_swept(ended, rule):
    job = ended(31)
    rule("logs", days=30)
    delete_by_rules()
    outputlog.append(job.attempts.get().pk, "stdout", 0, b"late")
    tidy.sweep_what_jobs_left(timedelta(0))
    assert not has_logs(job)


def test_a_job_that_is_deleted_takes_its_marks_and_bytes_along(ended, rule, monkeypatch):
    job = ended(31)
    key = Artifact.objects.get().key
    rule("results", days=30)
    monkeypatch.setattr("jobs.retention.deleting.erase", lambda: 0)
    delete_by_rules()
    assert default_storage.exists(key)
    tidy.delete_job(job)
    assert not default_storage.exists(key)
    assert not Stored.objects.exists()


def test_amounts_follow_a_job_from_its_first_byte_to_its_end(make_job, make_attempt, team):
    job = make_job(status="running", files={"main.py": b"12345"})
    attempt = make_attempt(job)
    Attempt.objects.filter(pk=attempt.pk).update(stdout_size=10, stderr_size=5)
    artifact = new_artifact(attempt, "a", b"x" * 7)
    assert totals_of([team.pk])[team.pk] == {"logs": 15, "results": 7, "inputs": 5}
    Artifact.objects.filter(pk=artifact.pk).update(size=9)
    Attempt.objects.filter(pk=attempt.pk).update(stdout_size=20)
    add_up()
    assert totals_of([team.pk])[team.pk] == {"logs": 25, "results": 9, "inputs": 5}
    note_ends()
    assert not Stored.objects.exclude(ended_at=None).exists()
    default_storage.delete(artifact.key)


def test_nothing_is_erased_under_a_download(ended, rule):
    from jobs.retention import downloads

    job = ended(31)
    key = Artifact.objects.get().key
    rule("results", days=30)
    held = downloads.begin(job.pk, Kind.RESULTS)
    delete_by_rules()
    assert default_storage.exists(key)
    tidy.sweep_what_jobs_left(timedelta(0))
    assert default_storage.exists(key)
    held.close()
    assert erase() == 1
    assert not default_storage.exists(key)
