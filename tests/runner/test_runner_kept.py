"""A stream above its limit: the first and the last half are kept, and what is between them is told to the byte."""

import hashlib
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import kept, pipes
from runner.kept import DISK, LIMIT, Lost, Trimmer
from runner.pipes import Pipes
from runner.pump import Pump
from runner.shipping import StreamShipper
from runner.volume import Volume
from tests.clusters.driver_lab import MIB
from tests.runner.stub_intake import Fault

pytestmark = pytest.mark.processes
NOTHING = Lost()


@pytest.fixture
def ship(client, attempt, tmp_path):
    """Write bytes piece by piece, ship meanwhile, and end: the shipper at its end."""

    def run(pieces, limit, lost=NOTHING):
        log = tmp_path / "stdout.log"
        log.unlink(missing_ok=True)
        attempt.output["stdout"].clear()
        attempt.holes["stdout"].clear()
        shipper = StreamShipper("stdout", log, limit)
        for piece in pieces:
            with log.open("ab") as file:
                file.write(piece)
            while shipper.ship(client, False, time.monotonic()) is not None:
                pass
        return finish(shipper, client, lost)

    return run


def finish(shipper, client, lost=NOTHING):
    shipper.settle(lost)
    while shipper.pending():
        shipper.ship(client, True, time.monotonic())
    if shipper.has_lost_end():
        shipper.tell(client, time.monotonic())
    return shipper


def whole(attempt, data):
    """What is stored with the hole filled from what was written: equal when each byte is at its place."""
    stored, filled, at = bytes(attempt.output["stdout"]), b"", 0
    for begin, size, _ in attempt.holes["stdout"]:
        filled += stored[at:begin]
        filled += data[len(filled) : len(filled) + size]
        at = begin
    return filled + stored[at:]


def lines(many):
    return b"".join(b"line %d of the output\n" % number for number in range(many))


@pytest.mark.parametrize("more", [-1, 0])
def test_up_to_its_limit_a_stream_has_no_hole(ship, attempt, more):
    data = lines(100)
    shipper = ship([data[:30], data[30:]], len(data) - more)
    assert attempt.output["stdout"] == data
    assert shipper.holes() == []


def test_one_byte_above_the_limit_leaves_out_as_little_as_lines_allow(ship, attempt):
    data = lines(100)
    shipper = ship([data], len(data) - 1)
    (hole,) = shipper.holes()
    stored = bytes(attempt.output["stdout"])
    assert stored[: hole.at].endswith(b"\n")
    assert stored[hole.at :].startswith(b"line ")
    assert hole.size < 2 * len(b"line 99 of the output\n")
    assert (hole.why, shipper.written()) == (LIMIT, len(data))
    assert whole(attempt, data) == data


def test_without_lines_exactly_the_halves_are_kept(ship, attempt):
    data = os.urandom(5000).replace(b"\n", b"x").replace(b"\xc3", b"y")
    data = bytes(byte & 0x7F for byte in data).replace(b"\n", b"x")
    (hole,) = ship([data], 1001).holes()
    assert hole == (500, 3999, LIMIT)
    assert attempt.output["stdout"] == data[:500] + data[-501:]


def test_a_character_is_not_torn_by_a_hole(ship, attempt):
    data = "é".encode() * 2000
    ship([b"x" + data], 1000)
    attempt.output["stdout"].decode()


def test_a_line_longer_than_the_end_that_is_kept_is_cut(ship, attempt):
    data = lines(20) + b"z" * 5000
    (hole,) = ship([data], 600).holes()
    assert attempt.output["stdout"].endswith(b"\n" + b"z" * 300)
    assert hole.at + hole.size == len(data) - 300


def test_a_newline_at_the_very_end_does_not_empty_the_end_that_is_kept(ship, attempt):
    data = lines(20) + b"z" * 5000 + b"\n"
    ship([data], 600)
    assert attempt.output["stdout"].endswith(b"z" * 299 + b"\n")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=80),
            st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
            st.sampled_from([b"\n", b"\r10 %", b"a line\n", b"\xff\xfe", b"x" * 300]),
        ),
        max_size=25,
    ),
    limit=st.integers(min_value=1, max_value=600),
    lost=st.integers(min_value=0, max_value=3),
)
def test_whatever_is_written_each_kept_byte_is_at_its_place_and_the_rest_is_counted(
    ship, attempt, pieces, limit, lost
):
    data = b"".join(pieces)
    shipper = ship(pieces, limit, Lost(lost, DISK))
    stored = bytes(attempt.output["stdout"])
    missing = sum(hole.size for hole in shipper.holes())
    assert len(stored) <= limit
    assert len(stored) + missing == len(data) + lost == shipper.written()
    assert whole(attempt, data) == data
    assert shipper.facts()["sha256"] == hashlib.sha256(stored).hexdigest()
    assert [list(hole) for hole in shipper.holes()] == attempt.holes["stdout"]
    if len(data) > limit:
        assert len(stored) >= limit - limit // 2


def test_a_collector_that_starts_anew_after_the_end_keeps_the_hole_where_the_first_one_had_it(
    ship, client, attempt, tmp_path
):
    data = lines(200)
    log = tmp_path / "stdout.log"
    log.write_bytes(data)
    # The first one had shipped half a line more than a border would allow, because that line was long in coming.
    attempt.output["stdout"] += data[:497]
    finish(StreamShipper("stdout", log, 1000), client)
    assert attempt.holes["stdout"][0][0] == 497
    assert whole(attempt, data) == data
    again = finish(StreamShipper("stdout", log, 1000), client)
    assert again.facts()["sha256"] == hashlib.sha256(attempt.output["stdout"]).hexdigest()
    assert len(attempt.holes["stdout"]) == 1


@pytest.mark.parametrize("kind", ["500", "drop", "reset"])
def test_faults_around_the_hole_move_nothing(ship, attempt, intake, kind):
    data = lines(2000)
    intake.faults.append(Fault("/intake/output", kind, times=3))
    ship([data[:20_000], data[20_000:]], 3000)
    assert whole(attempt, data) == data
    assert len(attempt.holes["stdout"]) == 1


def test_while_it_writes_on_the_portal_hears_how_much(client, attempt, tmp_path):
    log = tmp_path / "stdout.log"
    shipper = StreamShipper("stdout", log, 1000)
    log.write_bytes(lines(10))
    shipper.ship(client, False, 0.0)
    assert not shipper.has_news(0.35, 10.0)
    with log.open("ab") as file:
        file.write(lines(100))
    shipper.ship(client, False, 10.0)
    assert not shipper.has_news(0.35, 11.0)
    with log.open("ab") as file:
        file.write(lines(100))
    assert shipper.pending() == 0
    assert shipper.has_news(0.35, 13.0)
    shipper.tell(client, 13.0)
    assert attempt.written["stdout"] == log.stat().st_size
    assert len(attempt.output["stdout"]) <= 500
    assert not shipper.has_news(0.35, 20.0)


# On the pod's disk


@pytest.fixture
def sparse(tmp_path):
    """Where the disk takes parts of a file back."""
    probe = tmp_path / "probe"
    with probe.open("wb") as file:
        file.write(b"x" * 4 * MIB)
        file.flush()
        trimmer = Trimmer(1000)
        trimmer.trim(file.fileno(), 4 * MIB)
    if not trimmer.works:
        pytest.skip("this file system has no holes")
    assert probe.stat().st_blocks * 512 < 2 * MIB
    return tmp_path


def pumped(log, limit, write):
    """What `write` puts into stdout, through a real pump."""
    ends = Pipes.unnamed(["stdout"], None)
    running = Pump({"stdout": log}, limit, ends, log.with_name("order"))
    running.start()
    write(ends.writers["stdout"])
    ends.close_writers()
    running.join(60)
    return running


def test_a_talkative_script_takes_a_bounded_piece_of_the_disk(sparse, client, attempt):
    log, block = sparse / "stdout.log", os.urandom(MIB)
    digest = hashlib.sha256()

    def write(descriptor):
        for number in range(64):
            piece = number.to_bytes(4, "big") + block
            digest.update(piece)
            os.write(descriptor, piece)

    assert pumped(log, 4 * MIB, write).lost == {"stdout": (0, DISK)}
    facts = log.stat()
    assert facts.st_size == 64 * (MIB + 4)
    assert facts.st_blocks * 512 <= 6 * MIB
    shipper = finish(StreamShipper("stdout", log, 4 * MIB), client)
    (hole,) = shipper.holes()
    assert hole.at + hole.size + (shipper.size() - hole.at) == 64 * (MIB + 4)
    assert attempt.output["stdout"].endswith(block[-(MIB):])
    assert len(attempt.output["stdout"]) > 4 * MIB - 2 * kept.BORDER


def test_a_disk_that_takes_nothing_back_keeps_the_beginning_only(tmp_path, client, attempt, monkeypatch):
    monkeypatch.setattr(kept, "_punch", None)
    log = tmp_path / "stdout.log"
    running = pumped(log, 1000, lambda descriptor: os.write(descriptor, lines(500)))
    assert log.stat().st_size == 1000
    assert running.lost["stdout"] == (len(lines(500)) - 1000, LIMIT)
    finish(StreamShipper("stdout", log, 1000), client, running.lost["stdout"])
    assert attempt.holes["stdout"] == [[1000, len(lines(500)) - 1000, LIMIT]]


@pytest.mark.parametrize("is_spliced", [True, False])
def test_a_full_disk_of_the_pod_is_told_apart_from_the_limit(
    small_disk, client, attempt, monkeypatch, is_spliced
):
    if not is_spliced:
        monkeypatch.setattr(pipes, "_splice", None)
    log, data = small_disk(64) / "stdout.log", lines(20_000)
    running = pumped(log, 1 << 20, lambda descriptor: os.write(descriptor, data))
    kept = log.stat().st_size
    assert 0 < kept <= 1 << 16
    assert running.lost["stdout"] == (len(data) - kept, DISK)
    finish(StreamShipper("stdout", log, 1 << 20), client, running.lost["stdout"])
    assert attempt.output["stdout"] == data[:kept]
    assert attempt.holes["stdout"] == [[kept, len(data) - kept, DISK]]


def test_what_was_lost_is_known_to_a_pump_that_begins_anew(small_disk):
    """And stays lost although there is room again: behind a gap nothing would be at its place."""
    volume = Volume(small_disk(64))
    volume.make_logs()

    def pumped_on(data):
        write = os.open(volume.pipe("stdout"), os.O_RDWR)
        ends = Pipes.named(volume, ["stdout"])
        running = Pump({"stdout": volume.log("stdout")}, 1 << 20, ends, volume.order, volume.lost)
        os.write(write, data)
        running.start()
        running.finish()
        os.close(write)
        return running.lost["stdout"]

    for _ in range(2):
        lost = pumped_on(lines(2000))
    size = volume.log("stdout").stat().st_size
    assert lost == (2 * len(lines(2000)) - size, DISK)
    os.truncate(volume.order, 0)
    (volume.root / "order").unlink()
    os.truncate(volume.log("stdout"), size - 8192)
    assert pumped_on(b"more\n") == (lost.size + 5, DISK)
    assert volume.log("stdout").stat().st_size == size - 8192


def test_a_real_script_above_the_limit_keeps_both_ends(lab):
    limits = {"output_bytes": 1000, "result_bytes": 10_000, "result_files": 10}
    run = lab.run(["sh", "-c", "seq 100000; echo fine >&2"], limits=limits)
    lab.until_ended(run)
    stored, written = bytes(run.attempt.output["stdout"]), b"".join(b"%d\n" % n for n in range(1, 100_001))
    ((at, size, why),) = run.attempt.holes["stdout"]
    assert stored == written[:at] + written[at + size :]
    assert written[at - 1 : at] == written[at + size - 1 : at + size] == b"\n"
    assert (why, run.attempt.output["stderr"]) == (LIMIT, b"fine\n")
    assert run.attempt.ended[0]["stdout_size"] == len(written)
    (skipped,) = run.attempt.collected[0]["skipped"]
    assert skipped["path"] == "stdout.log"
    assert f"{size} bytes were left out" in skipped["why"]
