"""The reconciler's hands: one job, from what is known to its next step, until there is nothing to do."""

import logging
from datetime import datetime, timedelta
from functools import partial
from shutil import disk_usage

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from clusters.causes import PATIENT, End
from clusters.driver import (
    LABEL_ATTEMPT,
    LABEL_INSTALLATION,
    LABEL_JOB,
    LABEL_TEAM,
    AdminFirst,
    ClusterRefused,
    ClusterUnreachable,
    Driver,
    DriverError,
    NameTaken,
    State,
    Work,
    WorkInvalid,
)
from clusters.drivers import driver_of, installation_id, portal_url_of
from clusters.failpoints import failpoint
from clusters.placement import space_for
from jobs.catalogue import Own
from jobs.hints import announce
from jobs.lifecycle import DONE, OVER, TERMINAL, Act, Sight, Status, Step, next_step
from jobs.models import Attempt, Job
from jobs.reconciler.explaining import explain_end, explain_wait, is_asked, refine_end, tell

log = logging.getLogger(__name__)
MOST_STEPS = 8
REFUSALS_BEFORE_ERROR = 5
TOLD_WITHIN = timedelta(seconds=15)
LONGEST_RETRY = 20.0


class Retry(Exception):
    """The cluster could not act; look again in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def drive(job_id: int) -> float | None:
    """Do every step the job is ready for. Seconds until the next look; None: never again."""
    for _ in range(MOST_STEPS):
        # Load first, look second: the wish is read before the facts, so that a claim made before the wish is seen.
        job = Job.objects.select_related("cluster").filter(pk=job_id).first()
        if job is None:
            return None
        attempt = job.attempts.order_by("-number").first()
        seen = attempt.sight if attempt else Sight.NOTHING
        step = next_step(Status(job.status), seen, job.wish)
        if Status(job.status) in TERMINAL and (attempt is None or attempt.removed_at is not None):
            return None
        try:
            if not _do(step, job, attempt):
                return _wait(job, attempt, seen)
        except Retry as retry:
            return retry.seconds
    return 1.0


def _wait(job: Job, attempt: Attempt | None, seen: Sight) -> float | None:
    """Nothing is to be done: tell why. Seconds until the next look."""
    patience = _patience(job, seen)
    if Status(job.status) in TERMINAL or patience is None:
        return patience
    return min(patience, max(1.0, explain_wait(job, attempt, partial(_driver, job))))


def _do(step: Step, job: Job, attempt: Attempt | None) -> bool:
    """Act, then record. True: something changed, look at once for the next step."""
    if step.act is Act.ADMIT:
        return _admit(job)
    changed = False
    if attempt is not None and step.act is not Act.NOTHING:
        changed = ACTS[step.act](job, attempt, _driver(job))
    if step.to is None:
        return changed
    return _move(job, attempt, step.to)


def _driver(job: Job) -> Driver:
    """Raises Retry while an admin has to act first."""
    try:
        return driver_of(job.cluster)
    except ClusterRefused as error:
        if Status(job.status) is Status.STARTING:
            tell(job, Own.NO_PLACE, str(error))
        raise Retry(10) from error


def _admit(job: Job) -> bool:
    """Record the attempt, then nobody needs to remember anything: its name and token follow from the row."""
    if not job.cluster.is_enabled:
        return _give_up(job, "cluster_removed", "")
    _wait_for_disk(job)
    space = _place(job)
    number = job.attempts.count() + 1
    with transaction.atomic():
        if not job.move_to(Status.STARTING, sentence=f"Preparing attempt {number} on {job.cluster.name}."):
            return True
        name = f"sw-{installation_id()}-{job.pk}-{number}"
        Attempt.objects.create(job=job, number=number, name=name, space=space)
        transaction.on_commit(partial(announce, job.pk, "status"), robust=True)
    failpoint("drive.admitted")
    return True


def _wait_for_disk(job: Job) -> None:
    """No job is started whose output could not be kept. Raises Retry."""
    if disk_usage(settings.MEDIA_ROOT).free >= settings.STORAGE_RESERVE_BYTES:
        return
    tell(job, Own.NO_SPACE, "")
    raise Retry(10)


def _place(job: Job) -> str:
    """Where on the cluster its work belongs. Raises Retry while that is not ready."""
    try:
        return space_for(job.cluster, job.team_id)
    except DriverError as error:
        tell(job, Own.NO_PLACE, str(error))
        raise Retry(5) from error


def _create(job: Job, attempt: Attempt, driver: Driver) -> bool:
    try:
        driver.create(work_of(job, attempt))
    except ClusterUnreachable as error:
        raise Retry(5) from error
    except NameTaken as error:
        # Somebody else's work: nothing of ours is there to be stopped or removed.
        Attempt.objects.filter(pk=attempt.pk).update(removed_at=Now())
        return _give_up(job, Own.INVALID, str(error))
    except WorkInvalid as error:
        return _give_up(job, error.cause or Own.INVALID, str(error))
    except AdminFirst as error:
        # It says nothing about this job: it goes on where it is when the admin has acted.
        raise Retry(10) from error
    except ClusterRefused as error:
        return _refused(job, attempt, error)
    failpoint("drive.created")
    Attempt.objects.filter(pk=attempt.pk, created_at=None).update(created_at=Now())
    tell(job, "", "")
    return False


def _refused(job: Job, attempt: Attempt, error: ClusterRefused) -> bool:
    """Tell why and try again, ever more patiently; given up after some times, unless time alone may heal it."""
    Attempt.objects.filter(pk=attempt.pk).update(create_failures=F("create_failures") + 1)
    failures = attempt.create_failures + 1
    reason = error.cause or Own.CLUSTER_REFUSED
    if error.cause not in PATIENT and failures >= REFUSALS_BEFORE_ERROR:
        return _give_up(job, reason, str(error))
    tell(job, reason, str(error))
    raise Retry(min(2.0**failures, LONGEST_RETRY)) from error


def _stop(job: Job, attempt: Attempt, driver: Driver) -> bool:
    try:
        driver.stop(attempt.name, attempt.space)
    except (ClusterUnreachable, ClusterRefused) as error:
        raise Retry(3) from error
    failpoint("drive.stopped")
    Attempt.objects.filter(pk=attempt.pk, stop_sent_at=None).update(stop_sent_at=Now())
    return False


def _remove(job: Job, attempt: Attempt, driver: Driver) -> bool:
    is_ended = attempt.seen_state == State.ENDED
    if not is_ended and _is_about_to_end(attempt):
        raise Retry(2)
    try:
        if job.status == Status.ERROR and job.reason == End.STOPPED and is_asked(job):
            # With the work goes what the cluster knows of its end.
            seen = driver.look(attempt.name, attempt.space)
            refine_end(job, seen.reason if seen else "", seen.message if seen else "")
        driver.remove(attempt.name, attempt.space, is_ended=is_ended)
    except (ClusterUnreachable, ClusterRefused) as error:
        raise Retry(2) from error
    Attempt.objects.filter(pk=attempt.pk).update(removed_at=Now())
    return True


def _is_about_to_end(attempt: Attempt) -> bool:
    """Everything came home a moment ago: watch will say, at no cost, when nothing of it runs any more."""
    return attempt.collected_at is not None and timezone.now() - attempt.collected_at < TOLD_WITHIN


ACTS = {Act.CREATE: _create, Act.STOP: _stop, Act.REMOVE: _remove}


def _give_up(job: Job, reason: str, detail: str) -> bool:
    sentence = job.explained(Status.ERROR, reason, detail).sentence
    moved = job.move_to(Status.ERROR, reason=reason, detail=detail, sentence=sentence)
    announce(job.pk, "status")
    return moved


def _move(job: Job, attempt: Attempt | None, to: Status) -> bool:
    reason, detail, exit_code = _why(to, attempt)
    if to is Status.ERROR and attempt is not None:
        to, reason, detail = explain_end(job, attempt, lambda: driver_of(job.cluster), reason, detail)
    sentence = job.explained(to, reason, detail, exit_code).sentence
    told = {"reason": reason, "detail": detail, "exit_code": exit_code, "sentence": sentence}
    job.move_to(to, **told, **_times(to, attempt))  # type: ignore[arg-type]
    failpoint("drive.moved")
    announce(job.pk, "status")
    return True


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
        code_reason = Own.SIGNAL if attempt.signal else Own.EXIT_CODE if facts.exit_code else ""
        reason = facts.reason or code_reason
        code = (
            facts.exit_code if facts.exit_code is not None else (-attempt.signal if attempt.signal else None)
        )
        words = attempt.seen_message if facts.reason == attempt.seen_reason else ""
        return reason, words, code
    if to is Status.CANCELLED:
        return "", "", None
    usual = End.LOST if attempt.sight is Sight.LOST else End.REFUSED
    is_known = attempt.seen_state == State.ENDED and not attempt.is_absent
    reason = (attempt.seen_reason if is_known else "") or usual
    return reason, attempt.seen_message, attempt.seen_exit_code


def _patience(job: Job, seen: Sight) -> float | None:
    """Facts arrive with a poke; these looks are for the case that one was lost."""
    if Status(job.status) in TERMINAL:
        return 2.0 if seen in OVER else 1.0
    if job.is_cancelling:
        return 5.0
    return {Status.QUEUED: 3.0, Status.STARTING: 10.0, Status.FINISHING: 10.0}.get(Status(job.status), 60.0)


def work_of(job: Job, attempt: Attempt) -> Work:
    """The values a driver needs, from the job's snapshot."""
    return Work(
        name=attempt.name,
        labels={
            LABEL_INSTALLATION: installation_id(),
            LABEL_JOB: str(job.pk),
            LABEL_ATTEMPT: str(attempt.number),
            LABEL_TEAM: str(job.team_id),
        },
        image=job.image_reference,
        portal_url=portal_url_of(job.cluster),
        token=attempt.token,
        cpu_millis=job.cpu_millis,
        memory_bytes=job.memory_bytes,
        disk_bytes=job.disk_bytes,
        max_processes=job.max_processes,
        gpu_count=job.gpu_count,
        gpu_resource=job.gpu_resource,
        space=attempt.space,
        pull_secret=job.pull_secret,
        node_labels=job.node_labels,
        tolerations=job.tolerations,
        time_limit_seconds=job.time_limit_seconds,
        grace_seconds=settings.JOB_GRACE_SECONDS,
    )
