"""A job that runs and may be watched."""

import pytest

from jobs.output import outputlog


@pytest.fixture
def running(make_job, make_attempt):
    """The job with its attempt."""
    job = make_job(status="running")
    attempt = make_attempt(job, started_at=job.running_at)
    yield job, attempt
    outputlog.delete(attempt.pk)
