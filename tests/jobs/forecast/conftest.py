"""Plain values for the forecast: lanes, books, jobs."""

import pytest

from jobs.admission.lanes import Lane
from jobs.forecast.quick_book import books_of
from jobs.forecast.simulator import Queue, SimJob, Simulator
from teams.models import Scope
from teams.quota.book import Account, Line

CPU = Account(Scope.TEAM, "cpu_millis")


@pytest.fixture
def play():
    """`play({1: 4000}, [(team, cpu, arrives, seconds)…], sharing=())`: the starts by job number, from 1."""

    def run(limits, jobs, sharing=(), on_wait=None):
        books = books_of({team: {CPU: Line(limit)} for team, limit in limits.items()}, sharing)
        simulator = Simulator({team: Queue(book) for team, book in books.items()}, sharing, on_wait)
        lanes = {}
        made = []
        for number, (team, cpu, arrives, seconds, *rest) in enumerate(jobs, 1):
            lane = Lane(1, team, rest[0] if rest else 1, cpu, 0)
            made.append(SimJob(team, number, lanes.setdefault(lane, lane), arrives, seconds))
        simulator.run(made)
        return simulator.starts

    return run


@pytest.fixture
def forget():
    """Throw away what pages keep for some seconds."""

    def clear():
        # Not imported above: pytest looks at a module's names, and this one would connect before the servers are known.
        from django.core.cache import cache

        cache.clear()

    return clear


@pytest.fixture(autouse=True)
def _nothing_kept(request):
    """Tests with a database begin without plans of others."""
    if "db" in request.fixturenames:
        request.getfixturevalue("db")
        request.getfixturevalue("forget")()
