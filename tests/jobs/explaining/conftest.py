"""A job on a scripted cluster, whose reconciler remembers no inquiry yet."""

import pytest

from clusters.drivers import installation_id
from jobs.admission import gates
from jobs.models import Attempt
from jobs.reconciler import explaining, ground
from jobs.reconciler.drive import drive
from tests.clusters.fake_driver import FakeDriver


@pytest.fixture
def driver(monkeypatch):
    fake = FakeDriver(installation_id())
    monkeypatch.setattr(ground, "driver_of", lambda cluster: fake)
    monkeypatch.setattr(gates, "space_for", lambda cluster, team_id: "blue")
    monkeypatch.setattr(explaining, "inquiries", explaining.Inquiries())
    return fake


@pytest.fixture
def job(make_job, cluster):
    cluster.driver = "kubernetes"
    cluster.save()
    return make_job()


@pytest.fixture
def attempt(job, driver):
    """Of a job that was just made at the cluster."""
    drive(job.pk)
    return Attempt.objects.get()
