"""A thousand teams and five thousand people: as many statements as for ten, and none that reads a whole table."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from teams.models import Membership, Role, Team, User

# Address, and what it may not read from end to end.
PAGES = [
    "/teams/",
    "/teams/?after=Team 00500",
    "/teams/?before=Team 00500",
    "/teams/?text=00777",
    "/teams/team-1/",
    "/teams/team-1/?text=user00001",
    "/people/",
    "/people/?after=user02500",
    "/people/?show=disabled",
    "/people/?show=admins",
    "/people/?show=auditors",
    "/people/?text=user00777",
    "/people/?text=00777@example",
]
# A thousand teams are a dozen blocks: reading those may well be the cheapest, so for them an index must only be there.
LARGE = {"teams_user", "teams_membership"}
ALL = LARGE | {"teams_team", "jobs_job"}


def fill(teams, people):
    """Teams with five people each, the first of whom manages; every hundredth account is disabled."""
    first = Team.objects.count()
    new = [Team(name=f"Team {n:05}", slug=f"team-{n}") for n in range(first, teams)]
    Team.objects.bulk_create(new)
    begin = User.objects.filter(username__startswith="user").count()
    users = [
        User(username=f"user{n:05}", email=f"{n:05}@example.org", password="!", is_active=bool(n % 100))  # noqa: S106
        for n in range(begin, people)
    ]
    User.objects.bulk_create(users)
    Membership.objects.bulk_create(
        Membership(user=user, team=new[n // 5], role=Role.ANALYST if n % 5 else Role.MANAGER)
        for n, user in enumerate(users)
        if n // 5 < len(new)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE teams_user, teams_team, teams_membership, jobs_job")


def statements(client, path):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]


def read_whole(statement, *, if_it_must=False):
    """Tables that the statement's plan reads from end to end; with `if_it_must` those for which there is no index."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_seqscan = {'off' if if_it_must else 'on'}")
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement)
        row = cursor.fetchone()[0]
    plans, found = [(json.loads(row) if isinstance(row, str) else row)[0]["Plan"]], set()
    while plans:
        plan = plans.pop()
        plans += plan.get("Plans", [])
        if plan["Node Type"] == "Seq Scan":
            found.add(plan["Relation Name"])
    return found


def test_pages_cost_as_many_statements_with_a_thousand_teams_as_with_ten(client_of, dana):
    client = client_of(dana)
    fill(10, 50)
    few = {path: len(statements(client, path)) for path in PAGES}
    fill(1000, 5000)
    many = {path: len(statements(client, path)) for path in PAGES}
    # A page without a line asks for less.
    assert {path: (few[path], many[path]) for path in PAGES if many[path] > max(few[path], 7)} == {}
    assert max(many.values()) <= 7


@pytest.mark.parametrize("path", PAGES)
def test_no_page_reads_a_whole_table(client_of, dana, otto, path):
    fill(1000, 5000)
    for statement in statements(client_of(dana), path):
        assert read_whole(statement) & LARGE == set(), statement
        assert read_whole(statement, if_it_must=True) & ALL == set(), statement


def test_a_member_of_one_team_reads_no_whole_table_either(client_of, alice, otto):
    fill(1000, 5000)
    for path in ("/teams/", "/teams/data-science/"):
        for statement in statements(client_of(alice), path):
            assert read_whole(statement) & LARGE == set(), statement
            assert read_whole(statement, if_it_must=True) & ALL == set(), statement
