"""A team with a queue, and short ways to say what happens in it."""

import pytest

from jobs.admission import queues
from jobs.admission.admit import admit_team
from jobs.admission.release import release_ended
from jobs.models import Attempt, Job, TeamQueue
from teams.models import QuotaLine, Scope
from teams.quota.book import Account
from teams.quota.limits import set_limits


@pytest.fixture
def limit(team):
    """`limit("jobs", 2, user=alice)`: of the team, or of one of its scopes."""

    def settle(resource, amount, of=team, **ids):
        scope = ids.pop(
            "scope", Scope.CLUSTER if "cluster" in ids else Scope.USER if "user" in ids else Scope.TEAM
        )
        keys = {f"{name}_id": each.pk for name, each in ids.items()}
        set_limits(of.pk, {Account(scope, resource, **keys): amount})

    return settle


@pytest.fixture
def admit(team):
    """Look at the team's queue; ids of what started."""

    def look(of=team, **kwargs):
        return sorted(admit_team(of.pk, **kwargs).started)

    return look


@pytest.fixture
def end():
    """The cluster proves the end of these jobs' attempts, and what they had is given back."""

    def over(*job_ids):
        Attempt.objects.filter(job__in=job_ids).update(seen_state="ended")
        Job.objects.filter(pk__in=job_ids).update(status="succeeded", finished_at="2026-11-01T00:00Z")
        return release_ended()

    return over


def used(team, resource="jobs", scope="team", **ids):
    line = QuotaLine.objects.filter(team=team, resource=resource, scope=scope, **ids).first()
    return line.used if line else 0


def pooled(resource="jobs"):
    line = QuotaLine.objects.get(scope="pool", resource=resource)
    return (line.used, line.limit)


def why(job):
    """The reason that people are shown."""
    block = Job.objects.get(pk=job.pk).queue_block
    return block["reason"] if block else None


def due_teams():
    return sorted(TeamQueue.objects.filter(due_at__lte="2100-01-01T00:00Z").values_list("pk", flat=True))


def nothing_due():
    TeamQueue.objects.update(due_at=None)
    assert not queues.has_due()
