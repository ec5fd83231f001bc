"""Attempts to sign in are counted in Valkey: no test inherits another's. What views tell the audit is collected."""

import pytest

PLACES = ("teams.membership.record", "teams.people.record", "teams.inviting.record")


@pytest.fixture(autouse=True)
def fresh_limits(servers: object) -> None:
    # Not imported above: pytest looks at a module's names, and this one would connect before the servers are known.
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def recorded(monkeypatch):
    """Each change as (action, target, team); told within a transaction, with values that hold no secret."""
    from django.db import connection

    told = []

    def record(request, action, target, *, team=None, old=None, new=None):
        assert connection.in_atomic_block
        assert request.user.is_authenticated
        assert not [name for name in {**(old or {}), **(new or {})} if "token" in name or "password" in name]
        told.append((action, target, team))

    for place in PLACES:
        monkeypatch.setattr(place, record)
    return told
