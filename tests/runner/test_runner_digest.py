"""What is hashed beside sending has the same hash."""

import hashlib

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
