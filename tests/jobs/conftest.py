"""What several files of these tests begin with; a file that needs another one makes its own under the same name."""

import pytest

from clusters.drivers import installation_id
from jobs.intake import parts as intake_parts
from jobs.output import outputlog
from jobs.reconciler import ground
from tests.clusters.fake_driver import FakeDriver
from tests.jobs.intake_caller import Runner


@pytest.fixture
def driver(monkeypatch):
    """The cluster that the worker drives, scripted by the test."""
    fake = FakeDriver(installation_id())
    monkeypatch.setattr(ground, "driver_of", lambda cluster: fake)
    return fake


@pytest.fixture
def attempt(make_job, make_attempt):
    """Of a job that runs, claimed by its runner; its output goes with the test."""
    attempt = make_attempt(make_job(status="running"))
    Runner(attempt).claim()
    yield attempt
    outputlog.delete(attempt.pk)


@pytest.fixture
def ended_attempt(make_job, make_attempt):
    """Of a job whose script has ended: its results may come; what came in parts goes with the test."""
    attempt = make_attempt(make_job(status="finishing"))
    Runner(attempt).run()
    yield attempt
    intake_parts.forget(attempt.pk)
