"""The rows of a history of any size: people, jobs, scripts and the index of their words."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.up.portal_process import BASE, PortalProcess
from tests.visitor import PASSWORD

# Alice's team has all jobs but those of Fred's, which has twenty; both are older than any other. Tina is in both
# and in thirty more.
PEOPLE = f"""
from teams.models import Membership, Team, User
for name, team in (("alice", "Many"), ("fred", "Few")):
    user = User.objects.create_user(name, f"{{name}}@example.org", {PASSWORD!r})
    Membership.objects.create(user=user, team=Team.objects.create(name=team, slug=team.lower()))
tina = User.objects.create_user("tina", "tina@example.org", {PASSWORD!r})
for number in range(30):
    Team.objects.create(name=f"More {{number}}", slug=f"more-{{number}}")
Membership.objects.bulk_create(Membership(user=tina, team=team) for team in Team.objects.exclude(slug="data-science"))
"""
PINNED = """
UPDATE jobs_job SET pinned_at = finished_at
WHERE id BETWEEN (SELECT min(id) + 500 FROM jobs_job) AND (SELECT min(id) + 519 FROM jobs_job)
"""
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
        WHEN mod((n - 1) / 10, 10) = 4 THEN 'forecast ' ELSE 'train model ' END || (n - 1) / 10,
    CASE WHEN n BETWEEN 301 AND 320 THEN '{rare}' WHEN mod(n, 10) = 5 THEN '{nightly}' ELSE '{}' END::varchar[],
    md5('bundle ' || (n - 1) / 10)::uuid, 'main.py', '{}', '{}', cluster.id,
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


# Each script ran ten times. It has words that all have, sixty of its own out of ten thousand, and rare ones at the
# beginning of the history; "decade" is in a tenth, all of them in the older half.
SCRIPTS = """
CREATE TEMPORARY TABLE made AS
SELECT b, md5('bundle ' || b)::uuid AS bundle, md5('script ' || b) || md5('more ' || b) AS sha256, (
    SELECT 'import numpy as np\nimport pandas as pd\n\n' || string_agg(
        'value_' || mod(abs(hashtext(b || 'w' || w)), 10000) || ' = read_table("' || w || '.csv")', E'\n')
    || CASE WHEN b BETWEEN 51 AND 52 THEN E'\nquagga = 1' ELSE '' END
    || CASE WHEN mod(b, 10) = 7 AND b < 50000 THEN E'\ndecade = 10' ELSE '' END
    FROM generate_series(1, 60) AS w
) AS script, CASE WHEN b BETWEEN 10 AND 11 THEN 'few' ELSE 'many' END AS slug
FROM generate_series((%(first)s::int - 1) / 10, (%(last)s::int - 1) / 10) AS b;
INSERT INTO jobs_bundle (id, created_at, is_frozen) SELECT bundle, now(), true FROM made;
INSERT INTO jobs_blob (sha256, size, key, touched_at)
    SELECT sha256, length(script), 'blobs/' || sha256, now() FROM made ON CONFLICT DO NOTHING;
INSERT INTO jobs_bundlefile (bundle_id, path, size, blob_id)
    SELECT bundle, 'main.py', size, id FROM made JOIN jobs_blob USING (sha256);
INSERT INTO jobs_scripttext (blob_id, text) SELECT id, script FROM made JOIN jobs_blob USING (sha256);
ANALYZE made, jobs_blob
"""
SEARCHED = """
INSERT INTO jobs_searchentry (digest, bundle_id, shelf, words)
SELECT sha256, bundle, b / 8192, (
    WITH words AS MATERIALIZED (
        SELECT word FROM (
            SELECT unnest(ARRAY[found[1], split_part(found[1], '_', 1), split_part(found[1], '_', 2)]) AS word
            FROM regexp_matches(lower(script), '[[:alnum:]_]+', 'g') AS found
            UNION SELECT unnest(ARRAY['main', '~ain', '~in', 'py', 'main.py', '/main.py', '/main', '/.py', '/py'])
            UNION SELECT unnest(string_to_array(name, ' '))
        ) AS every WHERE word <> ''
    )
    SELECT array_to_tsvector(array_agg(scope || word)) FROM words, unnest(ARRAY['0.' || b / 8192 || '.',
        team.id || '.' || CASE slug WHEN 'few' THEN 0 ELSE b / 8192 END || '.']) AS scope)
FROM made, LATERAL (SELECT name FROM jobs_job WHERE bundle_id = bundle LIMIT 1) AS job,
    LATERAL (SELECT id FROM teams_team WHERE teams_team.slug = made.slug) AS team
ORDER BY b;
INSERT INTO jobs_searchshelf (team, number, entries) SELECT 0, b / 8192, count(*) FROM made GROUP BY 2
    ON CONFLICT (team, number) DO NOTHING;
INSERT INTO jobs_searchshelf (team, number, entries)
    SELECT id, CASE made.slug WHEN 'few' THEN 0 ELSE b / 8192 END, count(*) FROM made JOIN teams_team USING (slug)
    GROUP BY 1, 2 ON CONFLICT (team, number) DO NOTHING;
INSERT INTO jobs_searchedjob (job_id, entry_id)
    SELECT jobs_job.id, e.id FROM made JOIN jobs_job ON bundle_id = bundle JOIN jobs_searchentry e ON digest = sha256;
DROP TABLE made
"""


# Whatever every new row would have to be put into; those of a few rows are left, workers look into them meanwhile.
OF_JOBS = "^(job_by_|job_ran_|jobs_job_.*_id_)"
OF_WORDS = "^search_words$"
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename IN ('jobs_job', 'jobs_searchentry') AND indexname ~ %s
ORDER BY indexname
"""


def make_people(portal: PortalProcess) -> None:
    """Alice and Fred with a team each, Tina with many, by the portal's own models."""
    values = os.environ | {"DATABASE_URL": portal.database_url, "STELLWERK_HOME": str(portal.home)}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", PEOPLE]
    subprocess.run(command, cwd=BASE, env=values, check=True, stdout=subprocess.DEVNULL)


def fill(database_url: str, first: int, last: int, *, is_counted: bool = True) -> None:
    """Jobs `first` to `last`. With `is_counted` the usage report takes them for counted: nobody counts meanwhile."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        span = {"first": first, "last": last}
        for statement in single(SCRIPTS):
            connection.execute(statement, span)
        with indexes_built_afterwards(connection, OF_JOBS):
            connection.execute(FILL, span | {"is_counted": is_counted})
        connection.execute(PINNED)
        # The next statements look jobs up by those indexes.
        connection.execute("ANALYZE jobs_job")
        with indexes_built_afterwards(connection, OF_WORDS):
            for statement in single(SEARCHED):
                connection.execute(statement)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def single(statements: str) -> list[str]:
    """Each statement alone."""
    return statements.split(";\n")


@contextmanager
def indexes_built_afterwards(connection: psycopg.Connection, names: str) -> Iterator[None]:
    """At once, from all rows: that is faster than a million rows and words one by one. The same indexes as before."""
    indexes = connection.execute(INDEXES, (names,)).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    yield
    for _, definition in indexes:
        connection.execute(definition)
