"""How the sizes of stored streams come into the database: at once, or together a moment later."""

import threading
from types import SimpleNamespace

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs import reconnecting
from jobs.output import growth
from jobs.output.growth import Growth
from tests.jobs.intake_caller import Runner

LONG = 3600.0


@pytest.fixture
def later(settings, monkeypatch):
    """As in the intake process; the timer is the test."""
    settings.OUTPUT_SIZE_SECONDS = LONG
    noted = Growth()
    monkeypatch.setattr(growth, "growth", noted)
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(threading.Timer, "start", lambda timer: None)
    return noted


def sizes(attempt):
    attempt.refresh_from_db()
    return attempt.stdout_size, attempt.stderr_size


def test_many_pieces_are_one_statement_for_each_stream(attempt, later, django_assert_num_queries):
    runner = Runner(attempt)
    with CaptureQueriesContext(connection) as asked:
        for _ in range(5):
            assert runner.output(b"a line\n").status_code == 200
    assert not [each["sql"] for each in asked if "UPDATE" in each["sql"]]
    runner.output(b"oh\n", stream="stderr")
    assert sizes(attempt) == (0, 0)
    with django_assert_num_queries(2):
        later.write()
    assert sizes(attempt) == (35, 3)
    with django_assert_num_queries(0):
        later.write()


def test_a_size_never_falls(attempt, later):
    """Two processes tell the same stream, and an older piece may be told last."""
    later.note(attempt.pk, "stdout", 20, LONG)
    later.note(attempt.pk, "stdout", 10, LONG)
    later.write()
    later.note(attempt.pk, "stdout", 5, LONG)
    later.write()
    assert sizes(attempt) == (20, 0)


def test_what_the_database_did_not_take_is_written_later(attempt, later, monkeypatch):
    write = growth._write

    def away(stream, told):
        raise OperationalError("the database is away")

    monkeypatch.setattr(growth, "_write", away)
    later.note(attempt.pk, "stdout", 20, LONG)
    later.write()
    later.note(attempt.pk, "stdout", 12, LONG)
    monkeypatch.setattr(growth, "_write", write)
    later.write()
    assert sizes(attempt) == (20, 0)


def test_the_manifest_writes_what_is_stored(attempt, later):
    """Before the moment is over in which the sizes would have been written."""
    runner = Runner(attempt)
    runner.output(b"all of it\n")
    runner.ended(exit_code=0)
    assert runner.collected().status_code == 200
    assert sizes(attempt) == (10, 0)


def test_the_timer_writes_by_itself(attempt, settings, monkeypatch):
    noted, written = Growth(), threading.Event()
    monkeypatch.setattr(growth, "_write", lambda stream, told: written.set())
    noted.note(attempt.pk, "stdout", 20, 0.01)
    assert written.wait(20)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_costs_no_call(attempt):
    """PostgreSQL was started again since the last call."""
    runner = Runner(attempt)
    for call in (lambda: runner.output(b"a line\n"), runner.started, lambda: Client().get("/health/")):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        assert call().status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_holds_up_no_other(attempt, make_attempt, make_job, settings, monkeypatch):
    """A manifest with thousands of results; its attempt's size is written when it is done."""
    settings.OUTPUT_SIZE_SECONDS = LONG
    monkeypatch.setattr(threading.Timer, "start", lambda timer: None)
    noted, other = Growth(), make_attempt(make_job(status="running"))
    for each in (attempt, other):
        noted.note(each.pk, "stdout", 20, LONG)
    where = connection.get_connection_params()
    with psycopg.connect(**{name: where[name] for name in ("dbname", "user", "host")}) as manifest:
        manifest.execute("SELECT 1 FROM jobs_attempt WHERE id = %s FOR NO KEY UPDATE", [attempt.pk])
        noted.write()
        assert (sizes(attempt), sizes(other)) == ((0, 0), (20, 0))
    noted.write()
    assert sizes(attempt) == (20, 0)


def test_where_no_connection_is_to_be_had_it_is_not_asked_twice(monkeypatch):
    asked = []

    def ask():
        asked.append(1)
        raise OperationalError("no connection within ten seconds")

    monkeypatch.setattr(reconnecting, "connection", SimpleNamespace(connection=None))
    with pytest.raises(OperationalError):
        reconnecting.asked_again_if_dead(ask)
    assert asked == [1]
