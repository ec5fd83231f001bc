"""Both streams arrive in the order in which the pump read them, in few requests and whatever the order's file is."""

import os
import stat
import time
from types import SimpleNamespace

import pytest

from runner import collect, order, shipping
from runner.collect import Collector
from runner.order import FEWEST_RUNS, MOST_RUNS, RECORD, OrderReader, OrderWriter, Run, evenly
from runner.pipes import Pipes
from runner.pump import Pump
from runner.volume import STREAMS, Volume

LIMIT = 1 << 30


class Script:
    """What it writes goes through a real pump into the volume's logs."""

    def __init__(self, root, limit):
        self.volume = Volume(root)
        self.pipes = Pipes.unnamed(STREAMS, None)
        logs = {name: self.volume.log(name) for name in STREAMS}
        self.pump = Pump(logs, limit, self.pipes, self.volume.order)
        self.pump.start()

    def write(self, *pieces):
        for stream, data in pieces:
            log = self.volume.log(stream)
            end = log.stat().st_size + len(data)
            os.write(self.pipes.writers[stream], data)
            deadline = time.monotonic() + 10
            while log.stat().st_size < end:
                assert time.monotonic() < deadline
                time.sleep(0.0002)

    def end(self):
        self.pipes.close_writers()
        self.pump.join(10)


@pytest.fixture
def begin(tmp_path):
    begun = []

    def new(limit=LIMIT):
        begun.append(Script(tmp_path, limit))
        return begun[-1]

    yield new
    for script in begun:
        script.end()


@pytest.fixture
def script(begin):
    return begin()


@pytest.fixture
def collector(client, script):
    return Collector(client, script.volume, {"limits": {"output_bytes": LIMIT}}, "u", None)


def out(text):
    return "stdout", text.encode()


def err(text):
    return "stderr", text.encode()


def alternating(many):
    return [(out, err)[number % 2](f"{number}\n") for number in range(many)]


def merged(attempt):
    """What arrived, in its order."""
    pieces = (attempt.output[stream][at : at + size] for stream, at, size, _ in attempt.chunks)
    return b"".join(pieces).decode()


def test_lines_between_two_looks_arrive_in_the_order_in_which_they_were_written(script, collector, attempt):
    script.write(out("1\n"), err("2\n"), out("3\n4\n"), err("5\n"))
    collector.tick(0)
    assert merged(attempt) == "1\n2\n3\n4\n5\n"


def test_a_script_that_is_over_before_the_first_look_keeps_its_order(script, collector, attempt):
    script.write(out("loading… "), err("a warning\n"), out("done\n"), err("bye"))
    script.end()
    collector.settle({})
    collector.ship_rest()
    assert merged(attempt) == "loading… a warning\ndone\nbye"


def test_a_line_that_has_only_begun_neither_holds_the_other_stream_nor_is_torn(script, collector, attempt):
    script.write(out("1\nloading… "), err("2\n"), out("done\n"), err("3\n"))
    collector.tick(0)
    assert merged(attempt) == "1\n2\nloading… done\n3\n"


def test_a_line_that_stays_without_an_end_goes_after_its_time(script, collector, attempt, monkeypatch):
    script.write(out("name? "), err("2\n"))
    collector.tick(0)
    assert merged(attempt) == "2\n"
    monkeypatch.setattr(shipping, "HOLD_SECONDS", 0.0)
    collector.tick(0)
    assert merged(attempt) == "2\nname? "


@pytest.mark.parametrize("is_over", [True, False])
def test_a_script_that_alternates_costs_few_requests_and_is_out_of_order_by_little(
    script, collector, attempt, is_over
):
    attempt.knows_turns = False
    script.write(*alternating(80))
    if is_over:
        script.end()
        collector.settle({})
        collector.ship_rest()
    else:
        collector.tick(0)
    assert 10 <= len(attempt.chunks) <= 22
    numbers = [int(line) for line in merged(attempt).split()]
    assert sorted(numbers) == list(range(80))
    assert max(abs(number - place) for place, number in enumerate(numbers)) < 8


def test_a_portal_that_answers_slowly_gets_fewer_requests(script, collector, attempt):
    attempt.knows_turns = False
    collector._answer_seconds = 0.5
    script.write(*alternating(80))
    collector.tick(0)
    assert len(attempt.chunks) <= 6


def test_a_burst_is_in_order_also_where_answers_take_their_time_and_what_goes_on_is_not(
    script, collector, attempt, monkeypatch
):
    attempt.knows_turns = False
    collector._answer_seconds = 0.02
    script.write(*alternating(20))
    collector.tick(0)
    assert merged(attempt).split() == [str(number) for number in range(20)]
    # As if each answer had taken its time.
    monkeypatch.setattr(collect, "_RUNS_SHARE", 0.0)
    collector._runs_seconds, collector._answer_seconds = 0.0, 0.02
    collector._is_watched, before = True, len(attempt.chunks)
    time.sleep(2 * collect.WATCHED_PACE)
    script.write(*alternating(80))
    collector.tick(0)
    assert 2 <= len(attempt.chunks) - before <= 6


def test_the_order_costs_half_of_the_time_at_most(script, collector):
    collector._runs_seconds, collector._runs_at, collector._answer_seconds = 0.0, 100.0, 0.02
    assert collector._runs_allowed(100.1) == FEWEST_RUNS
    assert collector._runs_allowed(100.4) == 10
    assert collector._runs_allowed(200.0) == MOST_RUNS
    collector._answer_seconds = 0.1
    assert collector._runs_allowed(300.0) == 5


def test_what_is_written_while_the_order_is_read_waits_for_the_next_look(
    script, collector, attempt, monkeypatch
):
    runs, later = collector._order.runs, [err("2\n"), out("3\n")]

    def slow(*asked):
        found = runs(*asked)
        script.write(*later)
        later.clear()
        return found

    script.write(out("1\n"))
    with monkeypatch.context() as patch:
        patch.setattr(collector._order, "runs", slow)
        collector.tick(0)
    collector.tick(0)
    collector.ship_rest()
    assert merged(attempt) == "1\n2\n3\n"


def test_what_is_due_takes_along_what_came_before_it(script, collector, attempt, monkeypatch):
    monkeypatch.setattr(collector, "pace", lambda now: 3600.0)
    script.write(out("1\n"))
    collector.tick(0)
    script.write(out("2\n"))
    collector.tick(0)
    assert merged(attempt) == "1\n"
    script.write(err("3\n"), out("4\n"))
    collector.tick(0)
    assert merged(attempt) == "1\n2\n3\n"


def test_a_collector_that_starts_anew_goes_on_in_the_order(script, collector, client, attempt):
    script.write(*alternating(60))
    collector.tick(0)
    before = len(attempt.chunks)
    script.write(out("a\n"), err("b\n"), out("c\n"), err("d\n"))
    script.end()
    again = Collector(client, script.volume, {"limits": {"output_bytes": LIMIT}}, "u", None)
    again.settle({})
    again.ship_rest()
    assert [size for _, _, size, _ in attempt.chunks[before:]] == [2, 2, 2, 2]
    assert merged(attempt).endswith("a\nb\nc\nd\n")
    assert {each.stream: each.offset for each in again.shippers} == {
        name: script.volume.log(name).stat().st_size for name in STREAMS
    }


def test_above_half_its_limit_a_stream_keeps_both_ends_and_the_order_of_its_beginning(begin, client, attempt):
    script = begin(limit=1000)
    collector = Collector(client, script.volume, {"limits": {"output_bytes": 1000}}, "u", None)
    script.write(
        out("1\n"), err("2\n"), out("3\n"), *[out("long\n")] * 100, err("4\n"), out("5\n"), err("6\n")
    )
    noted = script.volume.order.stat().st_size
    collector.tick(0)
    script.write(*[out("long\n")] * 200, err("7\n"), out("8\n"))
    script.end()
    collector.settle({})
    collector.ship_rest()
    assert noted == script.volume.order.stat().st_size == 2 * RECORD.size
    assert merged(attempt).startswith("1\n2\n3\n")
    assert attempt.output["stderr"] == b"2\n4\n6\n7\n"
    ((at, size, why),) = attempt.holes["stdout"]
    log = script.volume.log("stdout").read_bytes()
    assert attempt.output["stdout"] == log[:at] + log[at + size :]
    assert (at <= 500, why) == (True, "limit")


def _link(path):
    good = path.with_name("other")
    good.write_bytes(RECORD.pack(1, 2))
    path.symlink_to(good)


FILES = {
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "short": lambda path: path.write_bytes(RECORD.pack(0, 2)[:-1]),
    "garbage": lambda path: path.write_bytes(b"\xff" * 1000),
    "beyond": lambda path: path.write_bytes(RECORD.pack(1, 1 << 63) + RECORD.pack(0, 0) * 5),
    "large": lambda path: path.write_bytes(RECORD.pack(0, 2) * 300_000),
    "directory": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "link": _link,
}


@pytest.mark.parametrize("kind", FILES)
def test_without_an_order_or_with_nonsense_every_byte_arrives(tmp_path, client, attempt, kind):
    volume = Volume(tmp_path)
    FILES[kind](volume.order)
    volume.log("stdout").write_bytes(b"1\n3\n")
    volume.log("stderr").write_bytes(b"2\n")
    collector = Collector(client, volume, {}, "u", None)
    collector.tick(0)
    assert merged(attempt) == ("2\n1\n3\n" if kind == "beyond" else "1\n3\n2\n")
    assert len(attempt.chunks) <= 3
    assert collector._order._at <= order.MOST_BYTES


def test_a_script_that_uses_one_stream_notes_nothing_and_costs_no_request_more(script, collector, attempt):
    script.write(*[out("line\n")] * 50)
    collector.tick(0)
    script.end()
    assert len(attempt.chunks) == 1
    assert script.volume.order.stat().st_size == 0


def test_only_who_reads_the_logs_reads_the_order(script):
    modes = {path.stat().st_mode for path in (script.volume.order, script.volume.log("stdout"))}
    assert modes == {stat.S_IFREG | 0o600}


def test_notes_come_at_a_bounded_rate_and_are_bounded_in_all(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(order, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    file, sizes = tmp_path / "order", dict.fromkeys(STREAMS, 0)

    def alternate(writer, many):
        for number in range(many):
            stream = STREAMS[number % 2]
            writer.turn_to(stream, sizes)
            sizes[stream] += 2
            clock[0] += 0.0001

    writer = OrderWriter(file, sizes, LIMIT)
    alternate(writer, 50_000)
    assert 900 < file.stat().st_size / RECORD.size < 200 * 5 + 105
    writer.end(sizes)
    reader = OrderReader(file, STREAMS)
    runs = reader.runs(dict.fromkeys(STREAMS, 0), 20)
    assert dict(runs) == sizes
    assert 10 <= len(runs) <= 20
    assert reader.runs(sizes, 20) == []
    monkeypatch.setattr(order, "MOST_BYTES", RECORD.size * 1200)
    busy = OrderWriter(tmp_path / "busy", sizes, LIMIT)
    alternate(busy, 100_000)
    # Ten seconds: at the full rate there would have been no room for the last four.
    notes = (tmp_path / "busy").stat().st_size / RECORD.size
    assert 700 < notes < 1100
    alternate(busy, 100_000)
    assert notes < (tmp_path / "busy").stat().st_size / RECORD.size < 1200
    monkeypatch.setattr(order, "MOST_BYTES", 100)
    small = OrderWriter(tmp_path / "small", sizes, LIMIT)
    alternate(small, 1000)
    assert (tmp_path / "small").stat().st_size == 99


@pytest.mark.parametrize("room", [0, 5])
def test_a_full_disk_ends_the_notes_and_nothing_else(script, collector, attempt, monkeypatch, room):
    write, full = os.write, script.pump._order._file

    def short(descriptor, data):
        if descriptor == full and not room:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:room] if descriptor == full else data)

    monkeypatch.setattr(os, "write", short)
    script.write(*alternating(10))
    collector.tick(0)
    assert script.volume.order.stat().st_size == room
    assert merged(attempt) == "0\n2\n4\n6\n8\n1\n3\n5\n7\n9\n"


def test_an_order_that_cannot_be_written_neither_fails_nor_waits(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "no" / "such", tmp_path / "pipe", tmp_path):
        writer = OrderWriter(path, dict.fromkeys(STREAMS, 0), LIMIT)
        for stream in (*STREAMS, *STREAMS):
            writer.turn_to(stream, dict.fromkeys(STREAMS, 1))
        writer.end({})


def test_neighbours_become_one_evenly_and_no_end_is_lost():
    runs = [Run(STREAMS[number % 2], number + 1) for number in range(1001)]
    few = evenly(runs, 20)
    assert 10 <= len(few) <= 20
    assert dict(few) == dict(runs)
    assert evenly(runs, 2000) == runs
    back = [Run("stdout", 5), Run("stderr", 3), Run("stdout", 4), Run("stderr", 6)]
    assert evenly(back, 20) == [Run("stdout", 5), Run("stderr", 6)]
