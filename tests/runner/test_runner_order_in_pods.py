"""In a pod the script writes its logs itself: its collector hears of each write and notes the order of both streams."""

import threading

import pytest

from runner import containers
from runner.collect import Collector
from runner.containers import _Logs, _wait_for_end
from runner.order import OrderReader, split_by_lines
from runner.volume import STREAMS, Volume
from tests.runner.test_runner_order import alternating, err, merged, out


@pytest.fixture
def pod(tmp_path):
    """A pod's volume, whose logs the script's container writes itself."""
    volume = Volume(tmp_path)
    for stream in STREAMS:
        volume.log(stream).touch()
    return volume


def append(volume, stream, data):
    with volume.log(stream).open("ab", 0) as log:
        log.write(data)


def written_between_looks(pod, logs, *looks):
    for pieces in looks:
        for stream, data in pieces:
            append(pod, stream, data)
        logs.look()
    logs.close()


def test_in_a_pod_the_kernel_tells_what_was_written_when_between_two_looks(pod, client, attempt):
    logs, collector = _Logs(pod, {}), Collector(client, pod, {}, "u", None)
    several = [out("5\n"), err("6\n"), out("7\n8\n"), err("9\n"), out("10\n"), err("11")]
    written_between_looks(
        pod, logs, [out("1\n")], [err("2\n")], [], [err("3\n"), out("4\n")], several, [err("\n"), out("12\n")]
    )
    collector.ship_rest()
    # How much of a turn's was one write is not told: what is left over goes to the first.
    assert merged(attempt).split() == ["1", "2", "3", "4", "5", "7", "6", "8", "9", "10", "11", "12"]


@pytest.mark.parametrize(
    ("data", "parts", "ends"),
    [
        ("a\nb\n", 2, [12, 14]),
        ("a\nb", 2, [12, 13]),
        ("a\nb\nc\n", 2, [14, 16]),
        ("a\nb\nc\n", 3, [12, 14, 16]),
        ("a\nb\n", 3, [14]),
        ("no end", 2, [16]),
        ("\n\n", 2, [11, 12]),
        ("a\nb\n", 1, [14]),
    ],
)
def test_pieces_that_were_written_in_turns_are_parted_by_lines(data, parts, ends):
    assert split_by_lines(data.encode(), 10, parts) == ends


def test_in_a_pod_much_at_once_is_not_looked_through(pod, client, attempt, monkeypatch):
    monkeypatch.setattr(containers, "MOST_SPLIT", 9)
    logs, collector = _Logs(pod, {}), Collector(client, pod, {}, "u", None)
    written_between_looks(pod, logs, [out("1111\n"), err("2\n"), out("3333\n"), err("4\n")])
    collector.ship_rest()
    assert merged(attempt).split() == ["1111", "3333", "2", "4"]


def test_in_a_pod_each_write_is_looked_at_when_it_is_made(pod, client, attempt, monkeypatch):
    """Not when its time has come, which is never here."""
    monkeypatch.setattr(containers, "LOOK_SECONDS", 60)
    looked, is_over = threading.Event(), threading.Event()
    collector = Collector(client, pod, {}, "u", None)
    logs = _Logs(pod, {}, looked.set)
    waiting = threading.Thread(target=_wait_for_end, args=(pod, is_over, logs), daemon=True)
    waiting.start()
    for stream, data in alternating(40):
        append(pod, stream, data)
        assert looked.wait(20)
        looked.clear()
    pod.write("started", {})
    pod.write("ended", {"exit_code": 0})
    append(pod, *out("40\n"))
    waiting.join(20)
    logs.close()
    collector.ship_rest()
    assert not waiting.is_alive()
    runs = OrderReader(pod.order, STREAMS).runs(dict.fromkeys(STREAMS, 0), 100)
    assert len(runs) == 40
    numbers = [int(line) for line in merged(attempt).split()]
    assert sorted(numbers) == list(range(41))
    assert max(abs(number - place) for place, number in enumerate(numbers)) < 4


def test_in_a_pod_whose_kernel_tells_nothing_the_order_is_as_exact_as_the_looks(
    pod, client, attempt, monkeypatch
):
    def no_such_call(*_, **__):
        raise OSError

    monkeypatch.setattr("ctypes.CDLL", no_such_call)
    noticed = []
    logs, collector = _Logs(pod, {}, lambda: noticed.append(1)), Collector(client, pod, {}, "u", None)
    written_between_looks(pod, logs, [out("1\n")], [err("2\n")], [err("4\n"), out("3\n")], [out("5\n")])
    collector.ship_rest()
    assert merged(attempt) == "1\n2\n3\n4\n5\n"
    # Whoever hears of news waits for them, and looks by himself less often.
    assert not noticed


def test_in_a_pod_what_is_written_while_it_looks_belongs_to_that_look(pod, client, attempt, monkeypatch):
    """Sizes and turns are read one after the other: a script that goes on meanwhile is asked again."""
    logs, collector = _Logs(pod, {}), Collector(client, pod, {}, "u", None)
    later = [[out("3\n")], [err("4\n"), out("5\n")]]
    sizes_now = _Logs._sizes_now

    def and_then(self):
        sizes = sizes_now(self)
        for stream, data in later.pop(0) if later else ():
            append(pod, stream, data)
        return sizes

    monkeypatch.setattr(_Logs, "_sizes_now", and_then)
    written_between_looks(pod, logs, [out("1\n"), err("2\n")])
    collector.ship_rest()
    assert merged(attempt).split() == ["1", "2", "3", "4", "5"]


def test_in_a_pod_a_script_that_never_rests_is_looked_at_all_the_same(pod, client, attempt, monkeypatch):
    logs, collector = _Logs(pod, {}), Collector(client, pod, {}, "u", None)
    sizes_now, written = _Logs._sizes_now, []

    def and_then(self):
        sizes = sizes_now(self)
        if len(written) < 100:
            written.append(len(written))
            append(pod, *(out, err)[len(written) % 2](f"{len(written)}\n"))
        return sizes

    monkeypatch.setattr(_Logs, "_sizes_now", and_then)
    append(pod, *out("0\n"))
    logs.look()
    assert len(written) < 20
    while len(written) < 100:
        logs.look()
    logs.look()
    logs.close()
    collector.ship_rest()
    assert sorted(map(int, merged(attempt).split())) == list(range(101))
