"""Adding, renaming, disabling and enabling a team."""

from uuid import UUID

import pytest
from django.utils import timezone

from jobs.models import Job
from jobs.submission.offers import offer_for
from jobs.submission.submit import CannotRun, run_again
from teams.models import Team


def test_an_admin_adds_a_team_and_lands_on_its_page(client_of, dana, recorded):
    answer = client_of(dana).post("/teams/add/", {"name": "  Über   Labor "})
    team = Team.objects.get()
    assert (team.name, team.slug) == ("Über Labor", "uber-labor")
    assert answer["Location"] == "/teams/uber-labor/"
    assert recorded == [("team.added", team, team)]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Give the team a name"),
        ("data SCIENCE", "There is a team Data science already"),
        ("x" * 81, "at most 80"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(client_of, dana, team, name, sentence):
    page = client_of(dana).post("/teams/add/", {"name": name}).content.decode()
    assert sentence in page
    assert "No team was added." in page
    assert Team.objects.count() == 1


def test_names_that_would_be_the_same_address_get_numbers(client_of, dana, team):
    for name in ("Data-science", "Add", "研究", "実験"):
        client_of(dana).post("/teams/add/", {"name": name})
    slugs = set(Team.objects.values_list("slug", flat=True))
    assert slugs == {"data-science", "data-science-2", "add-2", "team", "team-2"}


def test_a_new_name_keeps_the_address(client_of, dana, team, recorded):
    client_of(dana).post(f"/teams/{team.slug}/edit/", {"name": "Science"})
    team.refresh_from_db()
    assert (team.name, team.slug) == ("Science", "data-science")
    assert recorded == [("team.renamed", team, team)]


def test_the_same_name_again_is_no_change(client_of, dana, team, recorded):
    assert client_of(dana).post(f"/teams/{team.slug}/edit/", {"name": team.name}).status_code == 302
    assert recorded == []


def test_before_the_click_it_says_what_happens(client_of, dana, alice, team, make_job):
    make_job(status="running")
    page = client_of(dana).get(f"/teams/{team.slug}/disable/").content.decode()
    assert "1 job is active now" in page
    assert "Jobs that wait do not start" in page
    team.refresh_from_db()
    assert team.disabled_at is None


def test_a_disabled_team_takes_no_jobs_and_keeps_what_it_has(
    client_of, dana, alice, team, make_job, recorded
):
    job = make_job(status="running")
    client_of(dana).post(f"/teams/{team.slug}/disable/")
    team.refresh_from_db()
    assert team.is_disabled
    assert recorded == [("team.disabled", team, team)]
    assert offer_for(alice).teams == []
    with pytest.raises(CannotRun, match="Data science is disabled"):
        run_again(alice, Job.objects.select_related("team", "cluster").get(pk=job.pk), UUID(int=1))
    job.refresh_from_db()
    assert job.cancel_requested_at is None
    assert client_of(alice).get(f"/jobs/{job.pk}/").status_code == 200


def test_enabling_opens_it_again_and_a_second_click_changes_nothing(client_of, dana, alice, team, recorded):
    Team.objects.filter(pk=team.pk).update(disabled_at=timezone.now())
    for _ in range(2):
        client_of(dana).post(f"/teams/{team.slug}/enable/")
    assert offer_for(alice).teams == [team]
    assert recorded == [("team.enabled", team, team)]


def test_disabling_twice_keeps_the_first_moment(client_of, dana, team):
    client = client_of(dana)
    client.post(f"/teams/{team.slug}/disable/")
    first = Team.objects.get().disabled_at
    client.post(f"/teams/{team.slug}/disable/")
    assert Team.objects.get().disabled_at == first
