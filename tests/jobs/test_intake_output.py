"""PUT /intake/output/<stream>: what the script wrote, byte for byte."""

import os

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Attempt
from jobs.output import outputlog
from tests.jobs.intake_caller import Runner

MIB = 1024 * 1024


def stored(attempt, stream="stdout"):
    path = outputlog.folder_of(attempt.pk) / f"{stream}.log"
    return path.read_bytes() if path.exists() else b""


def test_pieces_are_stored_in_order_and_counted(attempt):
    runner = Runner(attempt)
    assert runner.output(b"one\n").json() == {"size": 4, "holes": [], "watched": False}
    assert runner.output(b"\xff\0two").json()["size"] == 9
    assert runner.output(b"oh\n", stream="stderr").json()["size"] == 3
    assert stored(attempt) == b"one\n\xff\0two"
    assert stored(attempt, "stderr") == b"oh\n"
    attempt.refresh_from_db()
    assert (attempt.stdout_size, attempt.stderr_size) == (9, 3)


def test_a_repeat_stores_nothing_twice(attempt):
    runner = Runner(attempt)
    runner.output(b"abcdef")
    assert runner.output(b"abcdef", offset=0).json()["size"] == 6
    assert runner.output(b"efgh", offset=4).json()["size"] == 8
    assert runner.output(b"cd", offset=2).json()["size"] == 8
    assert stored(attempt) == b"abcdefgh"


def test_a_gap_is_told_with_the_place_to_go_on(attempt):
    runner = Runner(attempt)
    runner.output(b"abc")
    answer = runner.output(b"later", offset=5)
    assert answer.status_code == 409
    assert answer.json()["size"] == 3
    assert stored(attempt) == b"abc"


@pytest.mark.parametrize("hashed", ["", "0" * 64, "nonsense"])
def test_a_damaged_piece_is_asked_for_again(attempt, hashed):
    assert Runner(attempt).output(b"abc", offset=0, hashed=hashed).status_code == 503
    assert stored(attempt) == b""


def test_a_piece_may_be_as_large_as_the_claim_says_and_no_larger(attempt):
    most = Runner(attempt).claim().json()["limits"]["chunk_bytes"]
    data = os.urandom(most)
    assert Runner(attempt).output(data).json()["size"] == most == 4 * MIB
    assert Runner(attempt).output(data + b"x", offset=0).status_code == 413
    assert stored(attempt) == data


def test_a_large_piece_has_a_place_in_the_order_for_each_mebibyte(attempt):
    Runner(attempt).output(os.urandom(2 * MIB + 5))
    places = [end for _, end in outputlog.records(outputlog.folder_of(attempt.pk))]
    assert places == [MIB, 2 * MIB, 2 * MIB + 5]


def test_a_stream_may_have_so_many_bytes_and_no_more(attempt, settings):
    settings.OUTPUT_MAX_BYTES = 10
    runner = Runner(attempt)
    assert runner.output(b"0123456789").status_code == 200
    assert runner.output(b"x", offset=10).status_code == 413
    assert runner.output(b"0123456789", stream="stderr").status_code == 200


def test_a_full_disk_is_told_before_anything_is_written(attempt, settings):
    settings.STORAGE_RESERVE_BYTES = 1 << 60
    assert Runner(attempt).output(b"x").status_code == 507
    assert stored(attempt) == b""


def test_a_disk_that_fills_up_meanwhile_is_told_and_leaves_whole_pieces(attempt, monkeypatch):
    runner = Runner(attempt)
    runner.output(b"abc")

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(outputlog.os, "write", full)
        assert runner.output(b"def", offset=3).status_code == 507
    assert stored(attempt) == b"abc"
    assert runner.output(b"def", offset=3).status_code == 200


@pytest.mark.parametrize("address", ["stdout", "stdout?offset=", "stdout?offset=-1", "stdin?offset=0"])
def test_an_address_that_means_nothing_is_refused(attempt, address):
    from django.test import Client

    client = Client(headers={"authorization": f"Bearer {attempt.token}"})
    answer = client.put(f"/intake/output/{address}", b"x", content_type="application/octet-stream")
    assert answer.status_code == 400


def test_the_runner_hears_whether_somebody_is_looking(attempt):
    from jobs import hints

    hints.client().set(f"watched:{attempt.pk}", 1, ex=20)
    assert Runner(attempt).output(b"x").json()["watched"] is True
    hints.client().delete(f"watched:{attempt.pk}")
    assert Runner(attempt).output(b"y", offset=1).json()["watched"] is False


def test_a_lost_size_is_recorded_with_the_next_piece(attempt):
    runner = Runner(attempt)
    runner.output(b"abc")
    Attempt.objects.update(stdout_size=0)
    runner.output(b"abc", offset=0)
    attempt.refresh_from_db()
    assert attempt.stdout_size == 3


def test_a_piece_costs_two_statements(attempt):
    """The runner of each watched job sends several a second."""
    runner = Runner(attempt)
    runner.output(b"first\n")
    with CaptureQueriesContext(connection) as asked:
        assert runner.output(b"second\n").status_code == 200
    assert len(asked) == 2, [query["sql"] for query in asked]
    attempt.refresh_from_db()
    assert attempt.stdout_size == 13
