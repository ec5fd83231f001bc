"""What a script wrote to both streams between two looks of the pump: the kernel tells its turns, lines part them."""

import hashlib
import os
import random
import threading
import time

import pytest

from runner import order, pump
from runner.collect import Collector
from runner.order import OrderReader, split_by_lines
from runner.pipes import Pipes
from runner.pump import Pump
from runner.volume import STREAMS, Volume
from tests.runner.test_runner_order import LIMIT, alternating, err, merged, out


class Script:
    """One whose pump looks when it is told to; a pod's has named pipes, whose other ends are open elsewhere."""

    def __init__(self, root, kind):
        self.volume = Volume(root)
        if kind == "named":
            self.volume.make_logs()
            pipes = Pipes.named(self.volume, STREAMS)
            self.writers = {name: os.open(self.volume.pipe(name), os.O_RDWR) for name in STREAMS}
        else:
            pipes = Pipes.unnamed(STREAMS, None)
            self.writers = pipes.writers
        logs = {name: self.volume.log(name) for name in STREAMS}
        self.pump = Pump(logs, LIMIT, pipes, self.volume.order)
        self.pump._listen()

    def start(self):
        """From here on the pump looks by itself."""
        self.pump.is_listening.clear()
        self.pump.start()
        assert self.pump.is_listening.wait(20)

    def write(self, *pieces):
        for stream, data in pieces:
            os.write(self.writers[stream], data)

    def look(self, *pieces):
        self.write(*pieces)
        return self.pump._look()

    def drain(self):
        """All that was written, up to now."""
        while self.pump.ident is None and self.pump._pipes and self.pump._look():
            pass
        self.pump.finish()

    def end(self):
        self.drain()
        for descriptor in self.writers.values():
            os.close(descriptor)


@pytest.fixture(params=["named", "unnamed"])
def script(tmp_path, request):
    script = Script(tmp_path, request.param)
    yield script
    script.end()


@pytest.fixture
def arrived(script, client, attempt):
    """What arrives, when everything has been looked at."""

    def of():
        script.drain()
        Collector(client, script.volume, {}, "u", None).ship_rest()
        return merged(attempt)

    return of


def test_a_burst_of_lines_in_turns_stands_in_the_order_in_which_it_was_written(script, arrived):
    script.write(*alternating(20))
    assert arrived().split() == [str(number) for number in range(20)]


def test_a_burst_that_goes_on_is_looked_at_when_it_is_over(script, arrived):
    """And so no turn is torn: its lines tell how many each one had."""
    script.start()
    lines = [
        piece for turn in range(7) for piece in (out(f"{turn}a\n"), out(f"{turn}b\n"), err(f"{turn}c\n"))
    ]
    script.write(*lines)
    assert arrived().split() == [text.decode().strip() for _, text in lines]


def test_lines_of_any_burst_stand_in_the_order_in_which_they_were_written(script, arrived):
    """However many of a stream follow one another: each write is told."""
    script.start()
    streams = [random.Random(turn).choice((out, err)) for turn in range(90)]
    script.write(*[stream(f"{number}\n") for number, stream in enumerate(streams)])
    assert arrived().split() == [str(number) for number in range(90)]


def test_a_line_may_be_written_in_two_pieces(script, arrived):
    """As Python does it without a buffer."""
    pieces = [(out, err)[number * 7 % 5 % 2] for number in range(30)]
    script.write(*[piece(text) for number, piece in enumerate(pieces) for text in (f"{number}", "\n")])
    assert arrived().split() == [str(number) for number in range(30)]


def test_several_lines_in_one_write_may_part_a_little_off(script, arrived):
    script.look(out("1\n"))
    script.look(err("2\n"))
    assert script.look() == 0
    script.look(err("3\n"), out("4\n"))
    script.look(out("5\n"), err("6\n"), out("7\n8\n9\n"), err("10\n"), out("11\n"), err("12"))
    script.look(err("\n"), out("13\n"))
    # How large a write was is not told: lines are shared out by writes.
    assert arrived().split() == ["1", "2", "3", "4", "5", "6", "7", "8", "10", "9", "11", "12", "13"]


def test_the_end_of_the_last_writer_is_no_write(tmp_path, client, attempt):
    """The kernel tells of both in the same way."""
    script = Script(tmp_path, "unnamed")
    script.write(out("1\n"), out("2\n"), err("3\n"), out("4\n"), err("5\n"), err("6\n"))
    for descriptor in script.writers.values():
        os.close(descriptor)
    script.writers.clear()
    script.look()
    script.end()
    Collector(client, script.volume, {}, "u", None).ship_rest()
    assert merged(attempt).split() == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("data", "writes", "ends"),
    [
        ("a\nb\n", [1, 1], [2, 4]),
        ("a\nb", [1, 1], [2, 3]),
        ("a\nb\nc\n", [1, 2], [2, 6]),
        ("a\nb\nc\n", [2, 1], [4, 6]),
        ("a\nb\nc\n", [2, 4], [2, 6]),
        ("a\nb\nc\n", [1, 1, 2], [2, 4, 6]),
        ("a\nb\nc\n", [2, 1, 1], [2, 4, 6]),
        ("a\nb\nc\nd\n", [1, 1, 2, 2], [2, 4, 6, 8]),
        ("a\nb\nc\nd\n", [1, 1], [4, 8]),
        ("a\nb\n", [1, 1, 1], [0, 2, 4]),
        ("no end", [1, 1], [0, 6]),
        ("\n\n", [1, 1], [1, 2]),
        ("a\nb\n", [3], [4]),
    ],
)
def test_pieces_that_were_written_in_turns_are_parted_by_lines(data, writes, ends):
    assert split_by_lines(data.encode(), writes) == ends


def test_much_at_once_is_not_looked_through(script, arrived, monkeypatch):
    monkeypatch.setattr(pump, "MOST_SPLIT", 9)
    script.write(out("1111\n"), err("2\n"), out("3333\n"), err("4\n"))
    assert arrived().split() == ["1111", "3333", "2", "4"]


def test_more_than_a_pipe_holds_arrives_whole(script):
    script.start()
    lines = [f"{number} {'x' * 30_000}\n" for number in range(200)]
    script.write(*[(out, err)[number % 2](line) for number, line in enumerate(lines)])
    script.drain()
    assert script.volume.log("stdout").read_text() == "".join(lines[::2])
    assert script.volume.log("stderr").read_text() == "".join(lines[1::2])


def test_where_the_kernel_tells_nothing_the_order_is_as_exact_as_the_looks(
    tmp_path, client, attempt, monkeypatch
):
    def no_such_call(*_, **__):
        raise OSError

    monkeypatch.setattr("ctypes.CDLL", no_such_call)
    script = Script(tmp_path, "unnamed")
    script.look(out("1\n"))
    script.look(err("2\n"))
    script.look(err("4\n"), out("3\n"))
    script.look(out("5\n"))
    script.end()
    Collector(client, script.volume, {}, "u", None).ship_rest()
    assert merged(attempt) == "1\n2\n3\n4\n5\n"


def test_what_is_written_while_it_looks_belongs_to_that_look(script, arrived, monkeypatch):
    """Sizes and turns are read one after the other: a script that goes on meanwhile is asked again."""
    later = [[out("3\n")], [err("4\n"), out("5\n")]]
    waiting = Pump._waiting

    def and_then(self):
        sizes = waiting(self)
        script.write(*later.pop(0) if later else ())
        return sizes

    monkeypatch.setattr(Pump, "_waiting", and_then)
    assert script.look(out("1\n"), err("2\n")) == 10
    assert arrived().split() == ["1", "2", "3", "4", "5"]


def test_a_script_that_never_rests_is_looked_at_all_the_same(script, arrived, monkeypatch):
    waiting, written = Pump._waiting, []

    def and_then(self):
        sizes = waiting(self)
        if len(written) < 100:
            written.append(len(written))
            script.write((out, err)[len(written) % 2](f"{len(written)}\n"))
        return sizes

    monkeypatch.setattr(Pump, "_waiting", and_then)
    script.look(out("0\n"))
    assert len(written) < 50
    while len(written) < 100:
        script.look()
    assert sorted(map(int, arrived().split())) == list(range(101))


def test_each_line_is_looked_at_when_it_comes(script):
    looked = threading.Event()
    script.pump.notice = looked.set
    script.start()
    for piece in alternating(40):
        script.write(piece)
        assert looked.wait(20)
        looked.clear()
    script.drain()
    runs = OrderReader(script.volume.order, STREAMS).runs(dict.fromkeys(STREAMS, 0), 100)
    # The last line's turn has no other behind it.
    assert len(runs) == 39


def test_the_order_is_noted_before_a_log_has_what_it_tells_of(script, monkeypatch):
    """Or whoever reads between the two would send a stream after the other, for good."""
    noted = []
    move = pump.move

    def look_first(pipe, log, at, size):
        runs = OrderReader(script.volume.order, STREAMS).runs(dict.fromkeys(STREAMS, 0), order.MOST_RUNS)
        noted.append([tuple(run) for run in runs])
        return move(pipe, log, at, size)

    monkeypatch.setattr(pump, "move", look_first)
    script.look(*alternating(4))
    assert noted == [
        [],
        [("stdout", 2)],
        [("stdout", 2), ("stderr", 2)],
        [("stdout", 2), ("stderr", 2), ("stdout", 4)],
    ]


def test_a_burst_is_looked_at_each_time_and_a_flood_by_the_clock(script, monkeypatch):
    rests, clock = [], [1000.0]
    with monkeypatch.context() as patch:
        patch.setattr(pump.time, "monotonic", lambda: clock[0])
        patch.setattr(pump.time, "sleep", rests.append)
        for number in range(200):
            script.pump._rest(1)
            assert bool(rests) == (number > 100), number
        assert max(rests) <= 0.005
        rests.clear()
        # Whoever fills the pipe would have to wait.
        script.pump._rest(1 << 20)
        assert rests == []
        # And what comes after a long flood is looked at as any other.
        for _ in range(1000):
            script.pump._rest(1)
        rests.clear()
        clock[0] += 0.6
        for _ in range(100):
            script.pump._rest(1)
        assert rests == []


def test_a_flood_goes_in_large_pieces(script):
    """Looked at as often as the pipe fills, not as it is written to."""
    looks, digest = [], hashlib.sha256()
    script.pump.notice = lambda: looks.append(1)
    script.start()
    for number in range(50_000):
        line = b"%d\n" % number * 20
        digest.update(line)
        os.write(script.writers["stdout"], line)
    script.drain()
    assert hashlib.sha256(script.volume.log("stdout").read_bytes()).hexdigest() == digest.hexdigest()
    assert len(looks) < 10_000


def test_a_pump_that_fails_for_a_while_goes_on(script, arrived, capfd):
    """Whoever stopped reading would have the script hang in its next print."""
    failures = [1, 2, 3]

    def fail():
        if failures:
            failures.pop()
            raise ValueError("no notice today")

    script.pump.notice = fail
    script.start()
    for piece in alternating(5):
        script.write(piece)
        time.sleep(0.01)
    assert arrived().split() == [str(number) for number in range(5)]
    assert script.pump.is_drained
    assert "no notice today" in capfd.readouterr().err


def test_a_pump_that_fails_for_good_says_that_it_has_left_something(script, monkeypatch):
    def fail(pipe):
        raise OSError("no such pipe")

    monkeypatch.setattr(pump, "_FAILURE_SECONDS", 0.0)
    monkeypatch.setattr(pump, "waiting", fail)
    script.start()
    script.write(out("1\n"))
    script.drain()
    assert not script.pump.is_drained
    monkeypatch.undo()


def test_a_pump_may_be_ended_before_it_began_and_twice(script):
    script.pump.finish()
    script.pump.finish()
    assert (script.pump.is_drained, script.volume.log("stdout").stat().st_size) == (False, 0)
    assert not script.pump._pipes


def test_a_pump_that_begins_anew_goes_on_in_the_order(tmp_path, client, attempt):
    """What the one before it had moved comes before all that this one moves, though it died without a note."""
    killed = Script(tmp_path, "named")
    killed.look(out("1\n"))
    logs = {name: killed.volume.log(name) for name in STREAMS}
    again = Pump(logs, LIMIT, Pipes.named(killed.volume, STREAMS), killed.volume.order)
    again.start()
    assert again.is_listening.wait(20)
    killed.write(err("2\n"), out("3\n"))
    again.finish()
    Collector(client, killed.volume, {}, "u", None).ship_rest()
    assert merged(attempt) == "1\n2\n3\n"
    killed.end()
