"""The kernel tells which log was written to, in order; whoever waits for it wakes at once, and not too often."""

import os
import threading
import time
from pathlib import Path

import pytest

from runner import writes
from runner.writes import Writes


@pytest.fixture
def logs(tmp_path):
    files = {name: tmp_path / f"{name}.log" for name in ("stdout", "stderr")}
    for path in files.values():
        path.touch()
    return files


@pytest.fixture
def told(logs):
    watching = Writes(logs)
    assert watching.works
    yield watching
    watching.close()


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def append(path):
    with path.open("ab", 0) as log:
        log.write(b"x")


def test_files_are_told_once_each_by_their_first_write(logs, told):
    assert told.take() == []
    for name in ("stderr", "stderr", "stdout", "stderr"):
        append(logs[name])
    assert told.take() == ["stderr", "stdout"]
    assert told.take() == []
    append(logs["stdout"])
    assert told.take() == ["stdout"]


def test_a_write_ends_the_wait(logs, told):
    writing = threading.Timer(0.05, append, (logs["stderr"],))
    writing.start()
    began = time.monotonic()
    told.wait(60)
    assert time.monotonic() - began < 30
    assert told.take() == ["stderr"]


def test_what_was_written_before_is_not_waited_for(logs, told):
    append(logs["stdout"])
    began = time.monotonic()
    told.wait(60)
    assert time.monotonic() - began < 30


def test_a_burst_wakes_each_time_and_a_flood_by_its_clock(logs, told, monkeypatch):
    rests = []
    monkeypatch.setattr(writes.time, "sleep", rests.append)
    monkeypatch.setattr(writes.time, "monotonic", lambda: 1000.0)
    for number in range(200):
        append(logs["stdout"])
        told.wait(60)
        assert told.take() == ["stdout"]
        assert bool(rests) == (number > 100), number
    # The clock stands still here: each rest is as long as all looks above the burst take.
    assert rests == pytest.approx([0.005 * number for number in range(1, 100)])


def test_a_reader_that_was_away_for_long_goes_on(logs, told):
    """The kernel's queue is bounded; neighbours in it that are the same are one."""
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text("ascii"))
    descriptors = [os.open(path, os.O_WRONLY) for path in logs.values()]
    for _ in range(most // 2 + 1000):
        for descriptor in descriptors:
            os.pwrite(descriptor, b"x", 0)
    assert told.take() == ["stdout", "stderr"]
    os.pwrite(descriptors[1], b"x", 0)
    assert told.take() == ["stderr"]
    for descriptor in descriptors:
        os.close(descriptor)


def test_where_a_file_is_missing_nothing_is_told_and_nothing_stays_open(tmp_path):
    before = open_files()
    watching = Writes({"stdout": tmp_path / "none"})
    assert not watching.works
    assert open_files() == before
    assert watching.take() == []
    watching.wait(0.001)
    watching.close()
