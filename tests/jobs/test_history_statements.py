"""How many statements a view of the history takes: a budget, for everybody, however many jobs there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.forecast import estimate
from jobs.models import DefaultView, SavedFilter, TeamQueue
from jobs.models.queue import lane_key
from jobs.search import pending
from teams.models import Membership, Pause, Team

# Session, user; the asker's rights with saved filters and pauses; page with counts and choices; rows with their queues;
# and where a search was found.
BUDGET = 6
VIEWS = (
    *(
        "/",
        "/?before=999999",
        "/?after=1",
        "/?status=failed",
        "/?status=active",
        "/?tag=nightly",
        "/?time=30d",
    ),
    *("/?text=forecast", "/?text=print", "/?text=%22print(%22", "/?text=owner:alice+print", "/?text=zebra"),
    *("/?team={team}", "/?owner={owner}", "/?cluster={cluster}&status=failed", "/?pinned=yes&tag=nightly"),
    *(
        "/?status=queued&text=owner:alice+%22print(%22",
        "/?text=%22open",
        "/jobs/counts/?text=owner:alice+print",
    ),
)
STATUSES = ("queued", "failed", "succeeded")


@pytest.fixture(autouse=True)
def estimates_are_kept(monkeypatch):
    """When a queue's jobs are likely to start is worked out for the team, not for the page: some ten statements."""
    monkeypatch.setattr(estimate, "KEPT_SECONDS", 600)


@pytest.fixture
def askers(make_job, alice, charlie, dana, other_team, client_of):
    """Alice's team has more jobs than a page shows, Charlie's has one; Dana administers. All have something saved."""
    for number in range(60):
        status, name = STATUSES[number % 3], "forecast" if number % 2 else "train"
        files = {f"{name}.py": f"print('{name} {number % 7}')".encode()}
        job = make_job(name=f"{name} {number}", tags=["nightly"], status=status, files=files)
    lane = {"lane": lane_key(job), "reason": "team_quota", "detail": ""}
    TeamQueue.objects.update_or_create(team=job.team, defaults={"blocked": [lane]})
    make_job(owner=charlie, team=other_team, status="queued", files={"main.py": b"print(1)"})
    pending.read_pending()
    Pause.objects.create(message="Moving house.")
    for user in (alice, charlie, dana):
        saved = SavedFilter.objects.create(owner=user, name="Failed", query="status=failed")
        DefaultView.objects.create(user=user, saved=saved)
    return {"huge team": client_of(alice), "tiny team": client_of(charlie), "admin": client_of(dana)}


@pytest.mark.parametrize("who", ["tiny team", "huge team", "admin"])
def test_no_view_takes_more_than_six_statements(askers, alice, who):
    values = {"team": alice.teams.get().pk, "owner": alice.pk, "cluster": alice.jobs.first().cluster_id}
    taken = {}
    for view in VIEWS:
        address = view.format(**values)
        askers[who].get(address)
        with CaptureQueriesContext(connection) as captured:
            answer = askers[who].get(address)
        assert answer.status_code in (200, 302), view
        taken[view] = len(captured)
        assert not [query for query in captured.captured_queries if "OFFSET" in query["sql"]]
    assert {view: count for view, count in taken.items() if count > BUDGET} == {}
    assert taken["/?status=active"] == BUDGET - 1


def test_many_teams_take_no_more_than_one(askers, alice, make_job, django_assert_max_num_queries):
    for number in range(20):
        Membership.objects.create(
            user=alice, team=Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        )
    askers["huge team"].get("/?status=queued")
    with django_assert_max_num_queries(BUDGET):
        askers["huge team"].get("/?status=queued&text=print")


def test_what_the_list_says_beside_the_jobs_is_all_there(askers, alice):
    page = askers["huge team"].get("/?status=queued")
    assert [pause.message for pause in page.context["pauses"]] == ["Moving house."]
    assert "Since" in page.content.decode()
    assert [(one.name, one.is_default, one.pk) for one in page.context["saved"]] == [
        ("Failed", True, SavedFilter.objects.get(owner=alice).pk)
    ]
    assert askers["huge team"].get("/")["Location"] == "/?status=failed"
    assert {job.queue_label for job in page.context["jobs"]} == {"team's quota"}


def test_each_team_s_queue_says_why_its_own_jobs_wait(askers, charlie, dana):
    job = charlie.jobs.get()
    lane = {"lane": lane_key(job), "reason": "own_quota", "detail": ""}
    TeamQueue.objects.update_or_create(team=job.team, defaults={"blocked": [lane]})
    labels = {
        (row.team_id == job.team_id, row.queue_label)
        for row in askers["admin"].get("/?status=queued").context["jobs"]
    }
    assert labels == {(True, "own quota"), (False, "team's quota")}


def test_who_was_taken_out_of_the_team_sees_nothing_with_the_next_page(askers, alice):
    assert askers["huge team"].get("/?view=all").context["jobs"]
    alice.memberships.all().delete()
    page = askers["huge team"].get("/?view=all")
    assert "You are not in a team yet" in page.content.decode()
    assert not page.context.get("jobs")
