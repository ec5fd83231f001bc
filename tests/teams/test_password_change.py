"""The password page, and that a password which somebody else knows is changed first."""

import pytest

from teams.models import User
from tests.cast import PASSWORD

NEW = "staple battery horse"


def change(client, old=PASSWORD, new=NEW, again=None):
    data = {"oldpassword": old, "password1": new, "password2": again or new}
    return client.post("/accounts/password/change/", data)


@pytest.fixture
def given(alice):
    """Alice has a password that an admin made."""
    alice.must_change_password = True
    alice.save()
    return alice


@pytest.mark.parametrize("path", ["/", "/jobs/1/", "/new/", "/admin/", "/jobs/counts/", "/no-such-page/"])
def test_a_given_password_leads_to_the_page_that_changes_it(given, client_of, path):
    assert client_of(given).get(path)["Location"] == "/accounts/password/change/"


def test_nothing_can_be_done_with_a_given_password(given, client_of, make_job):
    job = make_job(status="running")
    client_of(given).post(f"/jobs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.cancel_requested_at is None


def test_the_page_says_why_and_lets_one_sign_out(given, client_of):
    client = client_of(given)
    page = client.get("/accounts/password/change/").content.decode()
    assert "given to you by somebody else" in page
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_after_the_change_everything_is_open_and_one_stays_signed_in(given, client_of):
    client = client_of(given)
    assert change(client)["Location"] == "/"
    assert client.get("/").status_code == 200
    user = User.objects.get(pk=given.pk)
    assert user.check_password(NEW)
    assert not user.must_change_password


def test_a_change_ends_the_other_sessions(alice, client_of):
    here, elsewhere = client_of(alice), client_of(alice)
    change(here)
    assert here.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"old": "wrong"}, "current password"),
        ({"new": "short"}, "too short"),
        ({"new": "password1"}, "too common"),
        ({"new": "alice@example.org"}, "too similar"),
        ({"again": "something else"}, "same password"),
        ({"new": PASSWORD}, "another password"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(given, client_of, data, sentence):
    response = change(client_of(given), **data)
    assert response.status_code == 200
    page = response.content.decode()
    assert sentence in page
    assert 'aria-invalid="true"' in page
    assert User.objects.get(pk=given.pk).must_change_password
