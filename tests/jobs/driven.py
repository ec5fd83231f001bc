"""A job driven on a scripted cluster: what its tests do with it again and again."""

from clusters.driver import State
from jobs.models import Attempt
from jobs.reconciler.drive import drive
from jobs.reconciler.sightings import open_attempts, record
from tests.jobs.intake_caller import Runner


def watched(job, driver):
    """What `manage.py watch` does in one round."""
    record(job.cluster_id, open_attempts(job.cluster_id), driver.observe())


def started(job, driver):
    """The job's runner, its script just started."""
    drive(job.pk)
    attempt = Attempt.objects.get(job=job)
    runner = Runner(attempt)
    assert runner.claim().status_code == 200
    assert runner.started().status_code == 200
    driver.show(attempt.name, State.RUNNING)
    drive(job.pk)
    return runner


def over(job, driver, **seen):
    """The pod is gone; everything follows."""
    driver.show(Attempt.objects.get(job=job).name, State.ENDED, **seen)
    watched(job, driver)
    return drive(job.pk)


def course(job):
    job.refresh_from_db()
    return [event.kind for event in job.events.all()]
