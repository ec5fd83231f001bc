"""Chunks: where they are cut, when they are due, and that a disagreement with the portal is mended."""

import hashlib
import threading
import time
from contextlib import contextmanager

import pytest

from runner import collect
from runner.collect import (
    SLOWEST_WATCHED_PACE,
    UNWATCHED_PACE,
    WATCHED_PACE,
    YOUNG_PACE,
    YOUNG_SECONDS,
    Collector,
)
from runner.portal_client import PortalRefused
from runner.shipping import BACKLOG, LARGEST_CHUNK, Mismatch, StreamShipper
from runner.volume import Volume
from tests.runner.stub_intake import Fault

NEVER = 3600.0


@pytest.fixture
def log(tmp_path):
    return tmp_path / "stdout.log"


@pytest.fixture
def shipper(log):
    return StreamShipper("stdout", log, 1 << 40)


def append(log, data):
    with log.open("ab") as file:
        file.write(data)


def test_the_pace_follows_the_readers_and_expects_one_right_after_the_start(client, tmp_path, attempt):
    collector = Collector(client, Volume(tmp_path), {}, "u", None)
    assert collector.pace(100.0) == WATCHED_PACE
    append(tmp_path / "stdout.log", b"one\n")
    attempt.watched = False
    collector.ship_rest()
    assert collector.pace(100.0 + YOUNG_SECONDS - 1) == YOUNG_PACE < 1
    assert collector.pace(100.0 + YOUNG_SECONDS + 1) == UNWATCHED_PACE
    attempt.watched = True
    append(tmp_path / "stdout.log", b"two\n")
    collector.ship_rest()
    assert WATCHED_PACE <= collector.pace(100.0 + YOUNG_SECONDS + 2) <= SLOWEST_WATCHED_PACE


def test_a_slow_portal_gets_fewer_chunks_but_no_less_than_two_a_second(
    client, tmp_path, attempt, monkeypatch
):
    collector = Collector(client, Volume(tmp_path), {}, "u", None)
    real, delay = client.send, [0.05]

    def slow(request):
        time.sleep(delay[0])
        return real(request)

    monkeypatch.setattr(client, "send", slow)
    for number in range(8):
        append(tmp_path / "stdout.log", b"%d\n" % number)
        collector.ship_rest()
    assert 0.2 < collector.pace(1.0) <= SLOWEST_WATCHED_PACE < 0.5
    delay[0] = 0.2
    for number in range(4):
        append(tmp_path / "stdout.log", b"%d\n" % number)
        collector.ship_rest()
    assert collector.pace(1.0) == SLOWEST_WATCHED_PACE


@contextmanager
def ticking(collector):
    """It ticks meanwhile, in a thread."""
    is_over = threading.Event()

    def ticks():
        while not is_over.is_set():
            collector.tick(NEVER)

    shipping = threading.Thread(target=ticks)
    shipping.start()
    try:
        yield
    finally:
        is_over.set()
        collector.wake()
        shipping.join()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_line_after_a_rest_goes_at_once_while_somebody_watches(
    client, tmp_path, attempt, monkeypatch, is_told
):
    """Woken by whoever wrote it, or where nobody tells (in a pod) by looks that only watched output gets."""
    monkeypatch.setattr(collect, "_TICK", NEVER)
    monkeypatch.setattr(collect, "_WATCHED_TICK", NEVER if is_told else 0.05)
    collector = Collector(client, Volume(tmp_path), {}, "u", None)
    with ticking(collector):
        for number in range(4):
            time.sleep(SLOWEST_WATCHED_PACE + 0.05)
            before = len(attempt.chunks)
            append(tmp_path / "stdout.log", b"%d\n" % number)
            if is_told:
                collector.notice()
            end = time.monotonic() + 10
            while len(attempt.chunks) == before:
                assert time.monotonic() < end
                time.sleep(0.002)


def test_lines_in_quick_succession_travel_together(client, tmp_path, attempt):
    collector = Collector(client, Volume(tmp_path), {}, "u", None)
    end = time.monotonic() + 2
    with ticking(collector):
        while time.monotonic() < end:
            append(tmp_path / "stdout.log", b"line\n")
            collector.notice()
            time.sleep(0.002)
    assert 3 <= len(attempt.chunks) <= 2 / WATCHED_PACE + 3


def test_a_missing_log_has_nothing_to_ship(shipper):
    assert shipper.pending() == 0
    assert not shipper.is_due(0.35, 0.0)


@pytest.mark.parametrize(
    ("written", "shipped"),
    [(b"one\ntwo", b"one\n"), (b"10 %\r20 %", b"10 %\r"), (b"one\n", b"one\n"), (b"half", b"")],
)
def test_a_chunk_ends_with_a_line(shipper, client, attempt, log, written, shipped):
    append(log, written)
    shipper.ship(client, False, 0.0)
    assert attempt.output["stdout"] == shipped


def test_a_line_without_an_end_is_held_for_a_second(shipper, client, attempt, log):
    append(log, b"name? ")
    assert shipper.ship(client, False, 10.0) is None
    assert shipper.ship(client, False, 10.9) is None
    shipper.ship(client, False, 11.1)
    assert attempt.output["stdout"] == b"name? "


@pytest.mark.parametrize(("text", "kept"), [("é", 0), ("a€", 1), ("ab😀", 2)])
def test_a_character_is_not_torn(shipper, client, attempt, log, text, kept):
    append(log, b"x" + text.encode()[:-1])
    shipper.ship(client, False, 0.0)
    shipper.ship(client, False, 2.0)
    assert attempt.output["stdout"] == b"x" + text.encode()[:kept]


def test_bytes_that_are_no_text_are_shipped_whole(shipper, client, attempt, log):
    append(log, b"\xff\xfe\x80\x81")
    shipper.ship(client, True, 0.0)
    assert attempt.output["stdout"] == b"\xff\xfe\x80\x81"


def test_the_first_output_is_due_at_once_and_the_rest_at_the_given_pace(shipper, client, attempt, log):
    append(log, b"one\n")
    assert shipper.is_due(2.5, 100.0)
    shipper.ship(client, False, 100.0)
    append(log, b"two\n")
    assert not shipper.is_due(0.35, 100.2)
    assert shipper.is_due(0.35, 100.4)
    assert not shipper.is_due(2.5, 102.4)
    assert shipper.is_due(2.5, 102.6)
    append(log, b"x" * BACKLOG)
    assert shipper.is_due(2.5, 100.1)


def test_what_the_portal_takes_at_once_is_its_word(client, attempt, log):
    attempt.limits["chunk_bytes"] = 4 * LARGEST_CHUNK
    shipper = StreamShipper("stdout", log, 1 << 40, 4 * LARGEST_CHUNK)
    data = b"a line\n" * (5 * LARGEST_CHUNK // 7)
    append(log, data)
    while shipper.pending():
        shipper.ship(client, True, 0.0)
    assert max(length for _, _, length, _ in attempt.chunks) == 4 * LARGEST_CHUNK
    assert attempt.output["stdout"] == data


def test_chunks_are_at_most_a_mebibyte_and_add_up_to_every_byte(shipper, client, attempt, log):
    data = b"".join(b"%d,%d\n" % (number, number * number) for number in range(200_000))
    append(log, data)
    while shipper.pending():
        shipper.ship(client, True, 0.0)
    assert max(length for _, _, length, _ in attempt.chunks) <= LARGEST_CHUNK
    assert attempt.output["stdout"] == data
    digest = hashlib.sha256(data).hexdigest()
    assert shipper.facts() == {"size": len(data), "sha256": digest, "written": len(data), "holes": []}


@pytest.mark.parametrize("kind", ["500", "drop", "reset"])
def test_a_lost_answer_loses_and_doubles_nothing(shipper, client, attempt, intake, log, kind):
    append(log, b"one\ntwo\n")
    intake.faults.append(Fault("/intake/output", kind, times=2))
    shipper.ship(client, False, 0.0)
    append(log, b"three\n")
    shipper.ship(client, False, 1.0)
    assert attempt.output["stdout"] == b"one\ntwo\nthree\n"
    assert shipper.facts()["sha256"] == hashlib.sha256(b"one\ntwo\nthree\n").hexdigest()


def test_a_portal_that_forgot_bytes_gets_them_again(shipper, client, attempt, log):
    append(log, b"one\ntwo\n")
    shipper.ship(client, False, 0.0)
    del attempt.output["stdout"][4:]
    append(log, b"three\n")
    while shipper.pending():
        shipper.ship(client, True, 1.0)
    assert attempt.output["stdout"] == b"one\ntwo\nthree\n"
    assert shipper.facts()["sha256"] == hashlib.sha256(b"one\ntwo\nthree\n").hexdigest()


def test_a_collector_that_starts_anew_continues_where_the_portal_is(shipper, client, attempt, log):
    attempt.output["stdout"] += b"one\ntwo\n"
    append(log, b"one\ntwo\nthree\n")
    while shipper.pending():
        shipper.ship(client, True, 0.0)
    assert attempt.output["stdout"] == b"one\ntwo\nthree\n"
    assert shipper.facts()["size"] == 14
    assert shipper.facts()["sha256"] == hashlib.sha256(b"one\ntwo\nthree\n").hexdigest()


def test_a_portal_that_holds_more_than_was_written_ends_the_stream_with_a_reason(
    shipper, client, attempt, log
):
    append(log, b"one\n")
    shipper.size()
    with pytest.raises(Mismatch):
        shipper.move_to(5)
    assert "5 bytes" in shipper.trouble
    assert shipper.pending() == 0


def test_a_stream_that_the_portal_limits_ends_with_a_reason(shipper, client, attempt, intake, log):
    append(log, b"one\n")
    intake.faults.append(Fault("/intake/output", 413))
    with pytest.raises(Mismatch):
        shipper.ship(client, False, 0.0)
    assert shipper.pending() == 0
    assert shipper.facts()["size"] == 0


def test_a_dead_token_is_told_to_the_caller(shipper, client, attempt, intake, log):
    append(log, b"one\n")
    intake.faults.append(Fault("/intake/output", 401))
    with pytest.raises(PortalRefused):
        shipper.ship(client, False, 0.0)
