"""What a preview says is what then really happens: for random queues, limits and teams that share."""

import random

import pytest

from jobs.admission import queues
from jobs.admission.admit import admit_due
from jobs.models import Attempt, Job
from jobs.quota.preview import preview
from teams.models import Pause, QuotaLine, Scope, Team
from teams.quota.book import Account
from teams.quota.limits import set_limits, set_sharing
from tests import cast

GIB = 1024**3
GPU = "gpu:nvidia.com/gpu"
RESOURCES = {
    "jobs": (None, 0, 1, 3, 6, 12),
    "cpu_millis": (None, 0, 1000, 5000, 9000, 20000),
    "memory_bytes": (None, 4 * GIB, 12 * GIB, 40 * GIB),
    GPU: (None, 0, 1, 2, 5),
}


@pytest.fixture
def crowd(alice, bob, other_team, charlie, image, profile, team):
    """`crowd(dice)`: two teams with limits, that share or do not, with a queue each; some of it runs."""
    elsewhere = cast.new_cluster("research", "Research")
    places = (image, cast.new_image(elsewhere)), profile

    def fill(dice):
        set_limits(team.pk, random_limits(dice, elsewhere, alice, bob))
        set_limits(other_team.pk, random_limits(dice, elsewhere, charlie))
        for each in (team, other_team):
            set_sharing(each.pk, shares=dice.random() < 0.6)
        add_jobs(dice, dice.randint(0, 14), team, places, alice, bob)
        add_jobs(dice, dice.randint(0, 6), other_team, places, charlie)
        settle(team, other_team)
        add_jobs(dice, dice.randint(1, 14), team, places, alice, bob)
        settle(team)
        return random_limits(dice, elsewhere, alice, bob), dice.random() < 0.6

    return fill


def random_limits(dice, cluster, *people):
    found = {}
    for name, amounts in RESOURCES.items():
        found[Account(Scope.TEAM, name)] = dice.choice(amounts)
        others = (
            Account(Scope.CLUSTER, name, cluster_id=cluster.pk),
            Account(Scope.MEMBER, name),
            Account(Scope.USER, name, user_id=dice.choice(people).pk),
        )
        found |= {account: dice.choice(amounts) for account in others if dice.random() < 0.3}
    return found


def add_jobs(dice, count, home, places, *people):
    images, profile = places
    for _ in range(count):
        gpus = dice.choice([0, 0, 1, 3])
        fields = {"gpu_resource": "nvidia.com/gpu", "gpu_count": gpus} if gpus else {}
        fields |= {"cpu_millis": dice.choice([500, 1000, 4000, 16000]), "priority": dice.choice([0, 1, 2])}
        fields |= {"memory_bytes": dice.choice([1, 2, 8]) * GIB}
        job = cast.new_job(dice.choice(people), home, dice.choice(images), profile, **fields)
        if dice.random() < 0.3:
            Job.objects.filter(pk=job.pk).update(created_at="2026-01-01T00:00Z")


def settle(*teams):
    queues.wake([each.pk for each in teams])
    admit_due()


@pytest.mark.parametrize("seed", range(24))
def test_what_it_says_starts_is_what_starts(seed, crowd, team):
    limits, shares = crowd(random.Random(seed))
    team.refresh_from_db()
    before = set(Attempt.objects.values_list("job", flat=True))
    ledger = list(QuotaLine.objects.order_by("pk").values())
    said = preview(team, limits, shares=shares)
    assert list(QuotaLine.objects.order_by("pk").values()) == ledger
    if not shares:
        set_sharing(team.pk, shares=False)
    set_limits(team.pk, limits)
    if shares:
        set_sharing(team.pk, shares=True)
    settle(team)
    assert not said.has_more
    assert set(Attempt.objects.values_list("job", flat=True)) - before == set(said.starting)
    queued = Job.objects.filter(team=team, status="queued")
    never = [job for job in queued if (job.queue_block or {}).get("facts", {}).get("is_never")]
    assert len(never) == said.never


def test_without_any_change_nothing_new_starts(make_job, team, limit, admit):
    limit("jobs", 2)
    [make_job() for _ in range(4)]
    admit()
    assert preview(team, {}).sentences == ["No waiting job would start at once."]


def test_what_runs_above_the_new_limit_goes_on(make_job, team, limit, admit):
    [make_job() for _ in range(4)]
    admit()
    make_job()
    said = preview(team, {Account(Scope.TEAM, "jobs"): 1}).sentences
    assert said[1] == (
        "3 of the 4 running jobs are above the new limit and go on; nothing new starts until enough have ended."
    )
    only_one = preview(team, {Account(Scope.TEAM, "jobs"): 3}).sentences
    assert "1 of the 4 running jobs is above the new limit and goes on" in only_one[1]


def test_above_the_own_limit_is_borrowed_as_long_as_teams_that_share_have_room(
    make_job, team, other_team, limit, admit
):
    for each in (team, other_team):
        limit("jobs", 4, of=each)
        set_sharing(each.pk, shares=True)
    team.refresh_from_db()
    [make_job() for _ in range(4)]
    admit()
    assert preview(team, {Account(Scope.TEAM, "jobs"): 1}).sentences[1] == (
        "3 of the 4 in use (running jobs) would be borrowed from teams that share: what runs goes on."
    )
    limit("jobs", 1, of=other_team)
    assert (
        "3 of the 4 running jobs are above the new limit"
        in (preview(team, {Account(Scope.TEAM, "jobs"): 1}).sentences[1])
    )


def test_what_could_never_start_is_said_with_the_reason(make_job, team):
    make_job(cpu_millis=16000), make_job(cpu_millis=32000)
    said = preview(team, {Account(Scope.TEAM, "cpu_millis"): 8000})
    assert (said.starting, said.never) == ([], 2)
    assert said.sentences[1] == (
        "2 waiting jobs could never start: 32 cores of CPU asked for, 8 cores allowed in all."
    )


def test_a_limit_of_zero_says_so(team):
    said = preview(team, {Account(Scope.TEAM, "jobs"): 0, Account(Scope.MEMBER, GPU): 0}).sentences
    assert said[1] == (
        "A limit of 0: nothing that needs it may start"
        " (running jobs for the team, GPUs (nvidia.com/gpu) for members)."
    )


def test_a_member_whose_limit_is_lowered_is_counted_by_the_usual_members_limit(make_job, team, admit):
    [make_job() for _ in range(3)]
    admit()
    said = preview(team, {Account(Scope.MEMBER, "jobs"): 1}).sentences
    assert "2 of the 3 running jobs of one member are above the new limit" in said[1]


def test_a_pause_or_a_cluster_that_is_silent_holds_up_what_more_quota_would_start(
    make_job, team, limit, cluster
):
    limit("jobs", 0)
    make_job()
    Pause.objects.create(message="Until noon.", cluster=cluster)
    said = preview(team, {Account(Scope.TEAM, "jobs"): 5})
    assert (said.starting, said.shut) == ([], {"paused": 1})
    assert said.sentences[1] == "1 waiting job waits for something else: paused."
    Pause.objects.all().delete()
    type(cluster).objects.update(unreachable_since="2026-11-01T00:00Z")
    assert preview(team, {Account(Scope.TEAM, "jobs"): 5}).shut == {"cluster_silent": 1}
    Team.objects.update(disabled_at="2026-11-01T00:00Z")
    assert preview(team, {Account(Scope.TEAM, "jobs"): 5}).shut == {"team_disabled": 1}


def test_a_very_long_queue_is_looked_at_in_part(make_job, team, monkeypatch):
    monkeypatch.setattr("jobs.quota.preview.MOST", 3)
    [make_job() for _ in range(5)]
    assert preview(team, {}).sentences == ["3 or more waiting jobs would start at once."]
