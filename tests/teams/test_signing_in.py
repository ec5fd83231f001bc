"""Sign in, sign out, and what is kept from those who guess."""

import pytest
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from tests.cast import PASSWORD

WRONG = "not the password"


def sign_in(client, login, password, **data):
    return client.post("/accounts/login/", {"login": login, "password": password} | data)


@pytest.mark.parametrize("login", ["alice", "alice@example.org", "ALICE@example.org"])
def test_with_user_name_or_email(client, alice, login):
    assert sign_in(client, login, PASSWORD)["Location"] == "/"
    assert client.get("/").status_code == 200


def test_the_page_leads_on_to_where_one_wanted_to_go(client, alice):
    page = client.get("/accounts/login/?next=/new/").content.decode()
    assert page.count('name="next"') == 1
    assert 'name="next" value="/new/"' in page
    assert sign_in(client, "alice", PASSWORD, next="/new/")["Location"] == "/new/"


@pytest.mark.parametrize(
    "next_page", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_it_leads_to_no_other_site(client, alice, next_page):
    assert sign_in(client, "alice", PASSWORD, next=next_page)["Location"] == "/"


def test_an_unknown_name_and_a_wrong_password_look_the_same(client, alice):
    def what_it_says(login):
        response = sign_in(client, login, WRONG)
        assert response.status_code == 200
        return response.content.decode().replace(login, "…").partition("<form")[0].partition("<h1>")[2]

    assert what_it_says("alice") == what_it_says("nobody")
    assert "not correct" in what_it_says("alice")


def test_the_sixth_wrong_password_is_refused_even_if_the_seventh_is_right(client, alice):
    for _ in range(5):
        assert sign_in(client, "alice", WRONG).status_code == 200
    refused = sign_in(client, "alice", WRONG)
    assert refused.status_code == 429
    assert "Too many attempts" in refused.content.decode()
    assert "Wait five minutes" in refused.content.decode()
    assert sign_in(client, "alice", PASSWORD).status_code == 429
    assert client.get("/").status_code == 302


def test_somebody_elses_attempts_do_not_lock_others_out(client, alice, bob):
    for _ in range(6):
        sign_in(client, "alice", WRONG)
    assert sign_in(Client(), "bob", PASSWORD).status_code == 302


def test_a_deactivated_account_cannot_sign_in_and_is_told_why(client, alice):
    alice.is_active = False
    alice.save()
    page = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}, follow=True)
    assert "switched off" in page.content.decode()
    assert client.get("/").status_code == 302


def test_without_valkey_one_can_still_sign_in(client, alice, monkeypatch):
    from django.core.cache.backends.redis import RedisCacheClient
    from redis import ConnectionError as NoConnection

    def gone(*args, **options):
        raise NoConnection("gone")

    monkeypatch.setattr(RedisCacheClient, "get_client", gone)
    assert sign_in(client, "alice", WRONG).status_code == 200
    assert sign_in(client, "alice", PASSWORD)["Location"] == "/"


def test_deactivating_ends_an_open_session(client_of, alice):
    client = client_of(alice)
    type(alice).objects.update(is_active=False)
    assert client.get("/").status_code == 302


def test_the_session_is_a_new_one_after_signing_in(client, alice):
    client.get("/accounts/login/")
    session = client.session
    session["seen"] = "before"
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    sign_in(client, "alice", PASSWORD)
    assert client.cookies["sessionid"].value != before


def test_signing_out_needs_a_click_and_ends_the_session(client_of, alice):
    client = client_of(alice)
    assert "Sign out?" in client.get("/accounts/logout/").content.decode()
    assert client.get("/").status_code == 200
    key = client.cookies["sessionid"].value
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    client.cookies["sessionid"] = key
    assert client.get("/").status_code == 302


def test_who_is_signed_in_is_not_asked_again(client_of, alice):
    assert client_of(alice).get("/accounts/login/")["Location"] == "/"


@pytest.mark.parametrize(
    "name",
    ["account_signup", "account_reset_password", "account_email", "account_set_password", "account_inactive"],
)
def test_there_is_no_page_by_which_strangers_make_or_take_accounts(client, db, name):
    with pytest.raises(NoReverseMatch):
        reverse(name)
    assert name not in get_resolver().reverse_dict
    for path in ("signup", "password/reset", "email", "password/set"):
        assert client.get(f"/accounts/{path}/").status_code == 404


def test_a_sign_in_from_another_site_is_refused(alice):
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, "alice", PASSWORD).status_code == 403
    assert client.get("/").status_code == 302


def test_the_session_cookie_is_not_for_scripts_or_other_sites(client, alice):
    sign_in(client, "alice", PASSWORD)
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
