"""What is hashed beside sending has the same hash."""

import hashlib
import threading

import pytest

from runner import digest
from runner.digest import Digest

LARGE = digest._LARGE


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("sizes", [[1, 2, 3], [LARGE, 5, LARGE + 1, LARGE], [0, LARGE]])
def test_pieces_of_any_size_give_the_hash_of_all(sizes):
    told, pieces = Digest(), [bytes([number]) * size for number, size in enumerate(sizes)]
    for piece in pieces:
        told.update(piece)
    assert told.hexdigest() == sha256(b"".join(pieces))


def test_where_no_thread_can_be_had_it_hashes_itself(monkeypatch):
    """A script has used up its pod's processes: its output and results come nevertheless."""

    def refused(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    told = Digest()
    told.update(b"a" * LARGE)
    told.update(b"b")
    assert told.hexdigest() == sha256(b"a" * LARGE + b"b")
