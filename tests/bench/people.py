"""Pages of teams and people with ten teams, and the same pages with a thousand teams and five thousand people."""

from collections.abc import Iterator

import psycopg

from tests.bench.history import Place, all_pages
from tests.bench.report import Figure, at_most, p50, p95
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

FEW, MANY = 10, 1_000
PEOPLE_EACH = 5
LARGEST_RATIO = 1.2
FILL = """
INSERT INTO teams_team (name, slug)
SELECT 'Team ' || to_char(n, 'FM00000'), 'team-' || n FROM generate_series(%(first)s::int, %(last)s::int) AS n;
INSERT INTO teams_user (username, password, first_name, last_name, email, is_superuser, is_staff, is_active, is_auditor,
    must_change_password, session_epoch, date_joined)
SELECT 'user' || to_char(n, 'FM00000'), '!', 'First' || n, 'Last', n || '@example.org', false, false, mod(n, 100) > 0,
    false, false, 0, now()
FROM generate_series(%(first)s::int * %(each)s::int, (%(last)s::int + 1) * %(each)s::int - 1) AS n;
INSERT INTO teams_membership (user_id, team_id, role)
SELECT u.id, t.id, CASE WHEN mod(n, %(each)s::int) = 0 THEN 'manager' ELSE 'analyst' END
FROM generate_series(%(first)s::int * %(each)s::int, (%(last)s::int + 1) * %(each)s::int - 1) AS n
JOIN teams_user u ON u.username = 'user' || to_char(n, 'FM00000')
JOIN teams_team t ON t.slug = 'team-' || n / %(each)s::int;
"""


def measure() -> Iterator[Figure]:
    """Over HTTP through the front, signed in as an admin; both portals in turn, so that they meet the same machine."""
    with PortalProcess() as small, PortalProcess() as large:
        _fill(small.database_url, 1, FEW)
        _fill(large.database_url, 1, MANY)
        portals = {"few": small, "many": large}
        visitors = {
            name: Visitor(portal.url).sign_in("admin", portal.admin_password or "")
            for name, portal in portals.items()
        }
        times = all_pages(visitors, [*_places("few", 2), *_places("many", 992)])
    for place in _places("few", 2):
        name = place.name.removeprefix("few ")
        few, many = times[place.name], times[f"many {name}"]
        note = " → ".join(f"{p50(each) * 1000:.0f} ms (p95 {p95(each) * 1000:.0f})" for each in (few, many))
        ratio = p50(many) / p50(few)
        yield at_most("people", f"{name}: p50 at {MANY:,} / at {FEW} teams", ratio, "×", LARGEST_RATIO, note)


def _places(size: str, number: int) -> list[Place]:
    """The same pages with as many lines on each: eight teams come after this one in both portals."""
    addresses = {
        "one team": f"/teams/team-{number}/",
        "teams, the last page": f"/teams/?after=Team+{number:05}",
        "teams, a search": f"/teams/?text=Team+{number:05}",
        "people, the first page": "/people/",
        "people, a search": f"/people/?text=user{number * PEOPLE_EACH:05}",
        "people, admins": "/people/?show=admins",
        "people, without a team": "/people/?show=teamless",
        "one person": "/people/1/",
    }
    return [Place(f"{size} {name}", size, address) for name, address in addresses.items()]


def _fill(database_url: str, first: int, last: int) -> None:
    with psycopg.connect(database_url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(FILL, {"first": first, "last": last, "each": PEOPLE_EACH})
        connection.execute("VACUUM ANALYZE")
