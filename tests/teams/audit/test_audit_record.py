"""What an entry holds: who and from where, what changed; never a secret, never a second line."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from teams.audit import changes, record, record_by, snapshot
from teams.models import AuditEvent, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_of():
    def make(user, **headers):
        request = RequestFactory().post("/", **headers)
        request.user, request.request_id = user, "f" * 32
        return request

    return make


def test_who_and_from_where(request_of, alice, team):
    event = record(
        request_of(alice, HTTP_X_FORWARDED_FOR="203.0.113.9"),
        "team.changed",
        team,
        team=team,
        new={"name": "x"},
    )
    event.refresh_from_db()
    assert (event.actor_id, event.actor_name) == (alice.pk, "Alice Ames (alice)")
    assert (event.address, event.request_id) == ("203.0.113.9", "f" * 32)
    assert (event.target_kind, event.target_id, event.target_name) == ("teams.team", str(team.pk), team.name)
    assert (event.team_id, event.team_name, event.area) == (team.pk, "Data science", "team")
    assert event.at.tzinfo is not None


def test_what_a_browser_says_before_the_proxy_is_not_believed(request_of, alice):
    event = record(request_of(alice, HTTP_X_FORWARDED_FOR="1.2.3.4, 203.0.113.9"), "a.b", None)
    assert event.address == "203.0.113.9"
    assert record(request_of(alice, HTTP_X_FORWARDED_FOR="<script>"), "a.b", None).address == ""


def test_an_entry_outlives_its_people_and_things(request_of, alice, team):
    record(request_of(alice), "team.changed", team, team=team)
    User.objects.filter(pk=alice.pk).delete()
    team.delete()
    event = AuditEvent.objects.get(action="team.changed")
    assert (event.actor_name, event.target_name, event.team_name) == (
        "Alice Ames (alice)",
        "Data science",
        "Data science",
    )


def test_nobody_and_commands_have_names_too(request_of):
    assert record(request_of(AnonymousUser()), "a.b", "x").actor_name == "Somebody who is not signed in"
    event = record_by("manage.py seed", "a.b", "x")
    assert (event.actor_id, event.actor_name, event.address) == (None, "manage.py seed", "")


def test_only_what_changed_is_kept(alice):
    before = snapshot(alice)
    alice.email, alice.password = "new@example.org", "pbkdf2$secret"
    found = changes(alice, before)
    assert found.old == {"email": "alice@example.org"}
    assert found.new == {"email": "new@example.org", "password": "changed"}


@pytest.mark.parametrize(
    "name",
    ["password", "password1", "token", "client_key", "aws_secret_access_key", "kubeconfig", "encrypted",
     "API_KEY", "client_certificate", "session_key", "nonce", "Authorization", "credentials"],
)  # fmt: skip
def test_a_secret_is_never_kept_however_deep_it_is(name):
    event = record_by(
        "x", "a.b", None, old={name: "canary"}, new={"inside": [{name: "canary"}], name: b"canary"}
    )
    event.refresh_from_db()
    assert "canary" not in json.dumps([event.old, event.new])
    assert event.new == {"inside": [{name: "changed"}], name: "changed"}


HOSTILE = {
    "line break": "x\r\n2026-11-29 admin: account.signed_in",
    "fake JSON": '", "actor_name": "admin"}\n{"a": "',
    "terminal": "\x1b[2J\x1b]0;title\x07",
    "direction": "\u202egpj.exe",
    "separator": "a\u2028b\u0085c",
    "nul": "a\0b",
    "surrogate": "a\udc80b",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_person_typed_cannot_pass_for_another_line(name, capsys):
    event = record_by(HOSTILE[name], "a.b", HOSTILE[name], new={HOSTILE[name]: HOSTILE[name]})
    event.refresh_from_db()
    texts = [event.actor_name, event.target_name, *event.new, *event.new.values()]
    assert all(text.isprintable() and len(text.splitlines()) == 1 for text in texts)
    assert "\\" in event.actor_name


def test_values_that_are_no_json_and_endless_ones():
    values = {
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "share": Decimal("1.50"),
        "nan": float("nan"),
        "object": object,
        "long": "x" * 10_000,
        "many": list(range(1000)),
        "deep": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
    }
    event = record_by("x" * 500, "a.b", "y" * 500, new=values)
    event.refresh_from_db()
    assert event.new["at"] == "2026-01-01T00:00:00Z"
    assert (event.new["share"], event.new["nan"]) == ("1.50", "nan")
    assert (len(event.new["long"]), len(event.new["many"])) == (500, 50)
    assert len(json.dumps(event.new)) < 3000
    assert (len(event.actor_name), len(event.target_name)) == (200, 300)
