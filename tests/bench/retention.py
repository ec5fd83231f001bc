"""What rules delete by size: how long a round looks for it, with 1,000 teams of which one has half of all inputs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg

from tests.bench.report import Figure, at_most
from tests.up.portal_process import BASE, PortalProcess

FEW, MANY, TEAMS = 20_000, 200_000, 1_000
LARGEST_RATIO, LONGEST_ROUND = 1.5, 5
# Every second bundle is the first team's. Each has a script of its own, data that ten share, and what all of them have.
FILL = """
INSERT INTO teams_team (name, slug) SELECT 'Team ' || n, 'team-' || n FROM generate_series(1, %(teams)s::int) n
    ON CONFLICT DO NOTHING;
INSERT INTO clusters_cluster (name, slug, driver, is_enabled, trouble, adds_nodes)
    SELECT 'Bench', 'bench', 'local', false, '', false ON CONFLICT DO NOTHING;
INSERT INTO teams_user (username, password, first_name, last_name, email, is_superuser, is_staff, is_active, is_auditor,
    must_change_password, session_epoch, date_joined)
    SELECT 'bench', '!', '', '', '', false, false, false, false, false, 0, now() ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE made AS SELECT n, md5('bundle ' || n)::uuid AS bundle,
    timestamptz '2026-01-01' + n * interval '60 s' AS at,
    'team-' || CASE WHEN mod(n, 2) = 0 THEN 1 ELSE 2 + mod(n / 2, %(teams)s::int - 1) END AS slug
    FROM generate_series(%(first)s::int, %(last)s::int) n;
CREATE TEMPORARY TABLE files AS
    SELECT bundle, 'main.py' AS path, 2000 AS size, 'script ' || n AS content FROM made
    UNION ALL SELECT bundle, 'data.csv', 1000000, 'data ' || slug || n / 20 FROM made
    UNION ALL SELECT bundle, 'requirements.txt', 300, 'the same' FROM made;
INSERT INTO jobs_bundle (id, created_at, is_frozen) SELECT bundle, at, true FROM made;
INSERT INTO jobs_blob (sha256, size, key, touched_at)
    SELECT DISTINCT md5(content) || md5(content), size, 'blobs/' || md5(content), now() FROM files
    ON CONFLICT DO NOTHING;
INSERT INTO jobs_bundlefile (bundle_id, path, size, blob_id)
    SELECT bundle, path, files.size, id FROM files JOIN jobs_blob ON sha256 = md5(content) || md5(content);
INSERT INTO jobs_job (team_id, owner_id, submit_key, name, tags, bundle_id, entry, arguments, environment, cluster_id,
    image_label, image_reference, profile_label, command, cpu_millis, memory_bytes, disk_bytes, max_processes,
    time_limit_seconds, created_at, status, reason, detail, exit_code, starting_at, running_at, finishing_at,
    finished_at, usage_counted_at, gpu_count, gpu_resource, node_labels, tolerations, pull_secret)
    SELECT team.id, u.id, gen_random_uuid(), 'train', '{}', bundle, 'main.py', '{}', '{}', c.id, 'Python 3',
        'local/python', 'Small', '{python3}', 1000, 2147483648, 5368709120, 256, 3600, at, 'succeeded', '', '', 0, at,
        at, at, at, now(), 0, '', '{}', '[]', ''
    FROM made JOIN teams_team team USING (slug), (SELECT id FROM teams_user WHERE username = 'bench') u,
        (SELECT id FROM clusters_cluster WHERE slug = 'bench') c ORDER BY n;
DROP TABLE made, files;
VACUUM ANALYZE
"""
# The first team has ten thousand bundles too many; the others keep within the portal's limit.
LOOK = """
import json, time
from jobs.models import RetentionRule, Stored
from jobs.retention import choosing, deleting, rules, sums
from teams.models import Team
sums.note_ends()
sums.add_up()
first = Team.objects.get(slug="team-1")
has = sums.totals_of([first.pk])[first.pk]["inputs"]
RetentionRule.objects.all().delete()
RetentionRule.objects.create(team=None, kind="inputs", is_allowance=True, most_bytes=has // 20 * 19)
def seconds(do):
    took = []
    for _ in range(5):
        began = time.monotonic()
        do()
        took.append(time.monotonic() - began)
    return sorted(took)[2]
rule = rules.rules_of(first)["inputs"].rule
found = {"batch": seconds(lambda: choosing.due(first.pk, "inputs", rule, deleting.AT_ONCE))}
found["preview"] = seconds(lambda: choosing.summed(first.pk, "inputs", rule))
def quiet():
    every = rules.rules_of_all()
    totals = sums.totals_of(every)
    for team, each in every.items():
        for kind, force in each.items():
            if team != first.pk and choosing.may_delete(force.rule, totals[team][kind]):
                choosing.due(team, kind, force.rule, deleting.AT_ONCE)
found["others"] = seconds(quiet)
began = time.monotonic()
done = deleting.delete_by_rules()
found["round"] = time.monotonic() - began
found["deleted"] = sum(each.count for each in done)
print(json.dumps(found))
"""


def measure() -> Iterator[Figure]:
    """The looks and a whole round, at both sizes, by the code that the worker runs."""
    with PortalProcess() as portal:
        fill(portal.database_url, 1, FEW)
        small = look(portal.database_url, str(portal.home))
        fill(portal.database_url, FEW + 1, MANY)
        large = look(portal.database_url, str(portal.home))
    note = f"{small['batch'] * 1000:.0f} → {large['batch'] * 1000:.0f} ms for 50 inputs of the team with half of all"
    ratio = large["batch"] / small["batch"]
    yield at_most("retention", f"a look at {MANY:,} bundles / at {FEW:,}", ratio, "×", LARGEST_RATIO, note)
    name = f"a look at the {TEAMS - 1:,} teams with nothing to delete"
    yield at_most("retention", name, large["others"], "s", LONGEST_ROUND)
    note = f"{large['deleted']:,.0f} inputs deleted, each in a transaction of its own"
    yield Figure("retention", "a whole round", large["round"], "s", note=note)
    yield Figure("retention", "“Show what would go” of all that is too much", large["preview"], "s")


def look(database_url: str, home: str) -> dict[str, float]:
    """Seconds by what was done."""
    values = os.environ | {"DATABASE_URL": database_url, "STELLWERK_HOME": home}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOOK]
    done = subprocess.run(command, cwd=BASE, env=values, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def fill(database_url: str, first: int, last: int) -> None:
    """Bundles `first` to `last`, each with the job that ran it."""
    span = {"first": first, "last": last, "teams": TEAMS}
    with psycopg.connect(database_url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for statement in FILL.split(";\n"):
            connection.execute(statement, span)
