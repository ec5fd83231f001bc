"""Twelve causes of waiting, planted on a real cluster in the whole portal: each told rightly within ten seconds.

own quota, the team's (jobs, CPU, GPUs), its quota on one cluster, the month's budget, quota that was lent, another
one's turn, a full cluster, no such node, a cluster that does not answer, a pause, and a disabled team.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from clusters.kubernetes.connection import Connection
from clusters.models import Cluster
from jobs.admission import gates, queues
from jobs.admission.auditor import drifts
from jobs.models import Job
from teams.models import Pause, Scope, Team
from teams.quota.book import Account
from teams.quota.limits import set_limits, set_sharing
from teams.quota.resources import CPU_HOURS, from_typed
from tests import cast

pytestmark = [pytest.mark.kubernetes, pytest.mark.processes, pytest.mark.timeout(900)]
WITHIN = 10.0
GPU = "gpu:nvidia.com/gpu"


def why(pk: int) -> tuple[str, str]:
    """Reason and sentence as its page has them."""
    job = Job.objects.get(pk=pk)
    reason = (job.queue_block or {}).get("reason") if job.status == "queued" else job.reason
    return reason or "", job.sentence


def told(world, pk: int, reason: str, words: str) -> None:
    """Within WITHIN seconds from now."""
    seconds = world.wait(lambda: why(pk)[0] == reason, f"{pk} waits for {reason}: {why(pk)}", WITHIN)
    assert words in why(pk)[1], why(pk)
    print(f"{reason}: {seconds:.1f} s: {why(pk)[1]}")


def limit(world, amounts: dict[str, int | None], **keys) -> None:
    scope = keys.pop("scope", Scope.TEAM)
    set_limits(world.team.pk, {Account(scope, name, **keys): amount for name, amount in amounts.items()})
    queues.wake([world.team.pk])


@pytest.fixture
def running(world):
    """One job that runs until its gate is opened."""
    pk = world.submit("first")
    world.until_running(pk)
    return pk


PLANTED = {
    "own_quota": ({"jobs": 1}, {"scope": Scope.MEMBER}, "its owner uses 1 of 1 running jobs"),
    "team_quota": ({"jobs": 1}, {}, "the team uses 1 of 1 running jobs"),
    "team_quota (CPU)": ({"cpu_millis": 60}, {}, "Waiting for CPU: the team uses 0.05 cores of 0.06 cores"),
    "cluster_quota": ({"jobs": 1}, {"scope": Scope.CLUSTER}, "the team uses 1 of 1 running jobs"),
}


@pytest.mark.parametrize("cause", PLANTED)
def test_a_quota_that_is_used_up_is_told_and_waited_for(world, running, cause):
    amounts, keys, words = PLANTED[cause]
    keys = dict(keys) | ({"cluster_id": world.cluster.pk} if cause == "cluster_quota" else {})
    limit(world, amounts, **keys)
    second = world.submit()
    told(world, second, cause.partition(" ")[0], words)
    assert drifts() == []
    world.open("first")
    world.until_over()
    world.check(succeeded=[running, second])
    assert drifts() == []


def test_gpus_a_node_that_is_not_there_and_a_turn(world, running):
    limit(world, {GPU: 1})
    never = world.submit(profile=world.huge)
    told(world, never, "team_quota", "It asks for 99 of GPUs (nvidia.com/gpu), and the quota is 1 in all")
    limit(world, {GPU: None})
    told(world, never, "unschedulable", "99")
    limit(world, {"jobs": 2, "cpu_millis": 120})
    old = world.submit(profile=_large(world))
    Job.objects.filter(pk=old).update(created_at=timezone.now() - timedelta(minutes=6))
    young = world.submit()
    told(world, old, "team_quota", "2 of 2 running jobs")
    limit(world, {"jobs": 3, "cpu_millis": 160})
    told(world, young, "its_turn", f"job {old}")
    world.cancel(never)
    limit(world, {"jobs": None, "cpu_millis": None})
    world.open("first")
    world.until_over()
    world.check(succeeded=[running, old, young], never=[never])


def _large(world):
    return cast.new_profile(
        world.cluster, name="Large", cpu_millis=90, memory_bytes=128 << 20, disk_bytes=64 << 20
    )


def test_a_budget_a_pause_and_a_disabled_team(world):
    now = timezone.now()
    limit(world, {CPU_HOURS: from_typed(CPU_HOURS, "1")})
    spent = cast.new_job(
        *(world.user, world.team, world.python, world.small),
        status="succeeded",
        cpu_millis=4_000_000,
        running_at=now - timedelta(minutes=3),
        finishing_at=now,
        finished_at=now,
    )
    first = world.submit()
    told(world, first, "budget", "CPU-hours of the month are used up for the team")
    limit(world, {CPU_HOURS: None})
    world.until("succeeded", first)
    for scope in ({"team": world.team}, {"cluster": world.cluster}, {}):
        pause = Pause.objects.create(message="The machine room is moved until noon.", **scope)
        paused = world.submit()
        told(world, paused, "paused", "moved until noon")
        pause.delete()
        queues.wake([world.team.pk])
        world.until("succeeded", paused)
    limit(world, {"jobs": 0})
    disabled = world.submit()
    told(world, disabled, "team_quota", "No job may run: the quota of running jobs is 0")
    Team.objects.filter(pk=world.team.pk).update(disabled_at=now)
    queues.wake([world.team.pk])
    told(world, disabled, "team_disabled", "disabled by an admin")
    Team.objects.filter(pk=world.team.pk).update(disabled_at=None)
    limit(world, {"jobs": None})
    world.until_over()
    Job.objects.filter(pk=spent.pk).delete()


def test_what_was_lent_is_waited_for_and_comes_back(world):
    lender = Team.objects.create(name=f"Lender {world.team.slug}", slug=f"lender-{world.team.slug}")
    borrower, owner = world.team, world.user
    for team in (borrower, lender):
        set_limits(team.pk, {Account(Scope.TEAM, "jobs"): 1})
        set_sharing(team.pk, shares=True)
    try:
        jobs = [world.submit("first"), world.submit("second")]
        world.until_running(*jobs)
        lender.memberships.create(user=owner)
        theirs = world.submit(team=lender)
        told(world, theirs, "quota_lent", "other teams have borrowed")
        more = world.submit()
        world.open("first")
        world.until_started(theirs)
        assert world.status(more) == "queued"
        world.open("second")
        world.until_over()
        world.check(succeeded=[*jobs, theirs, more])
    finally:
        for team in (borrower, lender):
            set_sharing(team.pk, shares=False)
    assert drifts() == []


def test_at_a_full_cluster_a_few_wait_and_the_rest_stays_here(world):
    jobs = [world.submit(profile=world.huge) for _ in range(gates.MOST_WAITING_THERE)]
    world.wait(lambda: all(why(pk)[0] == "unschedulable" for pk in jobs), "all wait at the cluster", 60)
    last = world.submit(profile=world.huge)
    told(world, last, "cluster_full", "enough jobs wait there")
    other = world.submit()
    world.until("succeeded", other)
    world.cancel(*jobs, last)
    world.until_over()
    world.check(succeeded=[other], never=[*jobs, last])


def test_a_cluster_that_does_not_answer_gets_nothing(world, account):
    world.submit()
    world.until_over()
    # Nobody listens there.
    world.reconnect(Connection(account.server.rpartition(":")[0] + ":1", account.ca, account.token))
    world.wait(lambda: bool(Cluster.objects.get(pk=world.cluster.pk).unreachable_since), "it is away", 120)
    pk = world.submit()
    told(world, pk, "cluster_silent", "cannot be reached")
    world.reconnect(account)
    world.until_over()
    world.check(succeeded=world.jobs)
