"""The settings and addresses of the intake process: no pages, and every refusal in JSON."""

import pytest
from django.test import Client

from portal import settings_intake

UNKNOWN = "/intake/no-such-call"


@pytest.fixture
def caller(settings):
    """A client of the intake process as it is set up, with errors answered as they are in production."""
    settings.MIDDLEWARE = settings_intake.MIDDLEWARE
    settings.ROOT_URLCONF = settings_intake.ROOT_URLCONF
    return Client(raise_request_exception=False)


def test_calls_are_answered_without_sessions_and_with_the_request_s_id(caller, db):
    answer = caller.post("/intake/claim", {}, content_type="application/json")
    assert answer.status_code == 401
    assert answer.json()["error"].startswith("The token is not known")
    assert len(answer.headers["X-Request-ID"]) == 32
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert not answer.cookies


@pytest.mark.parametrize("path", [UNKNOWN, "/", "/accounts/login/", "/jobs/1/"])
def test_there_are_no_pages(caller, path):
    answer = caller.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "There is no such call."})


def test_a_host_that_is_not_allowed_is_told_in_json(caller):
    answer = caller.get(UNKNOWN, headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.json()) == (400, {"error": "The portal cannot read this request."})


def test_a_defect_is_told_in_json(caller, monkeypatch):
    monkeypatch.setattr("portal.health.connection.cursor", lambda: 1 / 0)
    answer = caller.get("/health/")
    assert (answer.status_code, answer.json()) == (
        500,
        {"error": "The portal made a mistake; its log says which."},
    )


def test_what_makes_sessions_and_pages_is_not_loaded():
    assert not any("sessions" in name or "auth" in name for name in settings_intake.MIDDLEWARE)
    assert not any(app.startswith("allauth") for app in settings_intake.INSTALLED_APPS)
