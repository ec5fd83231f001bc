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
    """Over HTTP through the front, signed in as an admin."""
    with PortalProcess() as portal:
        visitors = {"admin": Visitor(portal.url).sign_in("admin", portal.admin_password or "")}
        _fill(portal.database_url, 1, FEW)
        small = all_pages(visitors, _places(3))
        _fill(portal.database_url, FEW + 1, MANY)
        large = all_pages(visitors, _places(777))
    for name, times in large.items():
        few, many = p50(small[name]) * 1000, p50(times) * 1000
        note = (
            f"p50 {few:.0f} → {many:.0f} ms, p95 {p95(small[name]) * 1000:.0f} → {p95(times) * 1000:.0f} ms"
        )
        yield at_most(
            "people", f"{name}: p50 at {MANY:,} / at {FEW:,} teams", many / few, "×", LARGEST_RATIO, note
        )


def _places(number: int) -> list[Place]:
    """The same pages, with as many lines on each: the last ones of the lists and what a search finds."""
    return [
        Place("one team", "admin", f"/teams/team-{number}/"),
        Place("teams, a search", "admin", f"/teams/?text=Team+{number:05}"),
        Place("teams, the end", "admin", f"/teams/?before=Team+{10 if number < FEW else MANY:05}"),
        Place("people, a search", "admin", f"/people/?text=user{number * PEOPLE_EACH:05}"),
        Place("people, the first page", "admin", "/people/"),
        Place("people, admins", "admin", "/people/?show=admins"),
        Place("people, without a team", "admin", "/people/?show=teamless"),
    ]


def _fill(database_url: str, first: int, last: int) -> None:
    with psycopg.connect(database_url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(FILL, {"first": first, "last": last, "each": PEOPLE_EACH})
        connection.execute("VACUUM ANALYZE")
