"""One job after the other through a whole portal: from the end of one to the start of the next that waited for it."""

from collections.abc import Iterator

import psycopg

from tests.bench.report import Figure, at_most, p50, percentile
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

JOBS = 120
CODE = "pass\n"
LIMIT = """
INSERT INTO teams_quotaline (scope, team_id, resource, "limit", used)
SELECT 'team', id, 'jobs', 1, 0 FROM teams_team
ON CONFLICT (team_id, scope, COALESCE(cluster_id, 0), COALESCE(user_id, 0), resource) DO UPDATE SET "limit" = 1
"""
# By the database's clock: what one attempt had is given back, the next is decided, the cluster has confirmed it.
STEPS = """
SELECT extract(epoch FROM seen_at), extract(epoch FROM released_at), extract(epoch FROM reserved_at),
    extract(epoch FROM created_at)
FROM jobs_attempt ORDER BY reserved_at
"""


def measure() -> Iterator[Figure]:
    """On the local driver, with watch, Celery and Valkey as `make up` starts them; the team may run one job at once."""
    with PortalProcess() as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        with psycopg.connect(portal.database_url, autocommit=True) as connection:
            connection.execute(LIMIT)
            jobs = [visitor.send_form(visitor.new_form(), CODE) for _ in range(JOBS)]
            assert all(visitor.wait_until_finished(job, 300) == "succeeded" for job in jobs)
            steps = connection.execute(STEPS).fetchall()
    pairs = list(zip(steps, steps[1:], strict=False))
    decided = [float(after[2] - before[1]) * 1000 for before, after in pairs]
    started = [float(after[3] - before[1]) * 1000 for before, after in pairs]
    seen = [float(after[3] - before[0]) * 1000 for before, after in pairs]
    assert len(steps) == JOBS
    assert min(decided) >= 0, "two ran at once"
    note = f"{JOBS} jobs of a team that may run one at once; the whole portal on this machine"
    yield at_most("queue", "release → the next is created, p99", percentile(started, 99), "ms", 500, note)
    yield Figure("queue", "release → the next is created, p50", p50(started), "ms")
    yield Figure("queue", "release → the next is decided, p50", p50(decided), "ms")
    yield Figure("queue", "end seen → the next is created, p99", percentile(seen, 99), "ms")
