"""Pages of the history with a thousand jobs, and the same pages with a million."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from jobs.history.pages import PAGE
from tests.bench.report import Figure, at_least, at_most, p50, p95, percentile
from tests.up.portal_process import BASE, PortalProcess
from tests.visitor import PASSWORD, Visitor

FEW, MANY = 1_000, 1_000_000
ROUNDS, FIRST = 100, 5
LARGEST_RATIO, SLOWEST, MOST_STATEMENTS, BESIDE_ADMIN = 1.15, 40, 6, 5
# So many jobs are behind a deep page; and how often Django's admin is asked for one: it takes its time.
DEEP, PEER_ROUNDS = 200, 10
# A request with it is answered with the number of its statements (tests/bench/history_peer.py).
COUNT = "X-Count-Statements"
# Alice's team has all jobs but those of Fred's, which has twenty; both are older than any other.
PEOPLE = f"""
from teams.models import Membership, Team, User
for name, team in (("alice", "Many"), ("fred", "Few")):
    user = User.objects.create_user(name, f"{{name}}@example.org", {PASSWORD!r})
    Membership.objects.create(user=user, team=Team.objects.create(name=team, slug=team.lower()))
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


INDEX = "CREATE INDEX search_words ON jobs_searchentry USING gin (words) WITH (fastupdate = off)"


@dataclass(frozen=True)
class Place:
    """A page that is measured: who asks for which address."""

    name: str
    who: str
    address: str


def measure() -> Iterator[Figure]:
    """The same pages at both sizes, over HTTP through the front, signed in; and what they cost beside Django's list."""
    with PortalProcess(DJANGO_SETTINGS_MODULE="tests.bench.history_settings") as portal:
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
        places = _places(portal.database_url)
        large = all_pages(visitors, places)
        statements = _statements(visitors, places)
        peer = p50(all_pages(visitors, [_peer()], PEER_ROUNDS)["peer"])
    for name, times in large.items():
        yield from _compared(name, small[name], times)
    most = max(statements.values())
    note = (
        f"by the server's count, in {', '.join(name for name, count in statements.items() if count == most)}"
    )
    yield at_most("history", "statements of a page, the most", most, "", MOST_STATEMENTS, note)
    ours = p50(large["deep page, admin"])
    note = f"p50 {ours * 1000:.0f} ms; Django's admin, numbered pages of {PAGE}, {peer * 1000:.0f} ms"
    yield at_least("history", "deep page: Django's admin / ours", peer / ours, "×", BESIDE_ADMIN, note)


def _compared(name: str, small: list[float], large: list[float]) -> Iterator[Figure]:
    few, many = p50(small) * 1000, p50(large) * 1000
    note = f"p50 {few:.1f} → {many:.1f} ms, p95 {p95(small) * 1000:.0f} → {p95(large) * 1000:.0f} ms"
    ratio = f"{name}: p50 at {MANY:,} / at {FEW:,}"
    yield at_most("history", ratio, many / few, "×", LARGEST_RATIO, note)
    yield at_most("history", f"{name}: p99 at {MANY:,}", percentile(large, 99) * 1000, "ms", SLOWEST)


def _statements(visitors: dict[str, Visitor], places: list[Place]) -> dict[str, int]:
    """What each page sends to the database, session and user among it."""
    answers = {place: visitors[place.who].get(place.address, headers={COUNT: "1"}) for place in places}
    return {place.name: int(answer.headers[COUNT]) for place, answer in answers.items()}


def _peer() -> Place:
    """A page far behind, of Django's admin as it is out of the box."""
    return Place("peer", "admin", f"/peer/jobs/job/?p={(MANY - DEEP) // PAGE}")


def _places(database_url: str) -> list[Place]:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            f"SELECT min(id) + {DEEP}, (SELECT id FROM teams_user WHERE username = 'admin'), "
            "(SELECT min(id) FROM clusters_cluster), (SELECT id FROM teams_team WHERE slug = 'many'), "
            "(SELECT id FROM teams_team WHERE slug = 'few') FROM jobs_job"
        ).fetchone()
    assert row is not None
    deep, owner, cluster, many, few = row
    return [
        Place("first page", "alice", "/"),
        Place("first page, admin", "admin", "/"),
        Place("deep page", "alice", f"/?before={deep}"),
        Place("deep page, admin", "admin", f"/?before={deep}"),
        Place("team, admin", "admin", f"/?team={many}"),
        Place("team with few jobs, admin", "admin", f"/?team={few}"),
        Place("a day, the first", "alice", "/?start=2026-01-01&end=2026-01-01"),
        Place("a day, the first, admin", "admin", "/?start=2026-01-01&end=2026-01-01"),
        Place("status", "alice", "/?status=failed"),
        Place("status, rare", "alice", "/?status=error"),
        Place("owner", "alice", f"/?owner={owner}"),
        Place("cluster", "alice", f"/?cluster={cluster}"),
        Place("tag", "alice", "/?tag=nightly"),
        Place("tag, rare", "alice", "/?tag=rare"),
        Place("word in a name", "alice", "/?text=forecast"),
        Place("word in a name, rare", "alice", "/?text=zebra"),
        Place("word in every script", "alice", "/?text=numpy"),
        Place("word in every script, admin", "admin", "/?text=numpy"),
        Place("word in every script, deep", "alice", f"/?text=numpy&before={deep}"),
        Place("word in every script, team with few jobs", "fred", "/?text=numpy"),
        Place("word in a script, rare and old", "alice", "/?text=quagga"),
        Place("word in a script, rare and old, admin", "admin", "/?text=quagga"),
        Place("word that a foreign team has", "fred", "/?text=quagga"),
        Place("beginning of a word", "alice", "/?text=quag"),
        Place("word of a hundred scripts", "alice", "/?text=value_77"),
        Place("word of many, all of them old", "alice", "/?text=decade"),
        Place("two words", "alice", "/?text=numpy+zebra"),
        Place("a word and not another", "alice", "/?text=numpy+-quagga"),
        Place("phrase in every script", "alice", "/?text=%22import+numpy+as%22"),
        Place("phrase, rare", "alice", "/?text=%22quagga+%3D+1%22"),
        Place("phrase that nothing has", "alice", "/?text=%22numpy+import%22"),
        Place("word and status", "alice", "/?text=numpy&status=failed"),
        Place("word and status, rare", "alice", "/?text=numpy&status=error"),
        Place("word and owner", "alice", "/?text=owner:fred+numpy"),
        Place("file", "alice", "/?text=file:main.py"),
        Place("counts of a search", "alice", "/jobs/counts/?text=numpy"),
        Place("status and tag", "alice", "/?status=succeeded&tag=nightly"),
        Place("team with few jobs", "fred", "/"),
        Place("team with few jobs, status", "fred", "/?status=succeeded"),
        Place("counts", "alice", "/jobs/counts/"),
    ]


def all_pages(
    visitors: dict[str, Visitor], places: list[Place], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Seconds by page, the pages in turn, so that what the machine does meanwhile meets all of them."""
    times: dict[str, list[float]] = {place.name: [] for place in places}
    for number in range(FIRST + rounds):
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


def _single(statements: str) -> list[str]:
    return statements.split(";\n")


def fill(database_url: str, first: int, last: int, *, is_counted: bool = True) -> None:
    """Jobs `first` to `last`. With `is_counted` the usage report takes them for counted: nobody counts meanwhile."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        span = {"first": first, "last": last}
        for statement in _single(SCRIPTS):
            connection.execute(statement, span)
        connection.execute(FILL, span | {"is_counted": is_counted})
        # Built at once: that is faster than a million words one by one.
        connection.execute("DROP INDEX search_words")
        connection.execute("SET maintenance_work_mem = '512MB'")
        for statement in _single(SEARCHED):
            connection.execute(statement)
        connection.execute(INDEX)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
