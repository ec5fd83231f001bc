"""What every answer gets: a page instead of an empty 405, and the opener policy where browsers heed it."""

import re

import pytest
from django.test import Client

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OPENER = "Cross-Origin-Opener-Policy"


def opened(client, path, method="get"):
    answer = getattr(client, method)(path, headers=BROWSER)
    assert answer.status_code == 405
    text = answer.content.decode()
    return answer, text, re.findall(r'<a class="btn[^"]*" href="([^"]+)"', text)


def test_an_address_of_a_button_that_is_opened_says_so_and_leads_to_its_page(client_of, alice, make_job):
    job = make_job()
    answer, text, links = opened(client_of(alice), f"/jobs/{job.pk}/cancel/")
    assert "It belongs to a button of a page, so nothing was done." in text
    assert links == [f"/jobs/{job.pk}/", "/"]
    assert answer.headers["Allow"] == "POST"


def test_without_a_page_above_it_leads_to_the_jobs(client_of, alice):
    assert opened(client_of(alice), "/jobs/bulk/")[2] == ["/"]


def test_what_can_only_be_looked_at_says_that(client_of, alice, make_job):
    _, text, _ = opened(client_of(alice), f"/jobs/{make_job().pk}/", "post")
    assert "It can only be looked at" in text


def test_programs_get_no_page(client_of, alice, client):
    assert client_of(alice).get("/jobs/bulk/").content == b""
    refused = client.get("/intake/claim")
    assert (refused.status_code, refused.headers["Content-Type"].startswith("text/html")) == (405, True)
    assert refused.content == b""


@pytest.mark.parametrize(
    ("host", "is_sent"),
    [
        ("localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("lab.localhost", True),
        ("10.0.0.5:8000", False),
        ("portal.example.org", False),
        ("localhost.example.org", False),
    ],
)
def test_the_opener_policy_is_sent_where_browsers_heed_it(db, settings, host, is_sent):
    settings.ALLOWED_HOSTS = ["*"]
    client = Client(headers={"Host": host})
    answer = client.get("/accounts/login/")
    assert (OPENER in answer.headers) is is_sent
    assert client.get("/accounts/login/", secure=True).headers[OPENER] == "same-origin"


@pytest.mark.parametrize(
    ("address", "given", "is_taken"),
    [
        ("", "0123456789abcdef0123456789abcdef", True),
        ("127.0.0.1", "0123456789abcdef0123456789abcdef", False),
        ("", "x\r\nSet-Cookie: a=b", False),
        ("", "", False),
    ],
)
def test_a_requests_id_is_nginxs_or_our_own_and_comes_back(client, db, address, given, is_taken):
    answer = client.get("/health/", HTTP_X_REQUEST_ID=given, REMOTE_ADDR=address)
    assert len(answer["X-Request-ID"]) == 32
    assert (answer["X-Request-ID"] == given) is is_taken
