"""What happens to the job, and what can be read of it."""

from datetime import timedelta

from django.utils import timezone

from clusters.driver import State, Told
from jobs.models import Attempt, Job
from jobs.reconciler.sightings import open_attempts, record

QUOTA = "exceeded quota: q, requested: limits.memory=2Gi, used: limits.memory=7Gi, limited: limits.memory=8Gi"


def told(uid="a", count=1, message="Words.", kind="Warning"):
    at = "2026-01-01T10:00:00Z"
    return Told(uid, at, at, kind, "FailedCreate", message, "job sw", count)


def aged(attempt, seconds):
    Attempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(seconds=seconds))


def seen(job, driver, attempt, state=State.PENDING, **facts):
    """What watch does when the cluster shows this."""
    driver.show(attempt.name, state, **facts)
    return record(job.cluster_id, open_attempts(job.cluster_id), driver.observe())


def fresh(job):
    job = Job.objects.select_related("cluster").get(pk=job.pk)
    return job.status, job.reason, job.sentence


def noted(job):
    return [(event.data["uid"], event.data["count"]) for event in job.events.filter(kind="cluster_event")]
