"""Pages of the history with a thousand jobs, and the same pages with a million: two portals, asked in turn."""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from jobs.history.pages import PAGE
from tests.bench.history_rows import fill, make_people
from tests.bench.report import Figure, at_least, at_most, p50, percentile
from tests.up.portal_process import PortalProcess
from tests.visitor import PASSWORD, Visitor

FEW, MANY = 1_000, int(os.environ.get("BENCH_HISTORY_JOBS", "1000000"))
ROUNDS, FIRST = int(os.environ.get("BENCH_HISTORY_ROUNDS", "100")), 5
LARGEST_RATIO, SLOWEST, MOST_STATEMENTS, BESIDE_ADMIN = 1.15, 40, 6, 5
# So many jobs are behind a deep page; and how often Django's admin is asked for one: it takes its time.
DEEP, PEER_ROUNDS = 200, 10
# A request with it is answered with the number of its statements (tests/bench/history_peer.py).
COUNT = "X-Count-Statements"
# The page of the portal that has nothing to do with jobs: what a page costs whoever is signed in, at this moment.
FLOOR = "floor: change of password"
# A loop that takes the same work each time: rounds whose two differ by more did not meet one machine.
LOOPS, STEADY = 200_000, 1.1


@dataclass(frozen=True)
class Place:
    """A page that is measured: who asks for which address."""

    name: str
    who: str
    address: str


@dataclass(frozen=True)
class Side:
    """One of the two portals: who is signed in there, and its pages, in the same order as the other's."""

    visitors: dict[str, Visitor]
    places: list[Place]

    def seconds(self, place: Place) -> float:
        """What one request takes."""
        began = time.monotonic()
        answer = self.visitors[place.who].get(place.address)
        seconds = time.monotonic() - began
        assert answer.status_code == 200, (place, answer.status_code)
        return seconds


@dataclass(frozen=True)
class Pair:
    """A page's times with few jobs and with many; of the larger portal's page its statements and its bytes."""

    name: str
    few: list[float]
    many: list[float]
    statements: int
    size: int

    def ratio(self, part: int) -> float:
        """Of the times that `part` of 100 requests do not exceed."""
        return percentile(self.many, part) / percentile(self.few, part)

    @property
    def note(self) -> str:
        """All of it in a line."""
        p50s, p95s, p99s = (
            f"p{part} {percentile(self.few, part) * 1000:.1f} → {percentile(self.many, part) * 1000:.1f} ms"
            for part in (50, 95, 99)
        )
        size = f"{self.statements} statements, {self.size / 1000:.0f} kB"
        return f"{p50s}, {p95s}, {p99s} ({self.ratio(99):.2f} ×); {size}"


def measure() -> Iterator[Figure]:
    """Over HTTP through the front, signed in; each page in both portals in turn, so that they meet the same machine."""
    settings = "tests.bench.history_settings"
    with (
        PortalProcess(DJANGO_SETTINGS_MODULE=settings) as few,
        PortalProcess(DJANGO_SETTINGS_MODULE=settings) as many,
    ):
        small, large = _filled(few, FEW), _filled(many, MANY)
        pairs, unsteady = _in_turn(small, large)
        deep = next(place for place in large.places if place.name == "deep page, admin")
        beside = all_pages(large.visitors, [deep, _peer()], PEER_ROUNDS)
    for pair in pairs:
        yield from _figures(pair)
    most = max(pair.statements for pair in pairs)
    such = [pair.name for pair in pairs if pair.statements == most]
    note = f"by the server's count, in {len(such)} of {len(pairs)} pages, among them: {such[0]}"
    yield at_most("history", "statements of a page, the most", most, "", MOST_STATEMENTS, note)
    ours, peer = p50(beside[deep.name]), p50(beside["peer"])
    note = (
        f"p50 {ours * 1000:.0f} ms; Django's admin, numbered pages of {PAGE}, {peer * 1000:.0f} ms, in turn"
    )
    yield at_least("history", "deep page: Django's admin / ours", peer / ours, "×", BESIDE_ADMIN, note)
    note = f"of {ROUNDS}: a fixed loop before and after a round differed by more than {STEADY - 1:.0%}"
    yield Figure("history", "rounds in which the machine changed its speed", unsteady, "", note=note)


def _figures(pair: Pair) -> Iterator[Figure]:
    ratio = f"{pair.name}: p50 at {MANY:,} / at {FEW:,}"
    slowest, milliseconds = f"{pair.name}: p99 at {MANY:,}", percentile(pair.many, 99) * 1000
    if pair.name == FLOOR:
        yield Figure("history", ratio, pair.ratio(50), "×", note=pair.note)
        yield Figure("history", slowest, milliseconds, "ms")
        return
    yield at_most("history", ratio, pair.ratio(50), "×", LARGEST_RATIO, pair.note)
    yield at_most("history", slowest, milliseconds, "ms", SLOWEST)


def _filled(portal: PortalProcess, jobs: int) -> Side:
    make_people(portal)
    visitors = {
        "admin": Visitor(portal.url).sign_in("admin", portal.admin_password or ""),
        "alice": Visitor(portal.url).sign_in("alice", PASSWORD),
        "fred": Visitor(portal.url).sign_in("fred", PASSWORD),
        "tina": Visitor(portal.url).sign_in("tina", PASSWORD),
    }
    began = time.monotonic()
    fill(portal.database_url, 1, jobs)
    print(f"  {jobs:,} jobs were made in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return Side(visitors, _places(portal.database_url))


def _in_turn(small: Side, large: Side) -> tuple[list[Pair], int]:
    """The pages, each in one portal right behind the other, which goes first in every other round.

    Also in how many rounds the machine did not keep its speed.
    """
    both = list(zip(small.places, large.places, strict=True))
    times: dict[str, tuple[list[float], list[float]]] = {place.name: ([], []) for place in large.places}
    unsteady = 0
    for number in range(FIRST + ROUNDS):
        before = _loop()
        for few, many in both:
            asked = [(small, few, times[few.name][0]), (large, many, times[many.name][1])]
            for side, place, into in asked if number % 2 else reversed(asked):
                seconds = side.seconds(place)
                if number >= FIRST:
                    into.append(seconds)
        after = _loop()
        unsteady += number >= FIRST and max(before, after) > min(before, after) * STEADY
    return [Pair(place.name, *times[place.name], *_costs(large, place)) for place in large.places], unsteady


def _loop() -> float:
    """Seconds of a fixed loop, the best of three: a moment's interruption is not the machine's speed."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(LOOPS):
            pass
        taken.append(time.perf_counter() - began)
    return min(taken)


def _costs(side: Side, place: Place) -> tuple[int, int]:
    """What the page sends to the database, session and user among it; and how long it is."""
    answer = side.visitors[place.who].get(place.address, headers={COUNT: "1"})
    return int(answer.headers[COUNT]), len(answer.content)


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
        Place(FLOOR, "alice", "/accounts/password/change/"),
        Place("first page", "alice", "/"),
        Place("first page, admin", "admin", "/"),
        Place("deep page", "alice", f"/?before={deep}"),
        Place("deep page, admin", "admin", f"/?before={deep}"),
        Place("newer than a deep page", "alice", f"/?after={deep}"),
        Place("first page of many teams", "tina", "/"),
        Place("deep page of many teams", "tina", f"/?before={deep}"),
        Place("status, many teams", "tina", "/?status=failed"),
        Place("word in every script, many teams", "tina", "/?text=numpy"),
        Place("pinned, all of them old", "alice", "/?pinned=yes"),
        Place("active, none", "alice", "/?status=active"),
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
