"""What a script wrote last, sent while it writes past what is shipped: bounded, at its place, and never in the way."""

import os
import time

import pytest

from runner import kept, shipping
from runner.collect import Collector
from runner.kept import LIMIT, NEWEST_BYTES, Lost, newest
from runner.portal_client import PortalRefused
from runner.shipping import ASK_AGAIN_SECONDS, TELL_SECONDS, StreamShipper
from runner.volume import Volume
from tests.runner.stub_intake import Fault

BIG = 10_000_000


def lines(many, start=0):
    return b"".join(b"line %d of the output\n" % number for number in range(start, start + many))


@pytest.fixture
def log(tmp_path):
    return tmp_path / "stdout.log"


@pytest.fixture
def beyond(log, client):
    """Makes a shipper whose first half is with the portal, of a log of `many` lines."""

    def make(many, limit=1000):
        shipper = StreamShipper("stdout", log, limit)
        log.write_bytes(lines(many))
        while shipper.ship(client, False, 0.0) is not None:
            pass
        assert shipper.pending() == 0
        return shipper

    return make


@pytest.fixture
def opened(log):
    descriptors = []

    def make(data):
        log.write_bytes(data)
        descriptors.append(os.open(log, os.O_RDONLY))
        return descriptors[-1]

    yield make
    for descriptor in descriptors:
        os.close(descriptor)


# Which bytes


def test_they_are_the_last_ones_from_a_whole_line_on(opened):
    data = lines(100_000)
    at, found = newest(opened(data), 1000, BIG)
    assert data[at:] == found
    assert found.startswith(b"line ")
    assert NEWEST_BYTES - 100 < len(found) <= NEWEST_BYTES


def test_where_no_line_begins_they_begin_with_a_whole_character(opened):
    data = b"x" + "é".encode() * 200_000 + b"y"
    at, found = newest(opened(data), 1000, BIG)
    assert data[at:] == found
    assert len(found) == NEWEST_BYTES - 1
    found.decode()


def test_none_of_them_is_shipped_already(opened):
    data = lines(500)
    assert newest(opened(data), 4000, BIG) == (4000, data[4000:])


def test_they_are_no_more_than_the_end_that_is_kept(opened):
    at, found = newest(opened(lines(500)), 300, 600)
    assert found == lines(500)[at:]
    assert 250 < len(found) <= 300


def test_what_the_disk_may_have_back_is_not_sent(opened, log, monkeypatch):
    """While it was read the script wrote so much that the pump may have punched it out: it would be zeros."""
    pread = os.pread
    more = [b"", b"x" * (300 + kept.BORDER)]

    def read(descriptor, length, offset):
        found = pread(descriptor, length, offset)
        with log.open("ab") as file:
            file.write(more.pop() if more else b"")
        return found

    descriptor = opened(lines(500))
    monkeypatch.setattr(kept.os, "pread", read)
    assert newest(descriptor, 300, 600)[1] == b""


# When, and what becomes of it


def test_past_the_first_half_they_go_with_word_of_how_much_was_written(beyond, client, attempt, log):
    shipper = beyond(2000)
    assert shipper.has_news(0.1, 10.0)
    assert shipper.tell(client, 10.0) is True
    at, data = attempt.tails["stdout"]
    assert data == log.read_bytes()[at:]
    assert attempt.written["stdout"] == log.stat().st_size
    assert not shipper.has_news(0.1, 60.0)
    with log.open("ab") as file:
        file.write(b"and on\n")
    assert not shipper.has_news(0.1, 10.0 + TELL_SECONDS - 0.1)
    assert shipper.has_news(0.1, 10.0 + TELL_SECONDS)
    shipper.tell(client, 12.0)
    assert attempt.tails["stdout"][1].endswith(b"and on\n")


def test_they_change_nothing_of_what_is_shipped(beyond, client, attempt, log):
    shipper = beyond(2000)
    shipper.tell(client, 10.0)
    half = bytes(attempt.output["stdout"])
    assert (len(half), shipper.offset) == (half.rfind(b"\n") + 1, len(half))
    shipper.settle(Lost())
    while shipper.pending():
        shipper.ship(client, True, 20.0)
    data = log.read_bytes()
    (hole,) = shipper.holes()
    assert (hole.at, hole.why) == (len(half), LIMIT)
    assert attempt.output["stdout"] == data[: hole.at] + data[hole.at + hole.size :]


def test_after_the_end_none_is_sent(beyond, client, attempt):
    shipper = beyond(2000)
    shipper.settle(Lost(7))
    while shipper.pending():
        shipper.ship(client, True, 9.0)
    shipper.tell(client, 10.0)
    assert attempt.tails["stdout"] is None


def test_a_portal_that_knows_no_tails_is_told_how_much_as_before_and_stores_nothing_of_them(
    beyond, client, attempt, intake, log
):
    attempt.knows_tails = False
    shipper = beyond(2000)
    stored = bytes(attempt.output["stdout"])
    for now in (10.0, 12.0, 10.0 + ASK_AGAIN_SECONDS):
        with log.open("ab") as file:
            file.write(b"more\n")
        assert shipper.tell(client, now) is True
        assert attempt.written["stdout"] == log.stat().st_size
    assert attempt.output["stdout"] == stored
    assert shipper.trouble == ""
    attempt.knows_tails = True
    shipper.tell(client, 11.0 + 2 * ASK_AGAIN_SECONDS)
    assert attempt.tails["stdout"] is not None


def test_a_portal_that_does_not_know_them_is_not_asked_each_time(beyond, client, attempt, monkeypatch):
    attempt.knows_tails = False
    shipper, asked = beyond(2000), []
    real = client.send
    monkeypatch.setattr(client, "send", lambda request: asked.append(request.path) or real(request))
    for now in (10.0, 20.0, 30.0):
        shipper.tell(client, now)
    assert ["tail=" in path for path in asked] == [True, False, False, False]


@pytest.mark.parametrize("kind", ["500", "drop", "reset"])
def test_a_fault_repeats_it(beyond, client, attempt, intake, kind, log):
    shipper = beyond(2000)
    intake.faults.append(Fault("/intake/output", kind, times=2))
    shipper.tell(client, 10.0)
    at, data = attempt.tails["stdout"]
    assert data == log.read_bytes()[at:]


def test_an_attempt_that_is_over_for_the_portal_is_over_here(beyond, client, attempt, intake):
    shipper = beyond(2000)
    intake.attempts.clear()
    with pytest.raises(PortalRefused) as refused:
        shipper.tell(client, 10.0)
    assert refused.value.status == 401


def test_a_portal_that_lost_bytes_gets_them_again(beyond, client, attempt):
    shipper = beyond(2000)
    stored = bytes(attempt.output["stdout"])
    del attempt.output["stdout"][100:]
    shipper.tell(client, 10.0)
    assert shipper.pending()
    shipper.ship(client, False, 10.0)
    assert attempt.output["stdout"] == stored


def test_the_collector_sends_them_by_itself(client, attempt, tmp_path, log, monkeypatch):
    monkeypatch.setattr(shipping, "TELL_SECONDS", 0.05)
    collector = Collector(client, Volume(tmp_path), {"limits": {"output_bytes": 1000}}, "u", None)
    end = time.monotonic() + 10
    while attempt.tails["stdout"] is None or not attempt.tails["stdout"][1].endswith(b"the last\n"):
        assert time.monotonic() < end
        with log.open("ab") as file:
            file.write(lines(50) + b"the last\n")
        collector.tick(0.05)
        time.sleep(0.02)
    assert len(attempt.output["stdout"]) <= 500
