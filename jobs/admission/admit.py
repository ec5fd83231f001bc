"""One look at a team's queue: decide, charge the ledger and record the attempts, in one transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from clusters.drivers import installation_id
from clusters.failpoints import failpoint
from jobs import hints
from jobs.admission import lanes, queues
from jobs.admission.blocks import seconds_until_next, write_queue
from jobs.admission.budgets import fill_in
from jobs.admission.choosing import Choice, Pace, choose
from jobs.admission.gates import Gate, gates_for, room_at
from jobs.admission.giving_back import lacking, take_back
from jobs.admission.lanes import Waiting
from jobs.catalogue import Own
from jobs.lifecycle import Status
from jobs.models import Attempt, Job, TeamQueue
from jobs.models.job import QUEUED, Move
from teams.quota.book import Account
from teams.quota.ledger import Ledger, lock_team, open_ledger

# Somebody else looks at this queue now, or has one of its jobs: what is left is looked at again.
SOON_SECONDS = 1.0


@dataclass
class Look:
    """What a look came to. `next_seconds`: until the next; None: when the queue is woken. `needs` are lent."""

    started: dict[int, int] = field(default_factory=dict)
    has_more: bool = False
    next_seconds: float | None = None
    needs: dict[str, int] = field(default_factory=dict)


def admit_due(leased: Collection[int] = (), pace: Pace | None = None) -> dict[int, int]:
    """Look at all queues that are due, those with the smallest share first. Job to cluster of what was started.

    `leased` jobs are the caller's to go on with; all others are made due.
    """
    started: dict[int, int] = {}
    while due := queues.take_due():
        for queue in due:
            look = admit_team(queue.team_id, leased, pace)
            started |= look.started
            queues.give_back(queue, 0.0 if look.has_more else look.next_seconds)
    return started


def admit_team(team_id: int, leased: Collection[int] = (), pace: Pace | None = None) -> Look:
    """Start what may start of the team's queue, MOST_AT_ONCE jobs at most, and note why the rest waits."""
    clusters = {first.lane.cluster_id for first in lanes.firsts(team_id)}
    gates = gates_for(team_id, clusters)
    _end_what_cannot_start(team_id, gates)
    with transaction.atomic():
        if not lock_team(team_id, wait=False):
            return Look(next_seconds=SOON_SECONDS)
        look = _admit_locked(team_id, gates, leased, pace)
    for _ in look.started:
        failpoint("drive.admitted")
    take_back(team_id, look.needs)
    return look


def _admit_locked(team_id: int, gates: dict[int, Gate], leased: Collection[int], pace: Pace | None) -> Look:
    # Those of a cluster that came into the queue this very moment have their turn with the next look.
    found = lanes.firsts(team_id)
    firsts = [first for first in found if first.lane.cluster_id in gates]
    budgets = {account for first in firsts for account in first.lane.demand.budgets()}
    ledger = open_ledger(team_id, _accounts(firsts), more=budgets, may_borrow=not _is_owed_to_others(team_id))
    fill_in(ledger.book, team_id, budgets)
    closed = {
        first.lane: block for first in firsts if (block := gates[first.lane.cluster_id].block) is not None
    }
    room = room_at({first.lane.cluster_id for first in firsts})
    choice = choose(firsts, ledger.book, closed, partial(lanes.behind, team_id), pace, room)
    jobs = _held(choice.starting)
    _take_back(ledger, choice, jobs)
    _start(jobs, gates, leased)
    ledger.write()
    look = Look({job.pk: job.cluster_id for job in jobs}, choice.has_more or len(firsts) < len(found))
    look.next_seconds, look.needs = seconds_until_next(choice), lacking(choice)
    if len(jobs) < len(choice.starting):
        # Somebody has one of them in his hands: not at once, or this would ask again and again until he lets go.
        look.next_seconds = SOON_SECONDS
    write_queue(team_id, choice)
    return look


def _accounts(firsts: Iterable[Waiting]) -> set[Account]:
    return {account for first in firsts for account, _ in first.lane.demand.accounts()}


def _is_owed_to_others(team_id: int) -> bool:
    """Another team that shares waits for what is its own: nobody borrows until it has it."""
    return TeamQueue.objects.filter(is_owed=True, team__shares_quota=True).exclude(team=team_id).exists()


def _held(starting: Sequence[Waiting]) -> list[Job]:
    """The jobs, locked; without those that somebody cancels this very moment."""
    ids = [each.job_id for each in starting]
    rows = Job.objects.filter(QUEUED, pk__in=ids).select_related("cluster")
    return list(rows.select_for_update(skip_locked=True, of=("self",), no_key=True).order_by("pk"))


def _take_back(ledger: Ledger, choice: Choice, jobs: Sequence[Job]) -> None:
    held = {job.pk for job in jobs}
    for each in choice.starting:
        if each.job_id not in held:
            ledger.book.put_back(each.lane.demand)


def _start(jobs: Sequence[Job], gates: dict[int, Gate], leased: Collection[int]) -> None:
    """Name and token follow from the attempt's row: nobody needs to remember anything else."""
    if not jobs:
        return
    ids = [job.pk for job in jobs]
    numbers = Attempt.objects.filter(job__in=ids).values("job_id").annotate(last=Max("number"))
    last = dict(numbers.values_list("job_id", "last"))
    attempts = [_attempt(job, last.get(job.pk, 0) + 1, gates[job.cluster_id].space) for job in jobs]
    Job.move_all(
        [
            Move(
                job,
                Status.STARTING,
                sentence=f"Preparing attempt {attempt.number} on {job.cluster.name}.",
            )
            for job, attempt in zip(jobs, attempts, strict=True)
        ]
    )
    Attempt.objects.bulk_create(attempts)
    others = [pk for pk in ids if pk not in set(leased)]
    if others:
        Job.objects.filter(pk__in=others).update(next_look_at=Now())
    transaction.on_commit(partial(hints.announce_all, ids, "status"), robust=True)


def _attempt(job: Job, number: int, space: str) -> Attempt:
    name = f"sw-{installation_id()}-{job.pk}-{number}"
    return Attempt(job=job, number=number, name=name, space=space, reserved_at=Now())


def _end_what_cannot_start(team_id: int, gates: dict[int, Gate]) -> None:
    """Jobs for a cluster that was switched off: a worker ends each of them, with its reason."""
    away = [key for key, gate in gates.items() if gate.block and gate.block.reason == Own.CLUSTER_REMOVED]
    if away:
        Job.objects.filter(QUEUED, team=team_id, cluster__in=away).update(next_look_at=Now())
