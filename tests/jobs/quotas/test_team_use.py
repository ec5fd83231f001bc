"""A team's page of use: gauges from the ledger, who uses it, what waits and why."""

import html

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.admission import counting, lanes
from jobs.models import Attempt, Job
from jobs.quota import waits as waiting
from teams.models import Pause, QuotaLine, Team
from teams.quota.limits import set_sharing
from tests import cast


def use_of(client, team, query=""):
    return client.get(f"/teams/{team.slug}/use/{query}").context["use"]


def gauge(use, resource, where=""):
    return next(
        each for each in (*use.gauges, *use.places) if (each.resource, each.where) == (resource, where)
    )


def text_of(response):
    return html.unescape(response.content.decode())


def run(*jobs):
    """Their scripts run now."""
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(status="running", running_at=timezone.now())


def test_in_use_is_what_runs_and_the_rest_of_the_ledger_is_reserved(
    make_job, client_of, alice, team, limit, admit, end
):
    limit("jobs", 8)
    limit("cpu_millis", 16000)
    jobs = [make_job(cpu_millis=2000, gpu_resource="nvidia.com/gpu", gpu_count=1) for _ in range(5)]
    admit()
    run(jobs[0], jobs[1])
    # The script of the third has ended; nobody has proven yet that its pod is gone.
    now = timezone.now()
    Job.objects.filter(pk=jobs[2].pk).update(status="finishing", running_at=now, finishing_at=now)
    Job.objects.filter(pk=jobs[3].pk).update(status="succeeded", running_at=now, finished_at=now)
    use = use_of(client_of(alice), team)
    for resource, each in (("jobs", 1), ("cpu_millis", 2000), ("gpu:nvidia.com/gpu", 1)):
        found = gauge(use, resource)
        line = QuotaLine.objects.get(team=team, scope="team", resource=resource)
        assert (found.running, found.used, found.limit) == (2 * each, line.used, line.limit)
    assert gauge(use, "jobs").words == "2 in use, 3 reserved, of 8"
    assert gauge(use, "cpu_millis").words == "4 cores in use, 6 cores reserved, of 16 cores"
    end(jobs[3].pk)
    assert gauge(use_of(client_of(alice), team), "jobs").words == "2 in use, 2 reserved, of 8"


def test_the_bar_shows_what_the_words_say(make_job, client_of, alice, team, limit, admit):
    limit("jobs", 4)
    jobs = [make_job() for _ in range(3)]
    admit()
    run(jobs[0])
    found = gauge(use_of(client_of(alice), team), "jobs")
    assert found.bar == {"running": 25.0, "reserved": 50.0, "limit": 100.0}


def test_a_team_without_anything_has_its_three_gauges(client_of, alice, team):
    use = use_of(client_of(alice), team)
    assert [each.words for each in use.gauges] == [
        "0 in use, no limit",
        "0 cores in use, no limit",
        "0 B in use, no limit",
    ]


def test_a_limit_of_zero_is_shown_and_said(client_of, alice, team, limit):
    limit("gpu:nvidia.com/gpu", 0)
    found = gauge(use_of(client_of(alice), team), "gpu:nvidia.com/gpu")
    assert (found.limit, found.mark) == (0, "nothing may start")


def test_a_limit_below_use_says_how_much_is_above(make_job, client_of, alice, team, limit, admit):
    for _ in range(3):
        make_job()
    admit()
    limit("jobs", 1)
    found = gauge(use_of(client_of(alice), team), "jobs")
    assert (found.mark, found.borrowed) == ("2 above the limit", "")


def test_what_is_borrowed_is_seen_with_what_all_share(
    make_job, client_of, alice, team, other_team, limit, admit
):
    for each in (team, other_team):
        limit("jobs", 2, of=each)
        set_sharing(each.pk, shares=True)
    for _ in range(3):
        make_job()
    admit()
    page = client_of(alice).get(f"/teams/{team.slug}/use/")
    found = gauge(page.context["use"], "jobs")
    assert (found.mark, found.pool_words) == ("1 borrowed", "Teams that share: 3 of 4")
    assert "This team shares its quota" in text_of(page)


def test_limits_on_single_clusters_are_apart(make_job, client_of, alice, team, cluster, limit, admit):
    limit("jobs", 3, cluster=cluster)
    make_job()
    admit()
    assert gauge(use_of(client_of(alice), team), "jobs", "This machine").words == "0 in use, 1 reserved, of 3"


def test_who_uses_it_with_the_limits_that_hold_for_each(make_job, client_of, alice, bob, team, limit, admit):
    limit("jobs", 5, scope="member")
    limit("jobs", 2, user=bob)
    make_job(), make_job()
    make_job(owner=bob, cpu_millis=4000, gpu_resource="nvidia.com/gpu", gpu_count=2)
    admit()
    rows = use_of(client_of(alice), team).people.rows
    assert [(row.user, row.jobs, row.cpu, row.gpus, row.has_own_limit) for row in rows] == [
        (alice, "2 of 5", "2 cores", [], False),
        (bob, "1 of 2", "4 cores", ["2 nvidia.com/gpu"], True),
    ]


def test_a_big_team_comes_in_pages(client_of, alice, team, limit):
    for number in range(25):
        limit("jobs", 1, user=cast.new_user(f"user{number:02}", team))
    client = client_of(alice)
    first, second = use_of(client, team).people, use_of(client, team, "?people=2").people
    assert (len(first.rows), first.following, len(second.rows), second.following) == (20, 2, 5, 0)
    assert not {row.user.pk for row in first.rows} & {row.user.pk for row in second.rows}
    for odd in ("0", "-1", "x", "9" * 40, "²"):
        assert client.get(f"/teams/{team.slug}/use/?people={odd}").status_code == 200


def test_what_waits_is_told_by_cause_with_the_catalogues_sentence(
    make_job, client_of, alice, bob, team, limit, admit
):
    limit("cpu_millis", 2000)
    limit("jobs", 1, user=bob)
    make_job(owner=bob)
    admit()
    [make_job(owner=bob) for _ in range(3)]
    [make_job(cpu_millis=1500) for _ in range(2)]
    never = make_job(cpu_millis=64000)
    admit()
    page = client_of(alice).get(f"/teams/{team.slug}/use/")
    found = {wait.label: wait for wait in page.context["use"].waits}
    assert {label: wait.count_words for label, wait in found.items()} == {
        "Own quota": "3",
        "Team's quota": "2",
        "Too large": "1",
    }
    assert found["Too large"].explanation.sentence == Job.objects.get(pk=never.pk).sentence
    assert found["Own quota"].explanation.sentence in text_of(page)
    assert page.context["use"].waiting == "6"


def test_the_link_of_a_cause_leads_to_its_jobs(make_job, client_of, alice, bob, team, limit, admit):
    limit("jobs", 1, user=bob)
    limit("cpu_millis", 4000)
    jobs = [make_job(owner=bob) for _ in range(3)]
    make_job(cpu_millis=8000)
    admit()
    client = client_of(alice)
    wait = next(wait for wait in use_of(client, team).waits if wait.label == "Own quota")
    listed = client.get(wait.url).context["jobs"]
    assert {job.pk for job in listed} == {job.pk for job in jobs[1:]}


def test_jobs_that_nobody_has_looked_at_yet_are_no_mystery(make_job, client_of, alice, team):
    make_job()
    (wait,) = use_of(client_of(alice), team).waits
    assert (wait.label, wait.count) == ("About to be looked at", 1)
    assert wait.explanation.sentence == "Waiting to be started on This machine."


def test_counting_ends_somewhere(make_job, client_of, alice, team, limit, admit, monkeypatch):
    for module in (counting, waiting):
        monkeypatch.setattr(module, "MOST_COUNTED", 3)
    limit("jobs", 0)
    [make_job() for _ in range(5)]
    admit()
    use = use_of(client_of(alice), team)
    assert (use.waits[0].count_words, use.waiting) == ("3+", "3+")
    (first,) = lanes.firsts(team.pk)
    assert counting.counts_of(team.pk, [first.lane]) == {first.lane: 4}


def test_it_costs_as_many_statements_with_many_jobs_people_and_causes(
    make_job, client_of, alice, bob, team, limit, admit
):
    def statements():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/teams/{team.slug}/use/").status_code == 200
        return len(captured)

    client = client_of(alice)
    limit("jobs", 1)
    [make_job() for _ in range(2)]
    admit()
    few = statements()
    for number in range(12):
        person = cast.new_user(f"user{number}", team)
        limit("cpu_millis", 500 * number, user=person)
        [make_job(owner=person, cpu_millis=1000 + number) for _ in range(3)]
    admit()
    assert statements() <= few <= 16


def test_the_part_alone_is_what_a_script_gets(client_of, alice, team):
    client = client_of(alice)
    part = client.get(f"/teams/{team.slug}/use/", headers={"HX-Request": "true"})
    assert part.content.startswith(b'<div id="team-use"')
    assert "HX-Request" in part["Vary"]
    assert b"<html" in client.get(f"/teams/{team.slug}/use/").content


def test_budgets_have_a_section_of_their_own(client_of, alice, team, limit):
    limit("cpu_hours", 100 * 3_600_000_000)
    page = client_of(alice).get(f"/teams/{team.slug}/use/")
    assert page.context["use"].budgets[0].words == "0 of 100 this month"
    assert '<section id="budget">' in text_of(page)


@pytest.mark.parametrize("paused", ["team", "everything"])
def test_a_pause_is_told_with_the_admins_words(client_of, alice, team, paused):
    Pause.objects.create(message="Until noon <b>.", team=team if paused == "team" else None)
    page = client_of(alice).get(f"/teams/{team.slug}/use/").content.decode()
    assert "Paused by an admin" in page
    assert "Until noon &lt;b&gt;." in page
    assert "Let it go on" not in page


def test_another_teams_pause_is_none_of_theirs(client_of, alice, team, other_team):
    Pause.objects.create(message="Until noon.", team=other_team)
    assert "Paused" not in client_of(alice).get(f"/teams/{team.slug}/use/").content.decode()


def test_who_sees_it_and_who_gets_the_buttons(client_of, alice, manager, dana, otto, charlie, team):
    for user, edits, pauses in (
        (alice, False, False), (otto, False, False), (manager, True, False), (dana, True, True)
    ):  # fmt: skip
        page = client_of(user).get(f"/teams/{team.slug}/use/").content.decode()
        assert ("Change limits" in page, f"/teams/{team.slug}/pause/" in page) == (edits, pauses), user
    assert client_of(charlie).get(f"/teams/{team.slug}/use/").status_code == 404


def test_the_list_of_teams_leads_to_it(client_of, alice, team):
    assert f'href="/teams/{team.slug}/use/"' in client_of(alice).get("/teams/").content.decode()
    assert Team.objects.count() == 1
    assert not Attempt.objects.exists()
