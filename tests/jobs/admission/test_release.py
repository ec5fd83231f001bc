"""What is given back, and when: by the cluster's proof alone."""

import pytest
from django.core.management import CommandError, call_command

from jobs.admission.auditor import drifts
from jobs.admission.release import release_ended
from jobs.models import Attempt, Job, TeamQueue
from jobs.reconciler import tidy
from teams.models import QuotaLine, Team
from tests.jobs.admission.conftest import due_teams, nothing_due, used


@pytest.mark.parametrize(
    "proof", [{"seen_state": "ended"}, {"is_absent": True}, {"removed_at": "2026-11-01T00:00Z"}]
)
def test_the_clusters_proof_gives_everything_back_once(make_job, team, admit, proof):
    job = make_job()
    admit()
    Attempt.objects.update(**proof)
    release_ended()
    release_ended()
    assert set(QuotaLine.objects.values_list("used", flat=True)) == {0}
    assert Attempt.objects.get(job=job).released_at is not None


@pytest.mark.parametrize(
    "rumour",
    [
        {"stop_sent_at": "2026-11-01T00:00Z"},
        {"ended_at": "2026-11-01T00:00Z", "exit_code": 0, "collected_at": "2026-11-01T00:00Z"},
        {"absent_since": "2026-11-01T00:00Z"},
        {"seen_state": "running"},
    ],
)
def test_a_click_or_a_report_or_a_first_miss_gives_nothing_back(make_job, team, admit, rumour):
    make_job()
    admit()
    Attempt.objects.update(**rumour)
    Job.objects.update(cancel_requested_at="2026-11-01T00:00Z")
    release_ended()
    assert used(team) == 1


def test_it_wakes_what_waits_in_the_team_and_nobody_else(
    make_job, team, other_team, charlie, limit, admit, end
):
    limit("jobs", 1)
    limit("jobs", 1, of=other_team)
    first, _ = make_job(), make_job()
    _ = make_job(owner=charlie), make_job(owner=charlie)
    admit()
    admit(other_team)
    nothing_due()
    assert end(first.pk)
    assert due_teams() == [team.pk]


def test_where_nothing_waits_nobody_is_woken(make_job, team, admit, end):
    job = make_job()
    admit()
    assert not end(job.pk)
    assert due_teams() == []


def test_who_waits_for_a_cluster_is_woken_by_what_ends_there(make_job, team, other_team, admit, end, cluster):
    job = make_job()
    admit()
    TeamQueue.objects.create(team=other_team, blocked=[{"lane": []}], waits_for_clusters=[cluster.pk])
    nothing_due()
    end(job.pk)
    assert due_teams() == [other_team.pk]


def test_a_deleted_job_is_kept_until_what_it_had_is_given_back(make_job, team, admit):
    make_job()
    admit()
    Attempt.objects.update(removed_at="2026-11-01T00:00Z")
    Job.objects.update(deleted_at="2026-11-01T00:00Z", status="cancelled", finished_at="2026-11-01T00:00Z")
    tidy.delete_jobs()
    assert Job.objects.count() == 1
    release_ended()
    tidy.delete_jobs()
    assert Job.objects.count() == 0


def test_the_auditor_sees_every_kind_of_drift(make_job, team, alice, cluster, admit, capsys):
    make_job()
    admit()
    call_command("quota_audit")
    assert "is what is reserved" in capsys.readouterr().out
    lines = {line.pk: line.used for line in QuotaLine.objects.all()}
    for pk, amount in lines.items():
        QuotaLine.objects.filter(pk=pk).update(used=amount + 1)
        (drift,) = drifts()
        assert (drift.used, drift.reserved) == (amount + 1, amount)
        with pytest.raises(CommandError, match="1 accounts"):
            call_command("quota_audit")
        QuotaLine.objects.filter(pk=pk).update(used=amount)
    QuotaLine.objects.filter(scope="user").delete()
    assert {drift.scope for drift in drifts()} == {"user"}
    QuotaLine.objects.all().delete()
    Attempt.objects.update(reserved_at=None)


def test_the_auditor_compares_the_pool(make_job, team, limit, admit):
    limit("jobs", 4)
    Team.objects.update(shares_quota=True)
    make_job()
    admit()
    (drift,) = drifts()
    assert (drift.scope, drift.used, drift.reserved) == ("pool", 0, 1)
    Team.objects.update(shares_quota=False)
