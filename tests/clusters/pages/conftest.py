"""Dana's browser on the clusters' pages, and a doctor who only notes that he was called."""

import pytest

from clusters.connecting import outside
from clusters.models import DoctorRun
from tests.clusters.pages.connected import new_connected


@pytest.fixture
def admin(client_of, dana):
    return client_of(dana)


@pytest.fixture
def send(admin):
    """`send(way, action="connect", **fields)`."""

    def post(way="address", action="connect", **fields):
        return admin.post(f"/clusters/connect/{way}/", {"action": action} | fields)

    return post


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """The slugs of the clusters that the doctor was called to."""
    made = []

    def request_visit(cluster, user):
        made.append(cluster.slug)
        return DoctorRun.objects.create(cluster=cluster, asked_by=user)

    monkeypatch.setattr(outside, "request_visit", request_visit)
    return made


@pytest.fixture(autouse=True)
def any_address(monkeypatch):
    """No name is looked up."""
    monkeypatch.setattr(outside, "check_address", lambda server: None)


@pytest.fixture
def research(db):
    return new_connected()


@pytest.fixture
def text():
    """The page as text."""
    return lambda response: response.content.decode()
