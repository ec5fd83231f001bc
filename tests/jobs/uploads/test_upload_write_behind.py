"""A large file is written by a thread of its own: the same bytes, bounded memory, and a full disk is told."""

import errno
import hashlib
import threading
from pathlib import Path

import pytest

from jobs.uploads import write_behind
from jobs.uploads.write_behind import ALONE_BYTES, WAITING_BYTES, WriteBehind

PIECE = 100_000


@pytest.mark.parametrize("pieces", [0, 1, 10, 11, 200])
def test_the_file_holds_what_was_written(tmp_path: Path, pieces: int) -> None:
    blocks = [bytes([number % 256]) * PIECE for number in range(pieces)]
    file = WriteBehind(tmp_path / "file")
    for block in blocks:
        file.write(block)
    file.close()
    file.close()
    assert (
        hashlib.sha256((tmp_path / "file").read_bytes()).digest() == hashlib.sha256(b"".join(blocks)).digest()
    )
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("write-behind")]


def test_a_small_file_costs_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_behind, "ThreadPoolExecutor", None)
    file = WriteBehind(tmp_path / "file")
    file.write(bytes(ALONE_BYTES - 1))
    file.close()
    assert (tmp_path / "file").stat().st_size == ALONE_BYTES - 1


def test_a_slow_disk_holds_the_writer_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()
    file = WriteBehind(tmp_path / "file")
    file.write(bytes(ALONE_BYTES - 1))
    write = file._write

    def slow(data: bytes) -> None:
        may_write.wait(30)
        write(data)

    monkeypatch.setattr(file, "_write", slow)
    taken = 0

    def fill() -> None:
        nonlocal taken
        for _ in range(3 * WAITING_BYTES // PIECE):
            file.write(bytes(PIECE))
            taken += PIECE

    filler = threading.Thread(target=fill)
    filler.start()
    filler.join(0.5)
    assert filler.is_alive()
    assert taken <= WAITING_BYTES
    may_write.set()
    filler.join(30)
    file.close()
    assert (tmp_path / "file").stat().st_size == ALONE_BYTES - 1 + taken


def test_a_full_disk_is_told_by_a_later_write_or_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = WriteBehind(tmp_path / "file")
    file.write(bytes(ALONE_BYTES - 1))
    monkeypatch.setattr(file, "_write", full)
    with pytest.raises(OSError, match="No space"):
        for _ in range(2 * WAITING_BYTES // PIECE):
            file.write(bytes(PIECE))
        file.close()
    file.write(bytes(PIECE))
    with pytest.raises(OSError, match="No space"):
        file.close()
    assert file._file.closed


def test_after_an_error_it_is_closed_and_may_be_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a later write had not begun, or went well."""
    file = WriteBehind(tmp_path / "file")
    file.write(bytes(ALONE_BYTES - 1))
    may_fail = threading.Event()

    def full(data: bytes) -> None:
        may_fail.wait(30)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(file, "_write", full)
    for _ in range(3):
        file.write(bytes(PIECE))
    may_fail.set()
    with pytest.raises(OSError, match="No space"):
        file.close()
    file.close()
