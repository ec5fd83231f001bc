"""The list of somebody in many teams: pages as if their ranges were written out, by a statement of one length."""

from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.history import merging, overview, pages
from jobs.history.filters import Filters
from jobs.history.pages import Cursor
from jobs.search import pending
from teams.models import Membership, Team
from tests import cast

MANY = 12
QUERIES = (
    *("", "status=failed", "status=active", "tag=paper", "tag=no", "pinned=yes", "pinned=yes&status=active"),
    *(
        "text=needle",
        "text=hay",
        "text=%22needle 2%22",
        "text=owner:alice+hay",
        "owner={owner}",
        "team={team}",
    ),
    *("cluster={cluster}", "cluster={cluster}&status=active", "time=7d", "time=7d&status=failed"),
    *("start=2026-02-01&end=2026-02-01", "end=2026-02-01&tag=paper"),
)


def filters(query, **values):
    read = parse_qs(query.format(**values))
    return Filters.read({name: found[0] for name, found in read.items()})


@pytest.fixture
def short(monkeypatch):
    """Pages, walks and steps are so short that all of them end and go on."""
    for module, name, size in [
        (pages, "PAGE", 3), (pages, "COUNTED", 25), (pages, "SEARCHED", 9), (pages, "TAGGED", 9), (pages, "RARE", 4),
        (overview, "RARE", 4), (overview, "READ", 9), (overview, "RECENT", 7),
        (merging, "FIRST", 1), (merging, "STEP", 2),
    ]:  # fmt: skip
        monkeypatch.setattr(module, name, size)


@pytest.fixture
def teams(make_job, alice, bob, team):
    """Alice's twelve: one has most jobs, one only old ones, one none; the rest some. Another team is not hers."""
    hers = [team, *(Team.objects.create(name=f"Team {n:02}", slug=f"team-{n}") for n in range(1, MANY))]
    Membership.objects.bulk_create(Membership(user=alice, team=one) for one in hers[1:])
    strange = Team.objects.create(name="Not hers", slug="not-hers")
    other, bundle = cast.new_cluster("other", "Other"), cast.new_bundle()
    there = {"image": cast.new_image(other), "profile": cast.new_profile(other)}
    for number in range(60):
        old, dense = number < 8, 30 <= number < 48
        make_job(
            name=f"{'needle' if number in (2, 20, 41) else 'hay'} {number}",
            owner=bob if number % 4 == 1 else alice,
            team=hers[1] if old else hers[2] if dense else [*hers[3:], strange][number % 10],
            status=("failed", "queued", "succeeded", "running", "finishing")[number // 3 % 5],
            tags=["paper"] if number % 3 == 0 else [],
            created_at=datetime(2026, 2, 1, tzinfo=UTC) if number < 25 else timezone.now(),
            pinned_at=timezone.now() if number % 5 == 0 else None,
            bundle=bundle,
            **(there if number % 2 else {}),
        )
    pending.read_pending()
    return {"ids": [one.pk for one in hers], "owner": bob.pk, "team": hers[2].pk, "cluster": other.pk}


def test_pages_and_counts_are_those_of_ranges_that_are_written_out(short, teams, monkeypatch):
    newest = pages.find_page(None, Filters(), Cursor()).ids[0]
    places = [Cursor(), *(Cursor(before=newest - back) for back in (1, 7, 20, 45, 70))]
    places += [Cursor(after=newest - back) for back in (2, 9, 30, 70)]
    for query in QUERIES:
        asked, found = filters(query, **teams), []
        for written_out in (MANY - 1, MANY):
            monkeypatch.setattr(pages, "WRITTEN_OUT", written_out)
            found.append([overview.find_page_and_overview(teams["ids"], asked, place) for place in places])
        assert found[0] == found[1], query
        assert len({tuple(page.ids) for page, _ in found[0]}) > 1 or query == "tag=no", query


def test_every_job_of_her_teams_is_on_one_page_and_none_of_another_s(short, teams, client_of, alice):
    client, address, seen = client_of(alice), "/?view=all", []
    while address:
        page = client.get(address).context
        seen += [(job.pk, job.team_id) for job in page["jobs"]]
        address = page["next_url"]
    assert len(seen) == 55
    assert seen == sorted(set(seen), reverse=True)
    assert {team_id for _, team_id in seen} <= set(teams["ids"])


@pytest.mark.parametrize("query", QUERIES)
def test_the_statement_is_as_long_for_two_thousand_teams_as_for_a_hundred(monkeypatch, query):
    lengths = {}
    monkeypatch.setattr(overview, "run", lambda sql: asked.append(sql.text) or [("page", "edge", "", 0, 0)])
    for count in (pages.WRITTEN_OUT + 1, 100, 2000):
        asked = []
        overview.find_page_and_overview(
            range(1, count + 1), filters(query, owner=1, team=1, cluster=1), Cursor(before=9)
        )
        lengths[count] = len(asked[0])
    assert lengths[2000] == lengths[100] <= lengths[pages.WRITTEN_OUT + 1] + 1200
    assert lengths[100] < 8000


def test_few_teams_keep_their_ranges_written_out(teams):
    for count in (1, 2, pages.WRITTEN_OUT):
        assert "unnest" not in pages.Walk(teams["ids"][:count], Filters()).candidates().text
    assert "unnest" in pages.Walk(teams["ids"], Filters()).candidates().text


@pytest.mark.parametrize("ranges", [9, 12, 100, 400, 5000])
@pytest.mark.parametrize("most", [51, 250, 1000, 4000])
def test_no_step_reads_much_more_than_is_wanted(ranges, most):
    sizes = merging.sizes_of(ranges, most)
    assert sizes[-1] == most
    assert len(sizes) <= 4
    assert sizes[0] * ranges <= max(2 * most, merging.FIRST * ranges)
    for before, after in zip(sizes, sizes[1:], strict=False):
        assert before < after <= merging.STEP * before


def test_a_page_of_many_teams_takes_one_statement_without_offset(teams):
    with CaptureQueriesContext(connection) as asked:
        overview.find_page_and_overview(teams["ids"], Filters(status="active"), Cursor())
    assert len(asked) == 1
    assert "OFFSET" not in asked[0]["sql"]
