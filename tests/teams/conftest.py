"""Attempts to sign in are counted in Valkey: no test inherits another's."""

import pytest


@pytest.fixture(autouse=True)
def fresh_limits(servers: object) -> None:
    # Not imported above: pytest looks at a module's names, and this one would connect before the servers are known.
    from django.core.cache import cache

    cache.clear()
