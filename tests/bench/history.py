"""Pages of the history with a thousand jobs, and the same pages with a million."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from tests.bench.report import Figure, at_most, p50, p95
from tests.up.portal_process import BASE, PortalProcess
from tests.visitor import PASSWORD, Visitor

FEW, MANY = 1_000, 1_000_000
ROUNDS, FIRST = 40, 5
LARGEST_RATIO = 2.0
# Alice's team has all jobs but those of Fred's, which has twenty; both are older than any other.
PEOPLE = f"""
from teams.models import Membership, Team, User
for name, team in (("alice", "Many"), ("fred", "Few")):
    user = User.objects.create_user(name, f"{{name}}@example.org", {PASSWORD!r})
    Membership.objects.create(user=user, team=Team.objects.create(name=team, slug=team.lower()))
"""
BUNDLE = "INSERT INTO jobs_bundle (id, created_at, is_frozen) VALUES (gen_random_uuid(), now(), true)"
# Evenly spread: a tenth failed, a tenth has the tag, a tenth the word. Rare things are among the oldest.
FILL = """
INSERT INTO jobs_job (
    team_id, owner_id, submit_key, name, tags, bundle_id, entry, arguments, environment, cluster_id,
    image_label, image_reference, profile_label, command, cpu_millis, memory_bytes, disk_bytes, max_processes,
    time_limit_seconds, created_at, status, reason, detail, exit_code, starting_at, running_at, finishing_at,
    finished_at, usage_counted_at, next_look_at, gpu_count, gpu_resource, node_labels, tolerations, pull_secret)
SELECT
    CASE WHEN n BETWEEN 101 AND 120 THEN few.id ELSE many.id END,
    CASE WHEN n BETWEEN 101 AND 120 THEN fred.id WHEN mod(n, 10) = 3 THEN admin.id ELSE alice.id END,
    gen_random_uuid(),
    CASE WHEN n BETWEEN 201 AND 220 THEN 'zebra crossing '
        WHEN mod(n, 10) = 4 THEN 'forecast ' ELSE 'train model ' END || n,
    CASE WHEN n BETWEEN 301 AND 320 THEN '{rare}' WHEN mod(n, 10) = 5 THEN '{nightly}' ELSE '{}' END::varchar[],
    (SELECT id FROM jobs_bundle LIMIT 1), 'main.py', '{}', '{}', cluster.id,
    'Python 3', 'local/python', 'Small', '{python3,-u,main.py}', 1000, 2147483648, 5368709120, 256,
    3600, at, status, CASE status WHEN 'failed' THEN 'exit_code' ELSE '' END, '',
    CASE status WHEN 'failed' THEN 1 ELSE 0 END, at, at, at, at + interval '3 minutes',
    CASE WHEN %(is_counted)s THEN now() END, NULL, 0, '', '{}', '[]', ''
FROM (
    SELECT n, timestamptz '2026-01-01' + n * interval '20 seconds' AS at,
        CASE WHEN n BETWEEN 401 AND 420 THEN 'error' WHEN mod(n, 10) = 6 THEN 'failed' ELSE 'succeeded' END AS status
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
) AS made,
    (SELECT id FROM teams_team WHERE slug = 'many') AS many,
    (SELECT id FROM teams_team WHERE slug = 'few') AS few,
    (SELECT id FROM teams_user WHERE username = 'alice') AS alice,
    (SELECT id FROM teams_user WHERE username = 'fred') AS fred,
    (SELECT id FROM teams_user WHERE username = 'admin') AS admin,
    (SELECT id FROM clusters_cluster ORDER BY id LIMIT 1) AS cluster
ORDER BY n
"""


@dataclass(frozen=True)
class Place:
    """A page that is measured: who asks for which address."""

    name: str
    who: str
    address: str


def measure() -> Iterator[Figure]:
    """The same pages at both sizes, over HTTP through the front, signed in."""
    with PortalProcess() as portal:
        make_people(portal)
        visitors = {
            "admin": Visitor(portal.url).sign_in("admin", portal.admin_password or ""),
            "alice": Visitor(portal.url).sign_in("alice", PASSWORD),
            "fred": Visitor(portal.url).sign_in("fred", PASSWORD),
        }
        fill(portal.database_url, 1, FEW)
        small = all_pages(visitors, _places(portal.database_url))
        began = time.monotonic()
        fill(portal.database_url, FEW + 1, MANY)
        print(f"  {MANY:,} jobs were made in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        large = all_pages(visitors, _places(portal.database_url))
    for name, times in large.items():
        few, many = p95(small[name]) * 1000, p95(times) * 1000
        note = (
            f"p50 {p50(small[name]) * 1000:.0f} → {p50(times) * 1000:.0f} ms, p95 {few:.0f} → {many:.0f} ms"
        )
        yield at_most(
            "history", f"{name}: p95 at {MANY:,} / at {FEW:,}", many / few, "×", LARGEST_RATIO, note
        )


def _places(database_url: str) -> list[Place]:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT min(id) + 200, (SELECT id FROM teams_user WHERE username = 'admin'), "
            "(SELECT min(id) FROM clusters_cluster) FROM jobs_job"
        ).fetchone()
    assert row is not None
    deep, owner, cluster = row
    return [
        Place("first page", "alice", "/"),
        Place("first page, admin", "admin", "/"),
        Place("deep page", "alice", f"/?before={deep}"),
        Place("status", "alice", "/?status=failed"),
        Place("status, rare", "alice", "/?status=error"),
        Place("owner", "alice", f"/?owner={owner}"),
        Place("cluster", "alice", f"/?cluster={cluster}"),
        Place("tag", "alice", "/?tag=nightly"),
        Place("tag, rare", "alice", "/?tag=rare"),
        Place("text", "alice", "/?text=forecast"),
        Place("text, rare", "alice", "/?text=zebra"),
        Place("status and tag", "alice", "/?status=succeeded&tag=nightly"),
        Place("team with few jobs", "fred", "/"),
        Place("counts", "alice", "/jobs/counts/"),
    ]


def all_pages(visitors: dict[str, Visitor], places: list[Place]) -> dict[str, list[float]]:
    """Seconds by page, the pages in turn, so that what the machine does meanwhile meets all of them."""
    times: dict[str, list[float]] = {place.name: [] for place in places}
    for number in range(FIRST + ROUNDS):
        for place in places:
            began = time.monotonic()
            answer = visitors[place.who].get(place.address)
            seconds = time.monotonic() - began
            assert answer.status_code == 200, (place, answer.status_code)
            if number >= FIRST:
                times[place.name].append(seconds)
    return times


def make_people(portal: PortalProcess) -> None:
    values = os.environ | {"DATABASE_URL": portal.database_url, "STELLWERK_HOME": str(portal.home)}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", PEOPLE]
    subprocess.run(command, cwd=BASE, env=values, check=True, stdout=subprocess.DEVNULL)


def fill(database_url: str, first: int, last: int, *, is_counted: bool = True) -> None:
    """Jobs `first` to `last`. With `is_counted` the usage report takes them for counted: nobody counts meanwhile."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        if first == 1:
            connection.execute(BUNDLE)
        connection.execute(FILL, {"first": first, "last": last, "is_counted": is_counted})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
