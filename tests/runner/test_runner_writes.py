"""The kernel tells of each write to some pipes, in order; where it cannot, nothing happens."""

import os
import signal
import threading

import pytest

from runner import writes
from runner.pipes import Pipes
from runner.volume import STREAMS
from runner.writes import Turn, Writes, joined, without_last


@pytest.fixture
def pipes():
    made = Pipes.unnamed(STREAMS, None)
    yield made
    made.close_writers()
    made.close_readers()


@pytest.fixture
def told(pipes):
    listening = Writes(pipes.readers)
    assert listening.works
    yield listening
    listening.close()


def write(pipes, *streams):
    for stream in streams:
        os.write(pipes.writers[stream], b"x")


def test_writes_are_told_one_by_one_in_their_order(pipes, told):
    assert told.take() == []
    write(pipes, "stderr", "stderr", "stdout", "stderr", "stdout", "stdout", "stdout")
    assert told.take() == [("stderr", 2), ("stdout", 1), ("stderr", 1), ("stdout", 3)]
    assert told.take() == []
    write(pipes, "stdout")
    assert told.take() == [("stdout", 1)]


def test_it_does_not_matter_what_is_read_meanwhile(pipes, told):
    write(pipes, "stdout")
    os.read(pipes.readers["stdout"], 10)
    write(pipes, "stdout", "stderr")
    assert told.take() == [("stdout", 2), ("stderr", 1)]


def test_each_thread_hears_of_its_own_pipes():
    """And no other one is disturbed: a signal that nobody has blocked would end the process."""
    found = {}

    def listen(number):
        made = Pipes.unnamed(STREAMS, None)
        listening = Writes(made.readers)
        write(made, *["stdout"] * (number + 1), "stderr")
        found[number] = listening.take()
        listening.close()
        write(made, "stdout")
        made.close_writers()
        made.close_readers()

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [("stdout", number + 1), ("stderr", 1)] for number in range(4)}


def test_many_writes_are_read_at_once(pipes, told):
    for _ in range(3000):
        write(pipes, "stdout")
        os.read(pipes.readers["stdout"], 1)
    write(pipes, "stderr")
    assert told.take() == [("stdout", 3000), ("stderr", 1)]


def test_what_cannot_be_queued_is_not_told_and_hurts_nobody(pipes, told):
    import resource

    before = resource.getrlimit(resource.RLIMIT_SIGPENDING)
    resource.setrlimit(resource.RLIMIT_SIGPENDING, (0, before[1]))
    try:
        write(pipes, *["stdout"] * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_SIGPENDING, before)
    assert sum(turn.writes for turn in told.take()) <= 10
    write(pipes, "stderr")
    assert told.take()[-1].stream == "stderr"


def test_nothing_is_told_of_what_comes_after_the_end(pipes):
    listening = Writes(pipes.readers)
    write(pipes, "stdout")
    listening.close()
    write(pipes, "stderr")
    assert (listening.works, listening.take()) == (False, [])
    assert signal.sigpending() & {writes._NUMBER, signal.SIGIO} == set()


@pytest.mark.parametrize("lacks", ["signalfd", "pipes"])
def test_where_there_is_no_such_call_nothing_is_told(pipes, monkeypatch, tmp_path, lacks):
    if lacks == "signalfd":
        monkeypatch.setattr("ctypes.CDLL", lambda *_: None)
    readers = dict(pipes.readers)
    if lacks == "pipes":
        readers["stderr"] = readers["stdout"] + 256
    listening = Writes(readers)
    assert not listening.works
    write(pipes, "stdout")
    assert listening.take() == []
    listening.close()


def test_neighbours_are_joined_and_one_write_is_taken_back():
    turns = [Turn("a", 1), Turn("b", 1), Turn("b", 2), Turn("a", 2)]
    assert joined(turns) == [("a", 1), ("b", 3), ("a", 2)]
    assert without_last(turns, "a") == [("a", 1), ("b", 3), ("a", 1)]
    assert without_last([Turn("a", 1), Turn("b", 1), Turn("a", 2)], "b") == [("a", 3)]
    assert without_last([Turn("a", 1)], "b") == [("a", 1)]
