"""The past month with other limits: waits of the team and of those it shares with, before anything is saved."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.forecast import replay as replays
from jobs.forecast.replay import limits_of_all, read_past, replay, summed_up, with_limits
from jobs.forecast.what_if_page import make_what_if
from teams.models import QuotaLine, Scope
from teams.quota.book import Account
from teams.quota.limits import set_limits, set_sharing

CPU = Account(Scope.TEAM, "cpu_millis")
NOW = timezone.now()


@pytest.fixture
def ran(make_job):
    """`ran(4, minutes=10, **fields)`: jobs that were sent at the same moment two days ago and ran so long."""

    def make(count, minutes=10, days=2, **fields):
        sent = NOW - timedelta(days=days)
        for number in range(count):
            begun = sent + timedelta(seconds=number)
            ended = begun + timedelta(minutes=minutes)
            times = {"created_at": sent, "running_at": begun, "finishing_at": ended, "finished_at": ended}
            make_job(**{"status": "succeeded"} | times | fields)

    return make


def text(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_the_same_jobs_wait_longer_with_less(ran, team):
    ran(4)
    past = read_past(team)
    lines = limits_of_all(team, past.sharing)
    free, tight = (
        replay(past, lines)[team.pk],
        replay(past, with_limits(lines, team.pk, {"cpu_millis": 1000}))[team.pk],
    )
    assert (free.jobs, free.median, free.longest, free.never) == (4, 0, 0, 0)
    assert (tight.jobs, tight.median, tight.longest, tight.never) == (4, 1200, 1800, 0)


def test_what_would_never_start_is_counted(ran, team):
    ran(1, cpu_millis=4000)
    ran(2)
    past = read_past(team)
    waits = replay(past, with_limits(limits_of_all(team, past.sharing), team.pk, {"cpu_millis": 2000}))[
        team.pk
    ]
    assert (waits.jobs, waits.never, waits.longest) == (3, 1, 0)


def test_only_the_last_month_only_what_ran_and_not_what_others_did(ran, team, make_job, charlie):
    ran(1)
    ran(1, days=31)
    ran(1, owner=charlie)
    ran(1, deleted_at=NOW)
    make_job(status="cancelled", running_at=None)
    assert [job.team for job in read_past(team).jobs] == [team.pk]


def test_what_runs_still_counts_as_long_as_it_has(make_job, team):
    make_job(status="running", running_at=timezone.now() - timedelta(minutes=5))
    assert 300 <= read_past(team).jobs[0].seconds < 310


def test_those_that_share_are_in_it_and_the_pool_is_as_large_as_their_limits(ran, team, other_team, charlie):
    for each in (team, other_team):
        set_limits(each.pk, {CPU: 1000})
        set_sharing(each.pk, shares=True)
    ran(2)
    ran(2, owner=charlie)
    team.refresh_from_db()
    past = read_past(team)
    lines = limits_of_all(team, past.sharing)
    before, after = replay(past, lines), replay(past, with_limits(lines, team.pk, {"cpu_millis": 3000}))
    assert set(before) == {team.pk, other_team.pk}
    assert before[other_team.pk].longest == 600
    # What the team has more and leaves idle the other may borrow.
    assert after[team.pk].longest == after[other_team.pk].longest == 0


def test_at_most_so_many_jobs_the_newest(ran, team, monkeypatch):
    monkeypatch.setattr(replays, "MOST_JOBS", 3)
    ran(2, days=5)
    ran(3, days=1)
    past = read_past(team)
    assert past.is_cut
    assert len(past.jobs) == 3
    assert min(job.arrives for job in past.jobs) > (NOW - timedelta(days=2)).timestamp()


def test_summed_up():
    waits = summed_up([5, 1, 3, 2, 4, 6, 7, 8, 9, 10])
    assert (waits.median, waits.nine_of_ten, waits.longest) == (6, 10, 10)
    assert summed_up([], 3).jobs == 3
    assert summed_up([]).median is None


def test_nothing_is_replayed_before_something_is_asked(ran, team, client_of, dana, monkeypatch):
    set_limits(team.pk, {CPU: 2500, Account(Scope.TEAM, "memory_bytes"): 64 * 1024**3})
    monkeypatch.setattr("jobs.forecast.what_if_page.replay", lambda *args: pytest.fail("replayed"))
    page = client_of(dana).get(f"/teams/{team.slug}/what-if/").content.decode()
    assert 'name="cpu_millis" value="2.5"' in page
    assert 'name="memory_bytes" value="64 GiB"' in page
    assert 'name="jobs" value=""' in page


def test_an_address_with_limits_shows_both(ran, team, client_of, otto):
    set_limits(team.pk, {CPU: 1000})
    ran(4)
    said = text(client_of(otto).get(f"/teams/{team.slug}/what-if/", {"cpu_millis": "4"}))
    assert "Waits of 4 jobs" in said
    assert re.search(r"Data science 4 20 min → would be 0 s 20 min less", said), said
    assert "30 min → would be 0 s 30 min less" in said


def test_a_limit_that_is_left_out_stays_and_an_empty_one_is_none(ran, team):
    set_limits(team.pk, {CPU: 1000, Account(Scope.TEAM, "jobs"): 1})
    ran(4)
    stays = make_what_if(team, {"cpu_millis": "9"})
    assert stays.rows[0].after.longest == 1800
    free = make_what_if(team, {"cpu_millis": "9", "jobs": ""})
    assert free.rows[0].after.longest == 0


def test_worse_is_told_as_such_and_never_stands_out(ran, team, client_of, dana):
    ran(3)
    page = client_of(dana).get(f"/teams/{team.slug}/what-if/?jobs=1")
    assert "20 min more" in text(page)
    page = client_of(dana).get(f"/teams/{team.slug}/what-if/?jobs=0").content.decode()
    assert '<strong class="is-high">3</strong>' in page


def test_what_is_typed_wrongly_is_told_at_its_field_and_kept(team, client_of, dana):
    page = client_of(dana).get(f"/teams/{team.slug}/what-if/?cpu_millis=many&jobs=3").content.decode()
    assert "“many” is no amount" in page
    assert 'name="cpu_millis" value="many"' in page
    assert 'name="jobs" value="3"' in page
    assert "<table" not in page


def test_without_jobs_there_is_nothing_to_replay(team, client_of, dana):
    assert (
        "There is nothing to replay"
        in client_of(dana).get(f"/teams/{team.slug}/what-if/?jobs=3").content.decode()
    )


def test_nothing_is_saved(ran, team, client_of, dana):
    set_limits(team.pk, {CPU: 1000})
    ran(3)
    before = list(QuotaLine.objects.values())
    client_of(dana).get(f"/teams/{team.slug}/what-if/?cpu_millis=4")
    assert list(QuotaLine.objects.values()) == before


def test_members_and_strangers_find_no_such_page(team, client_of, alice, manager, charlie):
    for person in (alice, manager, charlie):
        assert client_of(person).get(f"/teams/{team.slug}/what-if/").status_code == 404
