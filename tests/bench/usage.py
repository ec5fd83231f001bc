"""Pages of the usage report with ten teams, and the same pages with a thousand teams and five thousand people."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg

from tests.bench.history import Place, all_pages
from tests.bench.report import Figure, at_most, p50, p95
from tests.up.portal_process import BASE, PortalProcess
from tests.visitor import PASSWORD, Visitor

FEW, MANY = 10, 1_000
PEOPLE_PER_TEAM, ROWS_PER_PERSON = 5, 60
LARGEST_RATIO = 1.2
# Mary manages the first team, which is as large in both measurements.
MARY = f"""
from teams.models import Membership, Team, User
user = User.objects.create_user("mary", "mary@example.org", {PASSWORD!r})
team = Team.objects.create(name="Team 1", slug="team-1")
Membership.objects.create(user=user, team=team, role="manager")
"""
TEAMS = """
INSERT INTO teams_team (name, slug) SELECT 'Team ' || n, 'team-' || n
FROM generate_series(%(first)s::int, %(last)s::int) AS n ON CONFLICT DO NOTHING;
"""
PEOPLE = """
INSERT INTO teams_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
    is_auditor, date_joined, must_change_password, session_epoch)
SELECT '!', false, 'person-' || n || '-' || m, 'Person', n || '-' || m, '', false, true, false, now(), false, 0
FROM generate_series(%(first)s::int, %(last)s::int) AS n, generate_series(1, %(people)s::int) AS m
"""
MEMBERS = """
INSERT INTO teams_membership (user_id, team_id, role)
SELECT u.id, t.id, 'analyst' FROM teams_user u JOIN teams_team t ON t.name = 'Team ' || split_part(u.username, '-', 2)
WHERE t.slug IN (SELECT 'team-' || s FROM generate_series(%(first)s::int, %(last)s::int) AS s)
    AND u.username LIKE 'person-%%'
"""
# Five days a month of each person, in the last twelve months; one row in six is of a GPU.
DETAIL = """
INSERT INTO jobs_usagesum (grain, day, team_id, owner_id, cluster_id, profile_label, gpu_resource,
    cpu, memory, gpu, succeeded, failed, cancelled, error, waits)
SELECT 'detail', (date_trunc('month', now()) - (n %% 12) * interval '1 month')::date + (n / 12 * 5 + m.id %% 5)::int,
    m.team_id, m.user_id, (SELECT min(id) FROM clusters_cluster),
    CASE WHEN n %% 6 = 0 THEN 'GPU' ELSE 'Small' END, CASE WHEN n %% 6 = 0 THEN 'nvidia.com/gpu' ELSE '' END,
    3600000000 * (1 + (m.id * 7 + n) %% 50), 3686400000, CASE WHEN n %% 6 = 0 THEN 3600000 ELSE 0 END,
    3, 1, 0, 0, '{0,0,0,0,0,1,0,0,0,2,0,0,1}'
FROM teams_membership m JOIN teams_team t ON t.id = m.team_id, generate_series(0, %(rows)s - 1) AS n
WHERE m.role = 'analyst' AND t.slug IN (SELECT 'team-' || s FROM generate_series(%(first)s::int, %(last)s::int) AS s)
"""
COARSE = """
INSERT INTO jobs_usagesum (grain, day, team_id, owner_id, cluster_id, profile_label, gpu_resource,
    cpu, memory, gpu, succeeded, failed, cancelled, error, waits)
SELECT '{grain}', {day}, {team}, {owner}, cluster_id, {profile}, gpu_resource,
    sum(cpu), sum(memory), sum(gpu), sum(succeeded), sum(failed), 0, 0,
    min(waits)
FROM jobs_usagesum WHERE grain = 'detail' GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
MONTH, QUARTER, YEAR = (f"date_trunc('{span}', day)::date" for span in ("month", "quarter", "year"))
NOBODY = "NULL::bigint"
GRAINS = (
    {"grain": "team", "day": MONTH, "team": "team_id", "owner": NOBODY, "profile": "''"},
    {"grain": "owner", "day": MONTH, "team": NOBODY, "owner": "owner_id", "profile": "''"},
    {"grain": "team_q", "day": QUARTER, "team": "team_id", "owner": NOBODY, "profile": "''"},
    {"grain": "team_y", "day": YEAR, "team": "team_id", "owner": NOBODY, "profile": "''"},
    {"grain": "owner_q", "day": QUARTER, "team": NOBODY, "owner": "owner_id", "profile": "''"},
    {"grain": "owner_y", "day": YEAR, "team": NOBODY, "owner": "owner_id", "profile": "''"},
    {"grain": "all", "day": "day", "team": NOBODY, "owner": NOBODY, "profile": "profile_label"},
)


PLACES = (
    Place("teams, this month", "admin", "/usage/"),
    Place("people, this month", "admin", "/usage/?by=user"),
    Place("profiles, this month", "admin", "/usage/?by=profile"),
    Place("months of a year", "admin", "/usage/?by=month&{year}"),
    Place("teams of a year", "admin", "/usage/?{year}"),
    Place("people of a year", "admin", "/usage/?by=user&{year}"),
    Place("a team's people", "admin", "/usage/?by=user&team={team}"),
    Place("a manager's people of a year", "mary", "/usage/?by=user&{year}"),
)


def measure() -> Iterator[Figure]:
    """Over HTTP through the front, signed in; both portals in turn, so that they meet the same machine."""
    with PortalProcess() as few, PortalProcess() as many:
        visitors: dict[str, Visitor] = {}
        places = [
            place
            for size, portal, last in (("few", few, FEW), ("many", many, MANY))
            for place in _places(size, portal, last, visitors)
        ]
        times = all_pages(visitors, places)
    for place in PLACES:
        small, large = (times[f"{size} {place.name}"] for size in ("few", "many"))
        few_ms, many_ms = p50(small) * 1000, p50(large) * 1000
        note = (
            f"p50 {few_ms:.0f} → {many_ms:.0f} ms, p95 {p95(small) * 1000:.0f} → {p95(large) * 1000:.0f} ms"
        )
        what = f"{place.name}: p50 at {MANY:,} teams / at {FEW}"
        yield at_most("usage", what, many_ms / few_ms, "×", LARGEST_RATIO, note)


def _places(size: str, portal: PortalProcess, last: int, visitors: dict[str, Visitor]) -> list[Place]:
    """Fill the portal; its pages, and whoever asks for them among the `visitors`."""
    values = os.environ | {"DATABASE_URL": portal.database_url, "STELLWERK_HOME": str(portal.home)}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", MARY]
    subprocess.run(command, cwd=BASE, env=values, check=True, stdout=subprocess.DEVNULL)
    visitors[f"{size} admin"] = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
    visitors[f"{size} mary"] = Visitor(portal.url).sign_in("mary", PASSWORD)
    words = _fill(portal.database_url, 1, last)
    return [
        Place(f"{size} {place.name}", f"{size} {place.who}", place.address.format(**words))
        for place in PLACES
    ]


def _fill(database_url: str, first: int, last: int) -> dict[str, str]:
    """Teams from `first` to `last` with their people and sums; what addresses name."""
    given = {"first": first, "last": last, "people": PEOPLE_PER_TEAM, "rows": ROWS_PER_PERSON}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (TEAMS, PEOPLE, MEMBERS, DETAIL):
            connection.execute(statement, given)
        connection.execute("DELETE FROM jobs_usagesum WHERE grain <> 'detail'")
        for grain in GRAINS:
            connection.execute(COARSE.format(**grain))
        for table in ("jobs_usagesum", "teams_team", "teams_user", "teams_membership"):
            connection.execute(f"VACUUM ANALYZE {table}")
        rows = connection.execute(
            "SELECT grain, count(*) FROM jobs_usagesum GROUP BY 1 ORDER BY 1"
        ).fetchall()
        print(f"  {last:,} teams: {dict(rows)}", file=sys.stderr, flush=True)
        row = connection.execute(
            "SELECT to_char(now() - interval '11 months', 'YYYY-MM'), to_char(now(), 'YYYY-MM'), "
            "(SELECT id FROM teams_team WHERE name = 'Team 1')"
        ).fetchone()
    assert row is not None
    return {"year": f"from={row[0]}&to={row[1]}", "team": str(row[2])}
