"""A stranger's id and one that never was: the same 404 with the same bytes and headers, at every route with an id."""

import re
from uuid import UUID

import pytest
from django.utils import timezone

from teams.models import Invitation
from tests.portal.access.addresses import answered
from tests.portal.access.routes import MATRIX, names_of, routes

MISSING = {
    "job_id": 999_999_999, "artifact_id": 999_999_999, "team_id": 999_999_999, "part_id": 999_999_999,
    "run_id": 999_999_999, "filter_id": 999_999_999,
    "user_id": 999_999_999, "draft_id": UUID(int=7), "slug": "no-such-thing", "token": "no-such-token",
}  # fmt: skip
# What differs from answer to answer whoever asks for whatever.
VARIES = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"|data-now="\d+"')
WITH_AN_ID = sorted(
    name
    for name, pattern in routes("portal.urls").items()
    if "/" not in name and set(names_of(pattern)) & set(MISSING) and not name.startswith("intake_")
)
# Open to everybody who has the link.
FOR_NOBODY_ELSE = [name for name in WITH_AN_ID if name not in ("invitation_open", "example_run")]


def seen(response):
    headers = {
        name: value
        for name, value in response.headers.items()
        if name.lower() not in ("date", "expires", "x-request-id")  # the moment of the answer
    }
    cookies = sorted(name for name in response.cookies if name != "csrftoken")
    return response.status_code, headers, cookies, VARIES.sub(b"", response.content)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("column", ["charlie", "manfred"])
@pytest.mark.parametrize("name", FOR_NOBODY_ELSE)
def test_what_is_another_teams_looks_as_if_it_were_not_there(name, column, method, users, address):
    theirs = address.values(name)
    missing = {key: MISSING.get(key, value) for key, value in theirs.items()}
    there = seen(answered(users[column], method, address(name, **theirs)))
    absent = seen(answered(users[column], method, address(name, **missing)))
    assert there == absent
    assert there[0] in (404, 405)


def test_each_id_alone_makes_it_missing(users, address):
    """A job of the own team with another's result, another cluster's part, a person who is in another team."""
    for name in FOR_NOBODY_ELSE:
        values = address.values(name)
        for key in set(values) & set(MISSING):
            changed = address(name, **values | {key: MISSING[key]})
            for method in ("GET", "POST"):
                code = answered(users["dana"], method, changed).status_code
                # Moving or removing what is gone already leads back to the list: a second click is no mistake.
                assert code in ((302, 404, 405) if key == "part_id" else (404, 405)), (name, key, method)


def test_a_link_that_never_was_looks_like_one_that_ended(users, address):
    ended = address("invitation_open")
    Invitation.objects.update(revoked_at=timezone.now())
    for column in ("stranger", "charlie"):
        there = seen(answered(users[column], "GET", ended))
        assert there == seen(answered(users[column], "GET", "/invitation/no-such-token/"))
        assert there[0] == 404


def test_the_list_of_routes_is_not_empty():
    assert len(FOR_NOBODY_ELSE) > 40
    assert set(WITH_AN_ID) <= set(MATRIX)
