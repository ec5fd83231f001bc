"""Teams that share: what is idle is lent, never more than there is, and given back by not admitting."""

import pytest

from jobs.admission import queues
from jobs.admission.admit import admit_due
from jobs.models import TeamQueue
from teams.models import Scope, Team
from teams.quota.book import Account
from teams.quota.limits import limits_of, set_limits, set_sharing
from tests.jobs.admission.conftest import due_teams, nothing_due, pooled, used, why


@pytest.fixture
def shared(team, other_team, limit):
    """Both teams may run two jobs, and share."""
    for each in (team, other_team):
        limit("jobs", 2, of=each)
        set_sharing(each.pk, shares=True)


def test_the_pool_is_the_sum_of_those_that_share(make_job, team, other_team, limit, admit):
    limit("jobs", 2)
    make_job()
    admit()
    set_sharing(team.pk, shares=True)
    assert pooled() == (1, 2)
    limit("jobs", 3, of=other_team)
    set_sharing(other_team.pk, shares=True)
    assert pooled() == (1, 5)
    limit("jobs", 5)
    assert pooled() == (1, 8)
    limit("jobs", None)
    assert pooled() == (0, 3)
    limit("jobs", 1)
    assert pooled() == (1, 4)
    set_sharing(team.pk, shares=False)
    set_sharing(team.pk, shares=False)
    assert pooled() == (0, 3)


def test_what_is_idle_is_used_by_others_and_not_more(make_job, team, other_team, shared, admit):
    jobs = [make_job() for _ in range(6)]
    assert admit() == [job.pk for job in jobs[:4]]
    assert pooled() == (4, 4)
    assert why(jobs[4]) == "team_quota"


def test_without_sharing_nothing_is_lent(make_job, team, other_team, shared, admit):
    set_sharing(other_team.pk, shares=False)
    for _ in range(6):
        make_job()
    assert len(admit()) == 2


def test_the_owner_waits_for_what_was_lent_and_comes_before_any_borrower(
    make_job, team, other_team, charlie, shared, admit, end
):
    mine = [make_job() for _ in range(6)]
    admit()
    theirs = make_job(owner=charlie)
    assert admit(other_team) == []
    assert why(theirs) == "quota_lent"
    assert TeamQueue.objects.get(team=other_team).is_owed
    nothing_due()
    end(mine[0].pk)
    assert due_teams() == sorted([team.pk, other_team.pk])
    # Even if the borrower is looked at first.
    assert admit() == []
    assert admit(other_team) == [theirs.pk]
    assert not TeamQueue.objects.get(team=other_team).is_owed


def test_one_round_gives_it_to_the_owner(make_job, team, other_team, charlie, shared, admit, end):
    mine = [make_job() for _ in range(6)]
    admit()
    theirs = make_job(owner=charlie)
    admit(other_team)
    end(mine[0].pk)
    assert list(admit_due()) == [theirs.pk]


def test_borrowers_of_one_need_get_about_the_same(make_job, team, other_team, charlie, limit, db):
    rich = Team.objects.create(name="Rich", slug="rich")
    limit("jobs", 12, of=rich)
    for each in (team, other_team):
        limit("jobs", 2, of=each)
    for each in (rich, team, other_team):
        set_sharing(each.pk, shares=True)
    for _ in range(20):
        make_job(), make_job(owner=charlie)
    queues.wake([team.pk, other_team.pk])
    admit_due()
    assert pooled() == (16, 16)
    assert abs(used(team) - used(other_team)) <= 4


def test_limits_are_read_as_they_were_set(team, cluster, alice):
    limits = {
        Account(Scope.TEAM, "jobs"): 5,
        Account(Scope.CLUSTER, "cpu_millis", cluster_id=cluster.pk): 8000,
        Account(Scope.MEMBER, "jobs"): 2,
        Account(Scope.USER, "jobs", user_id=alice.pk): 3,
    }
    set_limits(team.pk, limits)
    assert limits_of(team.pk) == limits
    set_limits(team.pk, {Account(Scope.TEAM, "jobs"): None})
    assert Account(Scope.TEAM, "jobs") not in limits_of(team.pk)


def test_a_limit_below_what_runs_stops_nothing_and_starts_nothing(make_job, team, limit, admit, end):
    jobs = [make_job() for _ in range(4)]
    limit("jobs", 3)
    admit()
    limit("jobs", 1)
    assert used(team) == 3
    assert admit() == []
    end(jobs[0].pk, jobs[1].pk)
    assert admit() == []
    end(jobs[2].pk)
    assert admit() == [jobs[3].pk]
