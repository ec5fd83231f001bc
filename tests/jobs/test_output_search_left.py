"""A search in a log stops for whoever has left: the browser was closed, or asked for something else."""

import socket
from types import SimpleNamespace

import pytest
from django.urls import reverse
from gunicorn.config import Config
from gunicorn.http.wsgi import default_environ

from jobs.output import landmarks, outputlog, outputsearch
from jobs.views import output_search

pytestmark = pytest.mark.django_db


@pytest.fixture
def ends():
    """A connection as the server has it, and the browser's end of it."""
    server, browser = socket.socketpair()
    yield server, browser
    server.close()
    browser.close()


@pytest.fixture
def job(make_job, make_attempt, monkeypatch):
    """Its log is many groups long; a step has all the time there is."""
    monkeypatch.setattr(landmarks, "STRETCH_BYTES", 40)
    monkeypatch.setattr(landmarks, "STRETCH_RECORDS", 5)
    monkeypatch.setattr(outputsearch, "GROUP_BYTES", 90)
    for name in ("SECONDS", "STEP_SECONDS"):
        monkeypatch.setattr(output_search, name, 600)
    job = make_job(status="running")
    attempt = make_attempt(job)
    size = 0
    for number in range(300):
        line = f"line {number}\n".encode()
        outputlog.append(attempt.pk, "stdout", size, line)
        size += len(line)
    yield job
    outputlog.delete(attempt.pk)


@pytest.fixture
def groups(monkeypatch):
    """The groups that were searched."""
    taken, real = [], outputsearch.OutputSearch._matches

    def matches(self, first, last, most):
        taken.append(first)
        return real(self, first, last, most)

    monkeypatch.setattr(outputsearch.OutputSearch, "_matches", matches)
    return taken


def search(client, job, connection, query="?q=nothing", **headers):
    address = reverse("job_output_search", args=[job.pk]) + query
    return client.get(address, headers=headers, **{"gunicorn.socket": connection})


@pytest.mark.parametrize(
    "query", ["?q=nothing", "?q=nothing&before=3000", "?q=nothing&regex=1&stream=stdout"]
)
def test_who_waits_gets_all_of_it_and_who_has_left_costs_one_group(
    client_of, alice, job, ends, groups, query
):
    server, browser = ends
    client = client_of(alice)
    assert search(client, job, server, query).status_code == 200
    assert len(groups) > 20
    groups.clear()
    browser.close()
    search(client, job, server, query, **{"HX-Request": "true"})
    assert len(groups) == 1


def test_leaving_in_the_middle_ends_it_there(client_of, alice, job, ends, groups, monkeypatch):
    server, browser = ends
    real = outputsearch.OutputSearch._matches

    def matches(self, first, last, most):
        if len(groups) == 5:
            browser.close()
        return real(self, first, last, most)

    monkeypatch.setattr(outputsearch.OutputSearch, "_matches", matches)
    search(client_of(alice), job, server)
    assert len(groups) == 6


def test_the_next_request_on_the_connection_is_no_leaving_and_is_not_read(
    client_of, alice, job, ends, groups
):
    server, browser = ends
    browser.sendall(b"GET / HTTP/1.1")
    search(client_of(alice), job, server)
    assert len(groups) > 20
    assert server.recv(100) == b"GET / HTTP/1.1"


def test_the_place_is_free_again_for_the_next_search(client_of, alice, job, ends):
    server, browser = ends
    browser.close()
    client = client_of(alice)
    for _ in range(2 * output_search.MOST_AT_ONCE):
        assert search(client, job, server).status_code == 200
    server.close()
    assert search(client, job, server).status_code == 200


def test_gunicorn_gives_its_connection_away(ends):
    request = SimpleNamespace(
        headers=[], body=None, method="GET", query="", uri="/", version=(1, 1), proxy_protocol_info=None
    )
    assert default_environ(request, ends[0], Config())["gunicorn.socket"] is ends[0]
