"""The columns of the access matrix, and addresses of what is Alice's."""

import pytest

from clusters.connecting import outside
from tests.portal.access.addresses import Addresses
from tests.portal.access.columns import COLUMNS


@pytest.fixture
def users(alice, bob, charlie, manager, manfred, otto, dana):
    people = (None, alice, bob, charlie, manager, manfred, otto, dana)
    return dict(zip(COLUMNS, people, strict=True))


@pytest.fixture
def address(make_job, image, alice, monkeypatch):
    monkeypatch.setattr(outside, "request_visit", lambda cluster, user: None)
    return Addresses(make_job, alice)
