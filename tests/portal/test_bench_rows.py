"""The rows that benchmarks write fit the tables: a column more must not be found out by a benchmark that breaks."""

import pytest
from django.db import connection

from jobs.history.filters import Filters
from jobs.history.pages import Cursor, find_page
from jobs.models import Job, UsageSum
from teams.models import Team, User
from tests.bench import history_rows, people, usage

pytestmark = pytest.mark.django_db


def _execute(statement, given=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, given)


def test_rows_of_people():
    _execute(people.FILL, {"first": 1, "last": 3, "each": 2})
    assert Team.objects.filter(slug__startswith="team-").count() == 3
    assert User.objects.filter(memberships__team__slug__startswith="team-").count() >= 6


def test_rows_of_usage(cluster):
    given = {"first": 1, "last": 2, "people": 2, "rows": 12}
    for statement in (usage.TEAMS, usage.PEOPLE, usage.MEMBERS, usage.DETAIL):
        _execute(statement, given)
    for grain in usage.GRAINS:
        _execute(usage.COARSE.format(**grain))
    assert UsageSum.objects.values("grain").distinct().count() == 1 + len(usage.GRAINS)


def test_rows_of_history(cluster):
    for number, name in enumerate(("many", "few")):
        Team.objects.create(pk=1000 + number, name=name, slug=name)
    for name in ("alice", "fred", "admin"):
        User.objects.create_user(name)
    span = {"first": 1, "last": 120}
    _execute(history_rows.SCRIPTS, span)
    _execute(history_rows.FILL, span | {"is_counted": True})
    _execute(history_rows.SEARCHED)
    assert Job.objects.count() == 120
    find = [find_page([team], Filters(text="numpy -quagga"), Cursor(), 200) for team in (1000, 1001)]
    assert [len(page.ids) for page in find] == [100, 20]


@pytest.mark.parametrize(
    ("names", "gone", "kept"),
    [
        (history_rows.OF_JOBS, "INDEX job_by_team ", "INDEX job_queue "),
        (history_rows.OF_WORDS, "INDEX search_words ", "INDEX job_by_team "),
    ],
)
def test_indexes_that_rows_of_history_do_without_are_the_same_afterwards(names, gone, kept):
    every = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname"
    connection.ensure_connection()
    raw = connection.connection
    before = raw.execute(every).fetchall()
    assert any(gone in row[0] for row in before)
    with history_rows.indexes_built_afterwards(raw, names):
        left = [row[0] for row in raw.execute(every).fetchall()]
    assert not any(gone in index for index in left)
    assert any(kept in index for index in left)
    assert raw.execute(every).fetchall() == before
