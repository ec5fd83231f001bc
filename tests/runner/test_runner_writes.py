"""The kernel tells which of some files was written to, in order."""

import os
from pathlib import Path
from types import SimpleNamespace

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


MOST_EVENTS = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text("ascii"))


def watches_of_this_process():
    links = (str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink())
    return sum("inotify" in link for link in links)


def append(path):
    with path.open("ab", 0) as log:
        log.write(b"x")


def test_files_are_told_in_the_order_of_their_writes(logs, told):
    assert told.take() == []
    for name in ("stderr", "stderr", "stdout", "stderr"):
        append(logs[name])
    assert told.take() == ["stderr", "stdout", "stderr"]
    assert told.take() == []
    append(logs["stdout"])
    assert told.take() == ["stdout"]


def test_who_writes_faster_than_it_is_read_holds_nobody(logs, told, monkeypatch):
    """Each time that its queue is read it is full again, with other things."""
    reads = []

    def always_more(descriptor, size):
        reads.append(size)
        return writes._EVENT.pack(-1, 0x4000, 0, 0) * (size // writes._EVENT.size)

    append(logs["stderr"])
    monkeypatch.setattr(writes, "os", SimpleNamespace(read=always_more))
    assert told.take() == []
    assert len(reads) * writes._BLOCK > 16_384 * writes._EVENT.size
    assert len(reads) < 100
    monkeypatch.undo()
    assert told.take() == ["stderr"]


@pytest.mark.skipif(MOST_EVENTS > 1 << 18, reason="this kernel keeps more events than a test can make")
def test_a_reader_that_was_away_for_long_goes_on(logs, told):
    """The kernel's queue is bounded; neighbours in it that are the same are one."""
    descriptors = [os.open(path, os.O_WRONLY) for path in logs.values()]
    for _ in range(MOST_EVENTS // 2 + 1000):
        for descriptor in descriptors:
            os.pwrite(descriptor, b"x", 0)
    assert told.take() == ["stdout", "stderr"] * (writes._MOST_TURNS // 2)
    assert told.take() == []
    os.pwrite(descriptors[1], b"x", 0)
    assert told.take() == ["stderr"]
    for descriptor in descriptors:
        os.close(descriptor)


def test_where_a_file_is_missing_nothing_is_told_and_nothing_stays_open(tmp_path):
    before = watches_of_this_process()
    watching = Writes({"stdout": tmp_path / "none"})
    assert not watching.works
    assert watches_of_this_process() == before
    assert watching.take() == []
    watching.close()
