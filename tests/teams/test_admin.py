"""Django's admin: for admins alone, usable, and with jobs to look at only."""

import pytest

from teams.models import Membership, User
from tests.cast import PASSWORD

GIVEN = "a password that was given"


@pytest.mark.parametrize(
    "path",
    ["", "teams/user/", "teams/user/add/", "teams/team/", "teams/team/add/", "teams/membership/",
     "jobs/job/",
     "jobs/job/?status__exact=failed", "jobs/job/?q=1"],
)  # fmt: skip
def test_an_admin_opens_every_page(client_of, dana, make_job, path):
    make_job()
    assert client_of(dana).get(f"/admin/{path}").status_code == 200


@pytest.mark.parametrize("path", ["", "teams/user/", "jobs/job/"])
def test_nobody_else_opens_any(client_of, alice, manager, path):
    User.objects.filter(pk=manager.pk).update(is_staff=True)  # a left-over mark opens nothing
    for user in (alice, manager):
        response = client_of(user).get(f"/admin/{path}", follow=True)
        assert response.status_code == 403
        assert "The administration is for admins only" in response.content.decode()


def test_strangers_are_led_to_the_one_sign_in_page(client, db):
    response = client.get("/admin/teams/user/", follow=True)
    assert response.redirect_chain[-1] == ("/accounts/login/?next=/admin/teams/user/", 302)
    assert client.post("/admin/login/", {"username": "x", "password": "y"})["Location"].startswith(
        "/accounts/login/"
    )


def test_the_admins_own_doors_lead_to_the_portals(client_of, dana):
    client = client_of(dana)
    assert client.get("/admin/password_change/")["Location"] == "/accounts/password/change/"
    assert client.get("/admin/logout/")["Location"] == "/accounts/logout/"


def form(page):
    """The values of the admin's form, as a browser would send them back."""
    fields = page.context["adminform"].form
    data = {name: fields[name].value() for name in fields.fields}
    for inline in page.context["inline_admin_formsets"]:
        data |= {field.html_name: field.value() for field in inline.formset.management_form}
    return {name: value for name, value in data.items() if value is not None}


def test_a_new_account_must_change_the_password_it_was_given(client_of, dana, team, client):
    page = client_of(dana).post(
        "/admin/teams/user/add/",
        {"username": "new", "usable_password": "true", "password1": GIVEN, "password2": GIVEN},
        follow=True,
    )
    assert page.status_code == 200
    user = User.objects.get(username="new")
    assert user.must_change_password
    assert client.login(username="new", password=GIVEN)
    assert client.get("/")["Location"] == "/accounts/password/change/"


def test_setting_a_password_makes_its_user_change_it(client_of, dana, alice):
    data = {"usable_password": "true", "password1": GIVEN, "password2": GIVEN}
    assert client_of(dana).post(f"/admin/teams/user/{alice.pk}/password/", data).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(GIVEN)
    assert alice.must_change_password


def test_a_password_that_was_refused_changes_nothing(client_of, dana, alice):
    data = {"usable_password": "true", "password1": GIVEN, "password2": "another"}
    assert client_of(dana).post(f"/admin/teams/user/{alice.pk}/password/", data).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert not alice.must_change_password


def test_an_admin_puts_a_user_into_a_team(client_of, dana, charlie, team):
    client = client_of(dana)
    data = form(client.get(f"/admin/teams/user/{charlie.pk}/change/"))
    existing = Membership.objects.get(user=charlie)
    data |= {
        "memberships-TOTAL_FORMS": 2, "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": existing.pk, "memberships-0-user": charlie.pk,
        "memberships-0-team": existing.team_id, "memberships-0-role": "analyst",
        "memberships-1-user": charlie.pk, "memberships-1-team": team.pk, "memberships-1-role": "manager",
    }  # fmt: skip
    assert client.post(f"/admin/teams/user/{charlie.pk}/change/", data).status_code == 302
    assert Membership.objects.get(user=charlie, team=team).role == "manager"


def test_a_job_is_looked_at_and_never_changed(client_of, dana, make_job, make_attempt):
    job = make_job(name="train")
    attempt = make_attempt(job)
    client = client_of(dana)
    page = client.get(f"/admin/jobs/job/{job.pk}/change/").content.decode()
    assert "train" in page
    assert attempt.nonce not in page
    assert client.post(f"/admin/jobs/job/{job.pk}/change/", {"name": "other"}).status_code == 403
    assert client.post(f"/admin/jobs/job/{job.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/jobs/job/add/").status_code == 403


def test_the_list_of_jobs_counts_no_further_than_people_page(
    client_of, dana, make_job, django_assert_max_num_queries
):
    for _ in range(3):
        make_job()
    client = client_of(dana)
    with django_assert_max_num_queries(8) as captured:
        client.get("/admin/jobs/job/")
    counts = [query["sql"] for query in captured.captured_queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 10000" in sql for sql in counts)


def test_clusters_have_pages_of_their_own_and_none_here(client_of, dana, cluster):
    client = client_of(dana)
    assert client.get(f"/admin/clusters/cluster/{cluster.pk}/change/").status_code == 404
    assert "/admin/clusters/" not in client.get("/admin/").content.decode()
