"""Filters kept under a name: beside the list, renamed, shared, deleted, and as the view with which Jobs opens."""

import pytest

from jobs.models import SavedFilter


@pytest.fixture
def keep(client_of):
    """`keep(alice, "Broken", "status=failed")`: saved in the browser; the filter."""

    def save(user, name, filters):
        client_of(user).post("/filters/", {"name": name, "filters": filters})
        return SavedFilter.objects.get(owner=user, name=name)

    return save


def beside(client_of, user, query="?view=all"):
    return [one.name for one in client_of(user).get("/" + query).context["saved"]]


def test_it_is_beside_the_list_and_leads_to_its_address(make_job, client_of, alice, bob, keep):
    make_job()
    keep(alice, "Broken", "status=failed&text=a+b&before=7&nonsense=1")
    page = client_of(alice).get("/").content.decode()
    assert 'href="/?status=failed&amp;text=a+b"' in page
    assert "Broken" in page
    assert beside(client_of, bob) == []


def test_a_name_is_taken_once_and_nothing_is_kept_without(make_job, client_of, alice, bob, keep):
    make_job()
    keep(alice, "Broken", "status=failed")
    answer = client_of(alice).post("/filters/", {"name": "Broken", "filters": "tag=a"}, follow=True)
    assert "There is a saved filter “Broken” already" in answer.content.decode()
    assert answer.redirect_chain == [("/?tag=a", 302)]
    client_of(alice).post("/filters/", {"name": " ", "filters": "tag=a"})
    client_of(alice).post("/filters/", {"name": "Everything", "filters": ""})
    keep(bob, "Broken", "tag=b")
    assert SavedFilter.objects.count() == 2


def test_its_owner_renames_and_deletes_it(make_job, client_of, alice, keep):
    make_job()
    saved = keep(alice, "Broken", "status=failed")
    other = keep(alice, "Other", "tag=a")
    address = f"/filters/{saved.pk}/"
    assert client_of(alice).post(address, {"name": "Failures"})["Location"] == "/?status=failed"
    assert "already" in client_of(alice).post(address, {"name": other.name}).content.decode()
    assert beside(client_of, alice) == ["Failures", "Other"]
    client_of(alice).post(address + "delete/")
    assert beside(client_of, alice) == ["Other"]


def test_only_a_manager_shares_it_and_then_the_team_sees_it(
    make_job, client_of, alice, bob, manager, keep, team
):
    make_job()
    hers = keep(alice, "Hers", "tag=a")
    answer = client_of(alice).post(f"/filters/{hers.pk}/", {"name": "Hers", "team": team.pk})
    assert "Only a team&#x27;s managers share" in answer.content.decode()
    theirs = keep(manager, "Theirs", "tag=b")
    client_of(manager).post(f"/filters/{theirs.pk}/", {"name": "Theirs", "team": team.pk})
    assert beside(client_of, bob) == ["Theirs"]
    client_of(bob).post(f"/filters/{theirs.pk}/", {"name": "Mine now"})
    assert client_of(bob).post(f"/filters/{theirs.pk}/delete/").status_code == 404
    assert beside(client_of, bob) == ["Theirs"]


def test_another_team_does_not_see_it(make_job, client_of, charlie, manager, keep, team):
    theirs = keep(manager, "Theirs", "tag=b")
    client_of(manager).post(f"/filters/{theirs.pk}/", {"name": "Theirs", "team": team.pk})
    make_job(owner=charlie)
    assert beside(client_of, charlie) == []
    assert client_of(charlie).get(f"/filters/{theirs.pk}/").status_code == 404


def test_jobs_opens_with_the_default_view_and_all_jobs_stay_one_click_away(
    make_job, client_of, alice, bob, keep
):
    make_job(name="fine")
    saved = keep(alice, "Broken", "status=failed")
    client_of(alice).post(f"/filters/{saved.pk}/", {"name": "Broken", "is_default": "1"})
    assert client_of(alice).get("/")["Location"] == "/?status=failed"
    page = client_of(alice).get("/?status=failed")
    assert page.context["filters"].counts[0].url == "/?view=all"
    assert page.context["filters"].all_url == "/?view=all"
    assert [job.name for job in client_of(alice).get("/?view=all").context["jobs"]] == ["fine"]
    assert client_of(bob).get("/").status_code == 200
    client_of(alice).post(f"/filters/{saved.pk}/", {"name": "Broken"})
    assert client_of(alice).get("/").status_code == 200
