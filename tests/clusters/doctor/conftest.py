"""A connected cluster whose API server is a stub."""

import time

import pytest

from clusters.doctor import ground as grounds
from clusters.doctor import watcher
from clusters.doctor.ground import Ground
from clusters.models import Cluster, DoctorRun, Image, KubernetesConnection
from tests.clusters.doctor.stub_api import StubApi


@pytest.fixture
def api(monkeypatch):
    """What every connection of this test speaks to."""
    stub = StubApi()
    monkeypatch.setattr(grounds, "api_of", lambda row: stub)
    monkeypatch.setattr(watcher, "PAUSE_SECONDS", 0.001)
    return stub


@pytest.fixture(autouse=True)
def servers_of_tests_are_reached(settings):
    settings.CLUSTER_LOOPBACK_ADDRESSES = True


@pytest.fixture
def real(db):
    """A cluster with Kubernetes, and an environment."""
    cluster = Cluster.objects.create(name="Real", slug="real", driver="kubernetes")
    Image.objects.create(cluster=cluster, label="R", reference="images.example/r:4.2")
    return cluster


@pytest.fixture
def row(real):
    return KubernetesConnection.objects.create(
        cluster=real,
        server="https://api.example:6443",
        namespace="jobs",
        runner_image="images.example/python:3.12",
        portal_url="http://portal.example:8000",
    )


@pytest.fixture
def visited(real):
    return DoctorRun.objects.create(cluster=real, nonce="a" * 32)


@pytest.fixture
def ground(real, row, api, visited):
    return Ground(real, row, api, time.monotonic() + 60, visited)
