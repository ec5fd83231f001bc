"""The client of the intake: patient about what time heals, quick about what it does not."""

import math
import time

import pytest

from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable, Request
from tests.runner.stub_intake import Attempt, Fault


@pytest.fixture
def client(intake):
    intake.attempts["t"] = Attempt(["true"])
    client = PortalClient(intake.url, "t", time.monotonic() + 5)
    yield client
    client.close()


@pytest.mark.parametrize("kind", ["500", "reset", "drop", "page", 429, 503, 507])
def test_a_fault_that_time_heals_is_asked_again(client, intake, kind):
    intake.faults.append(Fault("/intake/claim", kind))
    assert client.post("/intake/claim", {"uid": "u"})["job"] == 7
    assert intake.attempts["t"].uid == "u"


@pytest.mark.parametrize(("kind", "status"), [(400, 400), (401, 401), (409, 409), (413, 413)])
def test_a_refusal_is_not_asked_again(client, intake, kind, status):
    intake.faults.append(Fault("/intake/claim", kind, times=9))
    with pytest.raises(PortalRefused) as refusal:
        client.post("/intake/claim", {"uid": "u"})
    assert refusal.value.status == status
    assert intake.faults[0].times == 8


def test_one_connection_serves_many_calls(client, intake):
    for _ in range(5):
        client.post("/intake/claim", {"uid": "u"})
    assert len(intake.connections) == 1


def test_a_kept_connection_that_the_portal_closed_is_renewed_without_a_pause(client, intake, monkeypatch):
    client.post("/intake/claim", {"uid": "u"})
    for connection in list(intake.connections):
        connection.shutdown(2)
    monkeypatch.setattr("runner.portal_client.time.sleep", lambda _: pytest.fail("it paused"))
    client.post("/intake/claim", {"uid": "u"})


def test_tries_end_at_the_deadline_and_say_what_was_wrong(intake):
    intake.faults.append(Fault("/intake", "500", times=99))
    client = PortalClient(intake.url, "t", time.monotonic() + 0.3)
    with pytest.raises(PortalUnreachable, match="POST /intake/claim: HTTP 500: as the test wanted it"):
        client.post("/intake/claim", {})


def test_tries_end_when_the_caller_gives_up(intake):
    intake.stop()
    client = PortalClient(intake.url, "t", math.inf, give_up=lambda: True)
    with pytest.raises(PortalUnreachable, match="ConnectionRefusedError"):
        client.post("/intake/claim", {})


def test_a_body_is_sent_from_its_beginning_at_each_try(client, intake):
    attempt = intake.attempts["t"]
    attempt.ended.append({})
    intake.faults.append(Fault("/intake/results", "drop"))
    intake.faults.append(Fault("/intake/results", "500"))
    calls = []

    def body():
        calls.append(1)
        return iter([b"ab", b"cd"])

    client.send(Request("PUT", "/intake/results?path=x", body, {"Content-Length": "4"}))
    assert len(calls) == 3
    assert attempt.results == {"x": b"abcd"}


def claim():
    return Request("POST", "/intake/claim", b'{"uid": "u"}', {"Content-Type": "application/json"})


def test_two_requests_may_be_under_way_at_once(client, intake):
    first, second = client.begin(claim()), client.begin(claim())
    assert second.answer()["job"] == first.answer()["job"] == 7
    client.post("/intake/claim", {"uid": "u"})
    assert len(intake.connections) == 2
    assert len(intake.requests) == 3


@pytest.mark.parametrize("kind", ["500", "reset", "drop", "cut", 429])
def test_a_request_that_was_begun_and_failed_is_sent_again_when_it_is_asked_for(client, intake, kind):
    intake.faults.append(Fault("/intake/claim", kind))
    begun = client.begin(claim())
    assert begun.answer()["job"] == 7
    assert intake.faults[0].times == 0


def test_a_portal_that_is_away_is_met_by_the_answer_not_by_the_begin(client, intake):
    intake.stop()
    begun = client.begin(claim())
    client.deadline = time.monotonic() - 1
    with pytest.raises(PortalUnreachable, match="ConnectionRefusedError"):
        begun.answer()


def test_a_request_that_is_dropped_leaves_the_others_alone(client, intake):
    client.begin(claim()).drop()
    assert client.post("/intake/claim", {"uid": "u"})["job"] == 7


def test_what_a_body_raises_is_raised_at_once_and_its_connection_is_not_used_again(client, intake):
    def body():
        yield b"half"
        raise ValueError("shorter than before")

    with pytest.raises(ValueError, match="shorter than before"):
        client.begin(Request("PUT", "/intake/results?path=x", body, {"Content-Length": "8"}))
    assert client.post("/intake/claim", {"uid": "u"})["job"] == 7


def test_who_was_told_to_give_up_begins_nothing(client, intake):
    with pytest.raises(PortalUnreachable):
        client.twin(lambda: True).begin(claim())
    assert intake.requests == []


def test_a_prefix_of_the_portals_address_is_kept(intake):
    client = PortalClient(intake.url + "/portal/", "t", time.monotonic() + 1)
    with pytest.raises(PortalRefused):
        client.post("/intake/claim", {})
    assert intake.requests == [("POST", "/portal/intake/claim")]
