"""What pages say of a job that waits: its place and its likely start; and nothing where nothing is known."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs.admission.admit import admit_team
from jobs.forecast import estimate
from jobs.forecast.estimate import MOST_BEFORE, Outlook, Told, before, outlook_of, tell_all
from jobs.forecast.ranges import Range
from jobs.models import Job, TeamQueue
from teams.models import Pause, Scope
from teams.quota.book import Account
from teams.quota.limits import set_limits

CPU = Account(Scope.TEAM, "cpu_millis")


@pytest.fixture
def waiting(make_job, team):
    """One job has run for five minutes of the ten that such jobs take, and three wait for it."""
    begun = timezone.now() - timedelta(days=1)
    for _ in range(10):
        make_job(
            name="train", status="succeeded", running_at=begun, finishing_at=begun + timedelta(minutes=10)
        )
    set_limits(team.pk, {CPU: 1000})
    jobs = [make_job(name="train") for _ in range(4)]
    admit_team(team.pk)
    since = timezone.now() - timedelta(minutes=5)
    Job.objects.filter(pk=jobs[0].pk).update(status="running", running_at=since)
    return [Job.objects.get(pk=job.pk) for job in jobs[1:]]


def text(response):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def test_the_header_says_place_and_range_beside_the_cause(waiting, client_of, alice):
    first, _, third = waiting
    said = text(client_of(alice).get(f"/jobs/{first.pk}/header/"))
    assert "the team uses 1 core of 1 core" in said
    # Before midnight a moment after it has its day: "Tue 00:03".
    asked = r"First in the team's queue\. Likely start in (\d+)–(\d+) min \(about (?:\w+ )?\d\d:\d\d–"
    found = re.search(asked, said)
    assert found, said
    assert 1 <= int(found[1]) <= 5 <= int(found[2]) <= 15
    said = text(client_of(alice).get(f"/jobs/{third.pk}/header/"))
    assert "3rd in the team's queue. Likely start in " in said


def test_the_later_ones_start_later(waiting, team):
    told = [outlook_of(job).told.range for job in waiting]
    assert told[0].early < told[1].early < told[2].early
    assert told[0].median < told[1].median < told[2].median
    assert 4 * 60 < told[0].median < 7 * 60


def test_rows_say_it_in_short(waiting, client_of, alice):
    page = client_of(alice).get("/").content.decode()
    assert len(re.findall(r'class="row-likely"[^>]*>≈ \d+–\d+ min<', page)) == 3
    row = client_of(alice).get(f"/jobs/{waiting[0].pk}/row/").content.decode()
    assert "≈ " in row


def test_what_runs_or_ended_or_is_being_cancelled_has_no_outlook(waiting, make_job):
    assert outlook_of(make_job(status="running")) is None
    assert outlook_of(make_job(status="succeeded")) is None
    waiting[0].cancel_requested_at = timezone.now()
    assert outlook_of(waiting[0]) is None


def test_where_nothing_is_known_nothing_is_said(waiting, client_of, alice):
    Pause.objects.create(message="Work on the power supply.")
    said = text(client_of(alice).get(f"/jobs/{waiting[0].pk}/header/"))
    assert "First in the team's queue." in said
    assert "Likely" not in said
    assert "≈" not in client_of(alice).get("/").content.decode()


def test_a_job_that_never_fits_is_told_no_start(waiting, make_job, team):
    large = make_job(cpu_millis=64_000)
    admit_team(team.pk)
    assert outlook_of(large).told is None


def test_a_plan_is_made_once_for_all_pages_of_some_seconds(waiting, monkeypatch):
    made = []
    real = estimate.read_state
    monkeypatch.setattr(estimate, "read_state", lambda team: made.append(team) or real(team))
    for job in waiting:
        outlook_of(job)
    tell_all(waiting)
    assert len(made) == 1
    assert all(job.told_start for job in waiting)


def test_a_list_of_many_teams_works_out_only_a_few(make_job, monkeypatch, alice):
    made = []
    monkeypatch.setattr(estimate, "_make_plan", lambda team: made.append(team) or {})
    tell_all([Job(pk=n, team_id=n, status="queued") for n in range(1, 30)])
    assert made == [1, 2, 3]


def test_places_count_by_priority_then_age_and_only_what_waits_there(make_job, team, charlie):
    low, first, second = make_job(priority=0), make_job(), make_job()
    high = make_job(priority=2)
    make_job(owner=charlie)
    make_job(status="running")
    make_job(cancel_requested_at=timezone.now())
    places = {job.pk: before(team.pk, job.priority, job.pk) for job in (high, first, second, low)}
    assert list(places.values()) == [0, 1, 2, 3]


def test_counting_ends_somewhere(monkeypatch, make_job, team):
    monkeypatch.setattr(estimate, "MOST_BEFORE", 2)
    jobs = [make_job() for _ in range(5)]
    assert [before(team.pk, 1, job.pk) for job in jobs] == [0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (1, "First"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (13, "13th"),
        (21, "21st"),
        (112, "112th"),
    ],
)
def test_place_words(place, words):
    assert Outlook(place, None).place_words == f"{words} in the team's queue"
    assert (
        Outlook(MOST_BEFORE + 1, None).place_words == "More than 1,000 jobs are before it in the team's queue"
    )


def test_the_clock_names_the_day_where_it_is_another():
    at = datetime(2026, 11, 23, 14, 25, tzinfo=UTC)
    assert Told(Range(600, 1500), at).about == "14:35–14:50"
    assert Told(Range(600, 12 * 3600), at).about == "14:35–Tue 02:25"
    assert Told(Range(600, 9 * 86400), at).about == "14:35–2 Dec 14:25"
    assert Told(Range(600, None), at).about == ""


def test_behind_the_jobs_that_are_played_it_starts_later_than_they_do(waiting, monkeypatch, team):
    monkeypatch.setattr(estimate, "MOST_WAITING", 2)
    monkeypatch.setattr("jobs.forecast.reading.MOST_WAITING", 2)
    told = outlook_of(waiting[2]).told
    assert told.range.late is None
    assert told.words.startswith("more than ")


def test_without_a_look_at_the_queue_it_works_too(make_job, team):
    assert not TeamQueue.objects.filter(team=team).exists()
    assert outlook_of(make_job()).place == 1
