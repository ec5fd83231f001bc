"""What is done at a cluster for a job: without the database, many at once; and when it was done."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from clusters.driver import (
    LABEL_ATTEMPT,
    LABEL_INSTALLATION,
    LABEL_JOB,
    LABEL_TEAM,
    ClusterRefused,
    ClusterUnreachable,
    Driver,
    NameTaken,
    Work,
    WorkInvalid,
)
from clusters.drivers import installation_id, portal_url_of
from clusters.failpoints import failpoint
from jobs.lifecycle import Act, Sight, Step
from jobs.models import Attempt, Job

REFUSALS_BEFORE_ERROR = 5


class Retry(Exception):
    """The cluster could not act; look again in `seconds`. `is_refusal`: it counts as one."""

    def __init__(self, seconds: float, *, is_refusal: bool = False) -> None:
        super().__init__(seconds)
        self.seconds, self.is_refusal = seconds, is_refusal


class GiveUp(Exception):
    """The job ends as an error. `is_ours`: something of it may be at the cluster."""

    def __init__(self, reason: str, detail: str, *, is_ours: bool = True) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.is_ours = reason, detail, is_ours


@dataclass
class Going:
    """A job in a round. `over_for`: since its end; `space` is where it will be, `work` what is made there."""

    job: Job
    attempt: Attempt | None
    sight: Sight
    step: Step
    over_for: timedelta = timedelta()
    space: str = ""
    work: Work | None = None


def _create(going: Going, driver: Driver) -> None:
    assert going.work is not None
    assert going.attempt is not None
    try:
        driver.create(going.work)
    except ClusterUnreachable as error:
        raise Retry(5) from error
    except NameTaken as error:
        raise GiveUp("invalid", str(error), is_ours=False) from error
    except WorkInvalid as error:
        raise GiveUp("invalid", str(error)) from error
    except ClusterRefused as error:
        failures = going.attempt.create_failures + 1
        if failures >= REFUSALS_BEFORE_ERROR:
            raise GiveUp("cluster_refused", str(error)) from error
        raise Retry(2**failures, is_refusal=True) from error
    failpoint("drive.created")


def _stop(going: Going, driver: Driver) -> None:
    assert going.attempt is not None
    try:
        driver.stop(going.attempt.name, going.attempt.space)
    except (ClusterUnreachable, ClusterRefused) as error:
        raise Retry(3) from error
    failpoint("drive.stopped")


def _remove(going: Going, driver: Driver) -> None:
    assert going.attempt is not None
    try:
        driver.remove(going.attempt.name, going.attempt.space)
    except (ClusterUnreachable, ClusterRefused) as error:
        raise Retry(2) from error


ACTS = {Act.CREATE: _create, Act.STOP: _stop, Act.REMOVE: _remove}
NOTED = {Act.CREATE: "created_at", Act.STOP: "stop_sent_at", Act.REMOVE: "removed_at"}


def note(acted: list[Going]) -> None:
    """When the acts were done: one statement for each kind."""
    for act, column in NOTED.items():
        ids = sorted(
            going.attempt.pk for going in acted if going.step.act is act and going.attempt is not None
        )
        if ids:
            Attempt.objects.filter(pk__in=ids, **{column: None}).update(**{column: Now()})


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
