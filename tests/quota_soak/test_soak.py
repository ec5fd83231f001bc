"""32 clients, limits that move, workers that are killed: never over a limit, no drift, nobody starves (fault 20)."""

import pytest
from django.db import connection

from tests.quota_soak import soak

ADMISSIONS = 1000


@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
def test_the_ledger_holds_at_every_commit(servers):
    soak.prepare()
    url = servers.database_url.replace("/stellwerk?", f"/{connection.settings_dict['NAME']}?")
    environment = {"DATABASE_URL": url, "REDIS_URL": servers.redis_url}
    try:
        outcome = soak.soak(ADMISSIONS, 32, environment, kill_every=4.0)
    finally:
        soak.clean_up()
    print(outcome)
    assert outcome.over_limit == []
    assert outcome.drifts == []
    assert outcome.twice == 0
    assert outcome.kills >= 3
    assert outcome.admitted >= ADMISSIONS
    assert outcome.unfairness <= 2.0
