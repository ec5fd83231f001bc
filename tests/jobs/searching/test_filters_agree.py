"""Each filter lets the same jobs through in the list, in the file and in an action on all that match."""

import csv
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import combinations
from urllib.parse import parse_qs

import pytest
from django.utils import timezone

from jobs import tasks
from jobs.bulk import running
from jobs.history import export, pages
from jobs.history.filters import Filters
from jobs.lifecycle import ACTIVE
from jobs.models import BulkRun, Job
from jobs.search import pending
from teams.models import Membership, Role
from teams.policy import rights_of
from tests import cast

LONG_AGO = datetime(2026, 2, 1, 12, tzinfo=UTC)
# An address, and which jobs it means, told without a line of the code that is tested.
FILTERS: dict[str, Callable[[Job], bool]] = {
    "pinned=yes": lambda job: job.pinned_at is not None,
    "status=active": lambda job: job.status in ACTIVE,
    "status=failed": lambda job: job.status == "failed",
    "owner={owner}": lambda job: job.owner.username == "alice",
    "team={team}": lambda job: job.team.slug == "finance",
    "cluster={cluster}": lambda job: job.cluster.slug == "other",
    "tag=paper": lambda job: "paper" in job.tags,
    "time=7d": lambda job: job.created_at > timezone.now() - timedelta(days=7),
    "start=2026-02-01&end=2026-02-01": lambda job: job.created_at == LONG_AGO,
    "text=needle": lambda job: "needle" in job.name,
    "text=%22needle two%22": lambda job: "needle two" in job.name,
    "text=owner:bob": lambda job: job.owner.username == "bob",
}
# Two values of one filter are no pair, nor are a period and a span of days.
NO_PAIRS = ({"status"}, {"text"}, {"time", "start"})
CASES = [(one, "") for one in FILTERS] + [
    (one, two)
    for one, two in combinations(FILTERS, 2)
    if {one.partition("=")[0], two.partition("=")[0]} not in NO_PAIRS
]


@pytest.fixture
def everybody(make_job, alice, bob, charlie, dana, team, other_team, monkeypatch):
    """36 jobs in which every filter meets every other; Bob manages both teams. Pages and walks are short."""
    for module, name, size in [
        (pages, "PAGE", 4), (pages, "SEARCHED", 5), (pages, "TAGGED", 5), (pages, "RARE", 5),
        (pages, "COUNTED", 9), (pages, "FOR_ALL", 7), (export, "CHUNK", 4), (running, "AT_ONCE", 4),
    ]:  # fmt: skip
        monkeypatch.setattr(module, name, size)
    Membership.objects.filter(user=bob).update(role=Role.MANAGER)
    Membership.objects.create(user=bob, team=other_team, role=Role.MANAGER)
    other, bundle = cast.new_cluster("other", "Other"), cast.new_bundle()
    there = {"image": cast.new_image(other), "profile": cast.new_profile(other)}
    for number in range(36):
        make_job(
            name=("needle one", "hay", "needle two")[number % 3] + f" {number}",
            owner=(alice, bob)[number % 2],
            team=other_team if number % 5 < 2 and number % 2 else team,
            status=("failed", "queued", "succeeded", "running")[number // 2 % 4],
            tags=["paper"] if number % 7 < 4 else ["draft"],
            created_at=LONG_AGO if number < 20 else timezone.now(),
            pinned_at=timezone.now() if number % 8 in (0, 3, 5) else None,
            bundle=bundle,
            **(there if number % 4 < 2 else {}),
        )
    make_job(name="needle gone", owner=bob, deleted_at=timezone.now(), pinned_at=timezone.now())
    make_job(
        name="needle of others", owner=charlie, team=cast.Team.objects.create(name="Third", slug="third")
    )
    pending.read_pending()
    return {"owner": alice.pk, "team": other_team.pk, "cluster": other.pk}


def listed(client, query):
    """The ids on all pages of the list, as its links lead there."""
    address, ids = f"/?view=all&{query}", []
    while address:
        context = client.get(address).context
        ids += [job.pk for job in context.get("jobs", [])]
        address = context.get("next_url", "")
    return ids


def exported(client, query):
    text = client.get(f"/jobs/export.csv?{query}").getvalue().decode("utf-8-sig")
    return [int(row["id"]) for row in csv.DictReader(StringIO(text, newline=""))]


def matched(user, query):
    """The ids that an action on all that match goes through, page by page as the worker does."""
    ids, page = [], pages.Page([], has_more=True, edge=0)
    while page.has_more or page.edge:
        before = page.edge or (ids[-1] if ids else 0)
        page = running.matching(rights_of(user).team_ids, running.read_query(query), before)
        ids += page.ids
    return ids


@pytest.mark.parametrize("first", FILTERS)
def test_list_file_and_action_have_the_same_jobs_for_each_filter_and_each_pair(
    everybody, client_of, bob, first
):
    client, mine = client_of(bob), Job.objects.filter(team__in=bob.teams.all(), deleted_at=None)
    jobs = list(mine.select_related("owner", "team", "cluster").order_by("-pk"))
    for one, two in (case for case in CASES if case[0] == first):
        query = "&".join(filter(None, [one, two])).format(**everybody)
        wanted = [job.pk for job in jobs if FILTERS[one](job) and (not two or FILTERS[two](job))]
        assert two or 0 < len(wanted) < len(jobs), f"{query} filters nothing"
        found = {
            "list": listed(client, query),
            "file": exported(client, query),
            "action": matched(bob, query),
        }
        assert found == dict.fromkeys(found, wanted), query


def test_no_filter_is_forgotten_here():
    asked = [
        Filters.read({name: values[0] for name, values in parse_qs(query).items()}) for query in _addresses()
    ]
    named = {field.name for field in fields(Filters) for one in asked if getattr(one, field.name)}
    assert named == {field.name for field in fields(Filters)} - {"view"}


def _addresses():
    return [query.format(owner=1, team=1, cluster=1) for query in FILTERS]


@pytest.mark.parametrize("query", ["pinned=yes", "pinned=yes&tag=paper", "pinned=yes&text=needle"])
def test_an_action_on_all_pinned_jobs_is_done_to_those_of_the_file_alone(everybody, client_of, bob, query):
    wanted = exported(client_of(bob), query)
    sent = {"action": "tag", "all": "1", "filters": query, "confirmed": "yes", "added": "seen"}
    client_of(bob).post("/jobs/bulk/", sent)
    tasks.run_bulk()
    assert BulkRun.objects.get().finished_at
    seen = Job.objects.filter(tags__contains=["seen"]).order_by("-pk")
    assert list(seen.values_list("pk", flat=True)) == wanted != []


def test_an_admins_file_has_the_pinned_jobs_of_every_team(everybody, client_of, dana):
    pinned = Job.objects.filter(deleted_at=None).exclude(pinned_at=None).order_by("-pk")
    assert exported(client_of(dana), "pinned=yes") == list(pinned.values_list("pk", flat=True))
