"""What is done at a cluster for a job: without the database, many at once; and when it was done."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from clusters.causes import PATIENT
from clusters.driver import (
    LABEL_ATTEMPT,
    LABEL_INSTALLATION,
    LABEL_JOB,
    LABEL_TEAM,
    AdminFirst,
    ClusterRefused,
    ClusterUnreachable,
    Driver,
    NameTaken,
    State,
    Work,
    WorkInvalid,
)
from clusters.drivers import installation_id, portal_url_of
from clusters.failpoints import failpoint
from jobs.catalogue import Own
from jobs.lifecycle import Act, Sight, Step
from jobs.models import Attempt, Job

REFUSALS_BEFORE_ERROR = 5
SOONEST_RETRY, LONGEST_RETRY = 2.0, 20.0
# What waits for room in a quota is tried again after such a share of the time that it has waited.
RETRY_SHARE = 0.25
TOLD_WITHIN = timedelta(seconds=15)
# So many requests to one cluster at once; the HTTP client keeps as many connections.
AT_ONCE = 16
T = TypeVar("T")
R = TypeVar("R")


class Retry(Exception):
    """The cluster could not act; look again in `seconds`. `reason` and `detail` tell people why, where they say it.

    `is_refusal`: it counts as one.
    """

    def __init__(
        self, seconds: float, reason: str = "", detail: str = "", *, is_refusal: bool = False
    ) -> None:
        super().__init__(seconds)
        self.seconds, self.reason, self.detail, self.is_refusal = seconds, reason, detail, is_refusal


class GiveUp(Exception):
    """The job ends as an error. `is_ours`: something of it may be at the cluster."""

    def __init__(self, reason: str, detail: str, *, is_ours: bool = True) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.is_ours = reason, detail, is_ours


@dataclass(eq=False)
class Going:
    """A job in a round. `over_for`: since its end; `work` is what is made at the cluster.

    `age`: seconds since it was made, where it is of use to inquire into what it waits for.
    """

    job: Job
    attempt: Attempt | None
    sight: Sight
    step: Step
    over_for: timedelta = timedelta()
    work: Work | None = None
    age: float | None = None


def _create(going: Going, driver: Driver) -> None:
    assert going.work is not None
    assert going.attempt is not None
    try:
        driver.create(going.work)
    except ClusterUnreachable as error:
        raise Retry(5) from error
    except NameTaken as error:
        raise GiveUp(Own.INVALID, str(error), is_ours=False) from error
    except WorkInvalid as error:
        raise GiveUp(error.cause or Own.INVALID, str(error)) from error
    except AdminFirst as error:
        # It says nothing about this job: it goes on where it is when the admin has acted.
        raise Retry(10) from error
    except ClusterRefused as error:
        raise _refused(going.job, going.attempt, error) from error
    failpoint("drive.created")


def _refused(job: Job, attempt: Attempt, error: ClusterRefused) -> Retry | GiveUp:
    """Tell why and try again, ever more patiently; given up after some times, unless time alone may heal it."""
    if error.cause in PATIENT:
        waited = (timezone.now() - job.starting_at).total_seconds() if job.starting_at else 0.0
        seconds = min(max(SOONEST_RETRY, waited * RETRY_SHARE), LONGEST_RETRY)
        return Retry(seconds, error.cause, str(error))
    failures = attempt.create_failures + 1
    reason = error.cause or Own.CLUSTER_REFUSED
    if failures >= REFUSALS_BEFORE_ERROR:
        return GiveUp(reason, str(error))
    return Retry(min(2.0**failures, LONGEST_RETRY), reason, str(error), is_refusal=True)


def _stop(going: Going, driver: Driver) -> None:
    assert going.attempt is not None
    try:
        driver.stop(going.attempt.name, going.attempt.space)
    except (ClusterUnreachable, ClusterRefused) as error:
        raise Retry(3) from error
    failpoint("drive.stopped")


def _remove(going: Going, driver: Driver) -> None:
    attempt = going.attempt
    assert attempt is not None
    if is_about_to_end(attempt):
        raise Retry(2)
    try:
        driver.remove(attempt.name, attempt.space, is_ended=attempt.seen_state == State.ENDED)
    except (ClusterUnreachable, ClusterRefused) as error:
        raise Retry(2) from error


def is_about_to_end(attempt: Attempt) -> bool:
    """Everything came home a moment ago: watch will say, at no cost, when nothing of it runs any more."""
    if attempt.seen_state == State.ENDED or attempt.collected_at is None:
        return False
    return timezone.now() - attempt.collected_at < TOLD_WITHIN


ACTS = {Act.CREATE: _create, Act.STOP: _stop, Act.REMOVE: _remove}
NOTED = {Act.CREATE: "created_at", Act.STOP: "stop_sent_at", Act.REMOVE: "removed_at"}


def side_by_side(call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What `call` answers for each; several run in threads, which have no database."""
    items = list(items)
    if len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(items))) as pool:
        return list(pool.map(call, items))


def note(acted: list[Going]) -> None:
    """When the acts were done: one statement for each kind; of what was made, in the objects too."""
    for act, column in NOTED.items():
        ids = sorted(
            going.attempt.pk for going in acted if going.step.act is act and going.attempt is not None
        )
        if ids:
            Attempt.objects.filter(pk__in=ids, **{column: None}).update(**{column: Now()})
    for going in acted:
        if going.step.act is Act.CREATE and going.attempt is not None:
            # From here on its age tells when to ask why it waits.
            going.attempt.created_at = going.attempt.created_at or timezone.now()


def work_of(job: Job, attempt: Attempt, portal_url: str = "") -> Work:
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
        portal_url=portal_url or portal_url_of(job.cluster),
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
