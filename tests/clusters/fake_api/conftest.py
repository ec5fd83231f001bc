"""A fake API server for each test, quick and on this machine."""

import pytest

from clusters.kubernetes.transport import Limits
from tests.clusters.fake_api.fault_proxy import FaultProxy
from tests.clusters.fake_api.server import FakeApi


@pytest.fixture
def fake():
    fake = FakeApi()
    fake.add_namespace("space")
    yield fake
    fake.stop()


@pytest.fixture
def space(fake):
    return "space"


@pytest.fixture
def api(fake):
    api = fake.api()
    yield api
    api.close()


@pytest.fixture
def proxy(fake):
    proxy = FaultProxy(fake)
    yield proxy
    proxy.stop()


@pytest.fixture
def short():
    """Deadlines that a test can wait for."""
    return Limits(connect_seconds=2.0, answer_seconds=1.0, largest_answer=1 << 20, largest_event=1 << 18)
