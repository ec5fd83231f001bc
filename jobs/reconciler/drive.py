"""The reconciler's hands: jobs, from what is known to their next steps, until there is nothing to do."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from clusters.driver import ClusterRefused, ClusterUnreachable, DriverError, Explained, State
from jobs.admission import queues
from jobs.admission.admit import admit_due
from jobs.catalogue import Own
from jobs.lifecycle import OVER, TERMINAL, Act, Sight, Status, next_step
from jobs.models import Attempt, Job
from jobs.reconciler import explaining, removal
from jobs.reconciler.acts import (
    ACTS,
    GiveUp,
    Going,
    Retry,
    is_about_to_end,
    note,
    side_by_side,
)
from jobs.reconciler.explaining import tell
from jobs.reconciler.ground import Ground
from jobs.reconciler.moving import give_up, move_all

MOST_STEPS = 8
# What is new of a running job makes it due with the same transaction; this look finds nothing.
LOOK_AT_RUNNING = 180.0


def drive(job_id: int) -> float | None:
    """Do every step the job is ready for. Seconds until the next look; None: never again."""
    return drive_all([job_id])[job_id]


def drive_all(job_ids: Sequence[int], *, remove_after: float = 0.0) -> dict[int, float | None]:
    """The same for many, side by side: what is written of a step is written for all of them at once.

    What is over stays at the cluster for `remove_after` seconds: jobs that somebody waits for go first. A cluster is
    asked why when every job has made the steps that it can. One job's defect is raised for all of them; then they
    have to be driven one by one.
    """
    rounds = Rounds(dict.fromkeys(job_ids), remove_after)
    going = list(job_ids)
    for _ in range(MOST_STEPS):
        going = rounds.go(going) or rounds.inquire()
        if not going:
            return rounds.looks
    return rounds.looks | dict.fromkeys([*going, *(each.job.pk for each in rounds.asking)], 1.0)


@dataclass
class Rounds:
    """Several jobs, one step after the other: act, then record. What clusters are asked of them comes in between."""

    looks: dict[int, float | None]
    remove_after: float
    ground: Ground = field(default_factory=Ground)
    asking: list[Going] = field(default_factory=list)
    refined: set[int] = field(default_factory=set)

    def go(self, job_ids: Sequence[int]) -> list[int]:
        """One step of each. The ids of those that changed: they may have a next step at once.

        The others' next looks are in `looks`; or they are in `asking`.
        """
        again: list[int] = []
        admitted: list[Going] = []
        moving: list[tuple[Going, None]] = []
        found = [going for going in _load(job_ids) if not self._is_left(going)]
        for going in self._act([going for going in found if self._is_ready(going)]):
            if going.step.act is Act.ADMIT:
                admitted.append(going)
            elif going.step.act is Act.REMOVE:
                self.looks[going.job.pk] = None
            elif going.step.to is None:
                self._wait(going)
            elif going.step.to is Status.ERROR and going.attempt and explaining.is_asked(going.job):
                self.asking.append(going)
            else:
                moving.append((going, None))
        return again + self._admit(admitted) + move_all(moving)

    def _admit(self, waiting: list[Going]) -> list[int]:
        """Somebody asked for a look at these: it is a look at their teams' queues. The ids of those that start.

        The others rest: they are looked at with their queues, and each alone when it is cancelled.
        """
        queues.wake({going.job.team_id for going in waiting})
        started = admit_due(leased=self.looks.keys()) if waiting else {}
        for going in waiting:
            if going.job.pk not in started:
                self.looks[going.job.pk] = None
        return [going.job.pk for going in waiting if going.job.pk in started]

    def inquire(self) -> list[int]:
        """Ask the clusters about those in `asking`, side by side, and tell. The ids of those that changed."""
        found, self.asking = self.asking, []
        asking = [going for going in found if self._is_to_be_asked(going)]
        again: list[int] = []
        moving: list[tuple[Going, Explained | None]] = []
        for going, answer in zip(asking, side_by_side(self._ask, asking), strict=True):
            if isinstance(answer, Retry):
                self._settle(going, answer)
            elif going.step.act is Act.REMOVE:
                if answer is not None:
                    explaining.refine_end(going.job, answer.reason, answer.message)
                self.refined.add(going.job.pk)
                again.append(going.job.pk)
            elif going.step.to is None:
                self._tell_found(going, answer)
            else:
                moving.append((going, answer))
        return again + move_all(moving)

    def _is_left(self, going: Going) -> bool:
        """Over and removed, or over and not to be removed yet."""
        job, attempt = going.job, going.attempt
        if job.status not in TERMINAL:
            return False
        if attempt is None or attempt.removed_at is not None:
            return True
        if going.step.act is not Act.REMOVE or not self.remove_after:
            return False
        left = removal.seconds_left(job, attempt, going.over_for, self.remove_after)
        if removal.is_end_seen(attempt) and self._is_kept_in_a_rush(going, left):
            self.looks[job.pk] = removal.LOOK_IN_A_RUSH
            return True
        if left <= 0 or (removal.is_end_seen(attempt) and explaining.may_be_refined(job)):
            return False
        self.looks[job.pk] = left
        return True

    def _is_kept_in_a_rush(self, going: Going, left: float) -> bool:
        is_young = going.over_for.total_seconds() < removal.KEPT_IN_A_RUSH
        return left <= 0 and is_young and self.ground.is_rush(going.job.cluster_id)

    def _is_ready(self, going: Going) -> bool:
        """Everything that the act needs of the database is read; otherwise it is settled what comes of the job."""
        try:
            if going.step.act is Act.ADMIT:
                if not going.job.cluster.is_enabled:
                    raise GiveUp(Own.CLUSTER_REMOVED, "")
            elif going.attempt is not None and going.step.act is not Act.NOTHING:
                self.ground.driver(going.job)
                if going.step.act is Act.CREATE:
                    going.work = self.ground.work_of(going.job, going.attempt)
                if self._is_to_be_refined(going, going.attempt):
                    self.asking.append(going)
                    return False
        except (Retry, GiveUp) as outcome:
            self._settle(going, outcome)
            return False
        return True

    def _is_to_be_refined(self, going: Going, attempt: Attempt) -> bool:
        """With the work goes what the cluster knows of its end."""
        if going.step.act is not Act.REMOVE or going.job.pk in self.refined:
            return False
        return explaining.may_be_refined(going.job) and not is_about_to_end(attempt)

    def _act(self, all_going: list[Going]) -> list[Going]:
        """At the cluster, many at once and without the database, then recorded. Those with which it went well."""
        acting = [going for going in all_going if going.step.act in ACTS and going.attempt is not None]
        together = self._remove_together([going for going in acting if going.step.act is Act.REMOVE])
        alone = [going for going in acting if going not in together]
        outcomes = side_by_side(self._try, alone)
        failed = [
            (going, outcome) for going, outcome in zip(alone, outcomes, strict=True) if outcome is not None
        ]
        for going, outcome in failed:
            self._settle(going, outcome)
        without = {going for going, _ in failed}
        acted = [going for going in acting if going not in without]
        note(acted)
        for going in acted:
            if going.step.act is Act.CREATE:
                tell(going.job, "", "")
        return [going for going in all_going if going not in without]

    def _remove_together(self, removing: list[Going]) -> set[Going]:
        """Those of them that are gone by a request for several; each of the others is removed alone."""
        by_place: dict[tuple[int, str], dict[str, Going]] = defaultdict(dict)
        for going in removing:
            if going.attempt is not None and going.attempt.seen_state == State.ENDED:
                place = (going.job.cluster_id, going.attempt.space)
                by_place[place][going.attempt.name] = going
        gone: set[Going] = set()
        for (cluster_id, space), by_name in by_place.items():
            if len(by_name) < 2:
                continue
            try:
                names = self.ground.drivers[cluster_id].remove_ended(by_name.keys(), space)
            except DriverError:
                continue  # each of them will say what is wrong
            gone |= {by_name[name] for name in names}
        return gone

    def _try(self, going: Going) -> Retry | GiveUp | None:
        """In a thread of its own: no database."""
        try:
            ACTS[going.step.act](going, self.ground.drivers[going.job.cluster_id])
        except (Retry, GiveUp) as outcome:
            return outcome
        return None

    def _settle(self, going: Going, outcome: Retry | GiveUp) -> None:
        if isinstance(outcome, GiveUp):
            self.looks[going.job.pk] = give_up(going, outcome)
            return
        if outcome.is_refusal and going.attempt is not None:
            _count_refusal(going.attempt)
        if outcome.reason:
            tell(going.job, outcome.reason, outcome.detail)
        self.looks[going.job.pk] = outcome.seconds

    def _wait(self, going: Going) -> None:
        """Nothing is to be done: tell why, or ask for it later."""
        job, attempt = going.job, going.attempt
        self.looks[job.pk] = _patience(job, attempt, going.sight)
        if Status(job.status) in TERMINAL:
            return
        going.age = explaining.tell_wait(job, attempt)
        if attempt is None or going.age is None:
            return
        if explaining.is_due(job, attempt, going.age):
            self.asking.append(going)
        self._look_later(going, attempt, going.age)

    def _is_to_be_asked(self, going: Going) -> bool:
        """There is somebody to ask, a reason to, and not too many did. An end is told in any case."""
        try:
            driver = self.ground.driver(going.job)
        except Retry as retry:
            if going.step.to is None:
                self._settle(going, retry)
            return going.step.to is not None
        if going.age is None or going.attempt is None:
            return True
        is_quiet = explaining.is_quiet(driver, going.job, going.attempt)
        is_asked = explaining.inquiries.take(
            going.job.cluster_id, going.attempt, going.age, is_quiet=is_quiet
        )
        self._look_later(going, going.attempt, going.age)
        return is_asked

    def _ask(self, going: Going) -> Explained | Retry | None:
        """In a thread of its own: no database."""
        driver, attempt = self.ground.drivers.get(going.job.cluster_id), going.attempt
        if driver is None or attempt is None:
            return None
        if going.step.act is not Act.REMOVE:
            return explaining.ask(driver, attempt, going.age or 0.0)
        try:
            seen = driver.look(attempt.name, attempt.space)
        except (ClusterUnreachable, ClusterRefused):
            return Retry(2)
        return Explained(seen.reason, seen.message) if seen else None

    def _tell_found(self, going: Going, found: Explained | None) -> None:
        assert going.attempt is not None
        assert going.age is not None
        explaining.tell_found(going.job, going.attempt, found)
        self._look_later(going, going.attempt, going.age)

    def _look_later(self, going: Going, attempt: Attempt, age: float) -> None:
        """As usual, or when an inquiry is worth it."""
        left = explaining.seconds_left(going.job, attempt, age)
        self.looks[going.job.pk] = min(_patience(going.job, attempt, going.sight), max(1.0, left))


def _load(job_ids: Sequence[int]) -> list[Going]:
    """The jobs that exist, with their newest attempts and next steps."""
    # Load first, look second: the wish is read before the facts, so that a claim made before the wish is seen.
    rows = Job.objects.prefetch_related("cluster").filter(pk__in=job_ids).order_by("next_look_at", "pk")
    # By the database's clock.
    jobs: list[Any] = list(rows.annotate(over_for=Now() - F("finished_at")))
    newest = Attempt.objects.filter(job_id__in=job_ids).order_by("job_id", "-number").distinct("job_id")
    attempts = {attempt.job_id: attempt for attempt in newest}
    found = []
    for job in jobs:
        attempt = attempts.get(job.pk)
        sight = attempt.sight if attempt else Sight.NOTHING
        step = next_step(Status(job.status), sight, job.wish)
        found.append(Going(job, attempt, sight, step, job.over_for or timedelta()))
    return found


def _count_refusal(attempt: Attempt) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(create_failures=F("create_failures") + 1)


def _patience(job: Job, attempt: Attempt | None, seen: Sight) -> float:
    """Facts arrive with a poke; these looks are for the case that one was lost."""
    if Status(job.status) in TERMINAL:
        return 2.0 if seen in OVER else 1.0
    if job.is_cancelling:
        return 5.0
    if job.status == Status.STARTING and attempt is not None and attempt.seen_state == State.RUNNING:
        return LOOK_AT_RUNNING
    return {Status.QUEUED: 3.0, Status.STARTING: 10.0, Status.FINISHING: 10.0}.get(
        Status(job.status), LOOK_AT_RUNNING
    )
