"""The reconciler's hands: jobs, from what is known to their next steps, until there is nothing to do."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from shutil import disk_usage
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from clusters.driver import (
    ClusterRefused,
    Driver,
    DriverError,
    State,
    Work,
)
from clusters.drivers import driver_of, installation_id, portal_url_of
from clusters.failpoints import failpoint
from clusters.models import Cluster
from clusters.placement import space_for
from jobs.hints import announce, announce_all
from jobs.lifecycle import DONE, OVER, TERMINAL, Act, Sight, Status, next_step
from jobs.models import Attempt, Job
from jobs.models.job import Move
from jobs.reasons import Situation, explain
from jobs.reconciler.acts import ACTS, GiveUp, Going, Retry, note, work_of
from teams.wording import readable_bytes, readable_seconds

log = logging.getLogger(__name__)
MOST_STEPS = 8
NO_SPACE = "no_space"
# So many requests to one cluster at once; the HTTP client keeps as many connections.
AT_ONCE = 16
# What was seen and is over is seen to be over soon; only then it is asked for whether it is.
END_IS_SEEN_SECONDS = 30.0


def drive(job_id: int) -> float | None:
    """Do every step the job is ready for. Seconds until the next look; None: never again."""
    return drive_all([job_id])[job_id]


def drive_all(job_ids: Sequence[int], *, remove_after: float = 0.0) -> dict[int, float | None]:
    """The same for many, side by side: what is written of a step is written for all of them at once.

    What is over stays at the cluster for `remove_after` seconds: jobs that somebody waits for go first. One job's
    defect is raised for all of them; then they have to be driven one by one.
    """
    looks: dict[int, float | None] = dict.fromkeys(job_ids)
    going, ground = list(job_ids), Ground()
    for _ in range(MOST_STEPS):
        going = Round(looks, ground, remove_after).go(going)
        if not going:
            return looks
    return looks | dict.fromkeys(going, 1.0)


@dataclass
class Ground:
    """What the jobs of a cluster have in common, asked for once."""

    drivers: dict[int, Driver] = field(default_factory=dict)
    portal_urls: dict[int, str] = field(default_factory=dict)
    spaces: dict[tuple[int, int], str] = field(default_factory=dict)

    def driver(self, cluster: Cluster) -> Driver:
        """Raises Retry."""
        try:
            return self.drivers.get(cluster.pk) or self.drivers.setdefault(cluster.pk, driver_of(cluster))
        except ClusterRefused as error:
            raise Retry(10) from error

    def work_of(self, job: Job, attempt: Attempt) -> Work:
        """Raises what the database raises."""
        if job.cluster_id not in self.portal_urls:
            self.portal_urls[job.cluster_id] = portal_url_of(job.cluster)
        return work_of(job, attempt, self.portal_urls[job.cluster_id])

    def space(self, job: Job) -> str:
        """Where on the cluster its work belongs. Raises Retry while that is not ready."""
        key = (job.cluster_id, job.team_id)
        try:
            if key not in self.spaces:
                self.spaces[key] = space_for(job.cluster, job.team_id)
        except DriverError as error:
            raise Retry(5) from error
        return self.spaces[key]


@dataclass
class Round:
    """One step of several jobs: act, then record."""

    looks: dict[int, float | None]
    ground: Ground
    remove_after: float

    def go(self, job_ids: Sequence[int]) -> list[int]:
        """The ids of those that changed: they may have a next step at once. The others' next looks are in `looks`."""
        found = [going for going in _load(job_ids) if not self._is_left(going)]
        acted = self._act([going for going in found if self._is_ready(going)])
        again = [going.job.pk for going in acted if going.step.act is Act.REMOVE]
        admitted = [going for going in acted if going.step.act is Act.ADMIT]
        moving = [going for going in acted if going.step.to is not None and going not in admitted]
        for going in acted:
            if going.step.to is None and going.step.act is not Act.REMOVE:
                _tell_what_it_waits_for(going.job, going.attempt)
                self.looks[going.job.pk] = _patience(going.job, going.attempt, going.sight)
        return again + _admit_all(admitted) + _move_all(moving)

    def _is_left(self, going: Going) -> bool:
        """Over and removed, or over and not to be removed yet."""
        job, attempt = going.job, going.attempt
        if job.status not in TERMINAL:
            return False
        if attempt is None or attempt.removed_at is not None:
            return True
        if going.step.act is not Act.REMOVE or not self.remove_after:
            return False
        over_for = going.over_for.total_seconds()
        is_end_seen = attempt.seen_state in ("", State.ENDED) or attempt.is_absent
        lasts = self.remove_after if is_end_seen else END_IS_SEEN_SECONDS
        if over_for >= lasts:
            return False
        self.looks[job.pk] = lasts - over_for
        return True

    def _is_ready(self, going: Going) -> bool:
        """Everything that the act needs of the database is read; otherwise it is settled what comes of the job."""
        try:
            if going.step.act is Act.ADMIT:
                _check_admission(going.job)
                going.space = self.ground.space(going.job)
            elif going.attempt is not None and going.step.act is not Act.NOTHING:
                self.ground.driver(going.job.cluster)
                if going.step.act is Act.CREATE:
                    going.work = self.ground.work_of(going.job, going.attempt)
        except (Retry, GiveUp) as outcome:
            self._settle(going, outcome)
            return False
        return True

    def _act(self, all_going: list[Going]) -> list[Going]:
        """At the cluster, many at once and without the database, then recorded. Those with which it went well."""
        acting = [going for going in all_going if going.step.act in ACTS and going.attempt is not None]
        if len(acting) > 1:
            with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(acting))) as pool:
                outcomes = list(pool.map(self._try, acting))
        else:
            outcomes = [self._try(going) for going in acting]
        failed = [
            (going, outcome) for going, outcome in zip(acting, outcomes, strict=True) if outcome is not None
        ]
        for going, outcome in failed:
            self._settle(going, outcome)
        without = {id(going) for going, _ in failed}
        note([going for going in acting if id(going) not in without])
        return [going for going in all_going if id(going) not in without]

    def _try(self, going: Going) -> Retry | GiveUp | None:
        """In a thread of its own: no database."""
        try:
            ACTS[going.step.act](going, self.ground.drivers[going.job.cluster_id])
        except (Retry, GiveUp) as outcome:
            return outcome
        return None

    def _settle(self, going: Going, outcome: Retry | GiveUp) -> None:
        if isinstance(outcome, Retry):
            if outcome.is_refusal and going.attempt is not None:
                _count_refusal(going.attempt)
            self.looks[going.job.pk] = outcome.seconds
        else:
            self.looks[going.job.pk] = _end(going, outcome)


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


def _tell_what_it_waits_for(job: Job, attempt: Attempt | None) -> None:
    """The cluster's reason why a job has not begun, while it is so."""
    if attempt is None or job.status != Status.STARTING:
        return
    told = {"reason": attempt.seen_reason, "detail": attempt.seen_message}
    row = Job.objects.filter(pk=job.pk, status=Status.STARTING)
    if (job.reason, job.detail) != (told["reason"], told["detail"]) and row.update(**told):
        announce(job.pk, "status")


def _check_admission(job: Job) -> None:
    """Raises GiveUp, or Retry: no job is started whose output could not be kept."""
    if not job.cluster.is_enabled:
        raise GiveUp("cluster_removed", "")
    if disk_usage(settings.MEDIA_ROOT).free >= settings.STORAGE_RESERVE_BYTES:
        return
    if Job.objects.filter(pk=job.pk, status=Status.QUEUED).exclude(reason=NO_SPACE).update(reason=NO_SPACE):
        announce(job.pk, "status")
    raise Retry(10)


def _admit_all(admitted: list[Going]) -> list[int]:
    """Record the attempts, then nobody needs to remember anything: name and token follow from the row."""
    if not admitted:
        return []
    fresh = {going.job.pk: _attempt_for(going) for going in admitted}
    with transaction.atomic():
        moved = Job.move_all(
            [
                Move(
                    going.job,
                    Status.STARTING,
                    sentence=f"Preparing attempt {fresh[going.job.pk].number} on {going.job.cluster.name}.",
                )
                for going in admitted
            ]
        )
        Attempt.objects.bulk_create(fresh[job_id] for job_id in sorted(moved))
        transaction.on_commit(partial(announce_all, sorted(moved), "status"), robust=True)
    for _ in moved:
        failpoint("drive.admitted")
    return list(fresh)


def _attempt_for(going: Going) -> Attempt:
    number = going.attempt.number + 1 if going.attempt else 1
    name = f"sw-{installation_id()}-{going.job.pk}-{number}"
    return Attempt(job=going.job, number=number, name=name, space=going.space)


def _count_refusal(attempt: Attempt) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(create_failures=F("create_failures") + 1)


def _end(going: Going, outcome: GiveUp) -> float | None:
    """The job ends as an error; seconds until what is left of it is looked after."""
    job, attempt = going.job, going.attempt
    if attempt is not None and not outcome.is_ours:
        # Somebody else's work: nothing of ours is there to be stopped or removed.
        Attempt.objects.filter(pk=attempt.pk).update(removed_at=Now())
    _give_up(job, outcome.reason, outcome.detail)
    return None if attempt is None or not outcome.is_ours else 0.0


def _give_up(job: Job, reason: str, detail: str) -> bool:
    now = Situation(
        status=Status.ERROR, reason=reason, detail=detail, cluster=job.cluster.name, entry=job.entry
    )
    moved = job.move_to(Status.ERROR, reason=reason, detail=detail, sentence=explain(now).sentence)
    announce(job.pk, "status")
    return moved


def _move_all(moving: list[Going]) -> list[int]:
    if not moving:
        return []
    Job.move_all([_move(going.job, going.attempt, going.step.to) for going in moving if going.step.to])
    for _ in moving:
        failpoint("drive.moved")
    ids = [going.job.pk for going in moving]
    announce_all(ids, "status")
    return ids


def _move(job: Job, attempt: Attempt | None, to: Status) -> Move:
    reason, detail, exit_code = _why(to, attempt)
    now = Situation(
        status=to,
        reason=reason,
        detail=detail,
        exit_code=exit_code,
        cluster=job.cluster.name,
        entry=job.entry,
        memory=readable_bytes(job.memory_bytes),
        time_limit=readable_seconds(job.time_limit_seconds),
    )
    return Move(job, to, reason, detail, exit_code, explain(now).sentence, _times(to, attempt))


def _times(to: Status, attempt: Attempt | None) -> dict[str, datetime | None]:
    """When the phase really began: the portal may have been down while it did."""
    if attempt is None:
        return {}
    if to is Status.RUNNING:
        return {"running_at": attempt.started_at}
    if to is Status.FINISHING:
        return {"running_at": attempt.started_at, "finishing_at": attempt.ended_at}
    return {}


def _why(to: Status, attempt: Attempt | None) -> tuple[str, str, int | None]:
    """Reason, the cluster's words and the exit code that go with a move."""
    if attempt is None or to not in TERMINAL:
        return "", "", None
    facts = attempt.facts
    if attempt.sight in DONE:
        reason = facts.reason or ("signal" if attempt.signal else "exit_code" if facts.exit_code else "")
        code = (
            facts.exit_code if facts.exit_code is not None else (-attempt.signal if attempt.signal else None)
        )
        return reason, "", code
    if to is Status.CANCELLED:
        return "", "", None
    reason = "lost" if attempt.sight is Sight.LOST else "refused"
    return reason, attempt.seen_message, attempt.seen_exit_code


def _patience(job: Job, attempt: Attempt | None, seen: Sight) -> float | None:
    """Facts arrive with a poke; these looks are for the case that one was lost."""
    if Status(job.status) in TERMINAL:
        return 2.0 if seen in OVER else 1.0
    if job.is_cancelling:
        return 5.0
    if job.status == Status.STARTING and attempt is not None and attempt.seen_state == State.RUNNING:
        return 60.0
    return {Status.QUEUED: 3.0, Status.STARTING: 10.0, Status.FINISHING: 10.0}.get(Status(job.status), 60.0)
