"""When credentials end."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from clusters.kubernetes.connection import Connection
from clusters.kubernetes.expiry import expires_at, warning
from tests.clusters.certificates import make_pair

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def jwt(claims) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def end_of(token: str):
    return expires_at(Connection("https://x", "", token))


def test_a_tokens_end_is_read_out_of_it():
    assert end_of(jwt({"exp": 1780315200, "sub": "x"})) == datetime.fromtimestamp(1780315200, UTC)


def test_a_token_that_does_not_say_has_no_end():
    tokens = [
        "",
        "word",
        "a.b.c",
        "a.é.c",
        "..",
        jwt({}),
        jwt([]),
        jwt({"exp": "soon"}),
        jwt({"exp": None}),
        jwt({"exp": 1e300}),
        jwt({"exp": -1e300}),
        jwt({"exp": float("nan")}),
        f"e30.{base64.urlsafe_b64encode(b'[' * 99999).decode()}.x",
    ]
    assert [token for token in tokens if end_of(token) is not None] == []


def test_a_certificates_end_is_the_earliest_in_its_chain():
    long, short = make_pair(days=400), make_pair(days=20)
    found = expires_at(Connection("https://x", "", "", long.ca + short.ca, long.key))
    assert abs(found - datetime.now(UTC) - timedelta(days=20)) < timedelta(minutes=2)
    assert expires_at(Connection("https://x", "", "", "no certificate", "")) is None


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (None, ""),
        (timedelta(days=14, seconds=1), ""),
        (timedelta(days=14), "in 14 days, on 15 June 2026"),
        (timedelta(days=1, hours=3), "in 1 day,"),
        (timedelta(hours=3), "less than a day"),
        (timedelta(seconds=-1), "ended on 01 June 2026"),
    ],
)
def test_a_warning_comes_two_weeks_ahead(left, says):
    told = warning(None if left is None else NOW + left, NOW)
    assert (says in told) if says else (told == "")
    assert not told or "Replace them" in told
