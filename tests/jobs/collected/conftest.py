"""An attempt whose script is over and whose runner sends what it left."""

import pytest

from jobs.output import outputlog
from tests.jobs.intake_caller import Runner


@pytest.fixture
def attempt(make_job, make_attempt):
    """Of a job that is finishing."""
    attempt = make_attempt(make_job(status="finishing"))
    yield attempt
    outputlog.delete(attempt.pk)


@pytest.fixture
def runner(attempt):
    """Has told everything up to the script's end."""
    runner = Runner(attempt)
    runner.run()
    return runner
