"""PUT /intake/output?stdout=N&stderr=M&turns=…: pieces of both streams, in the order in which they were written."""

from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

from jobs.intake.calls import MOST_TURNS
from jobs.models import Metric
from jobs.output.holes import open_lost
from jobs.output.outputlog import Reader, folder_of
from runner import turns
from tests.jobs.intake_caller import Runner, sha256


@pytest.fixture
def put(attempt):
    """Send turns (the stream's number and the bytes); what is asked for may be wrong on purpose."""

    def send(*turns, at=(0, 0), hashed=None, token=attempt.token, **query):
        data = b"".join(piece for _, piece in turns)
        told = ",".join(f"{number}:{len(piece)}" for number, piece in turns)
        asked = {"stdout": at[0], "stderr": at[1], "turns": told, **query}
        return Client(headers={"authorization": f"Bearer {token}"}).put(
            f"/intake/output?{urlencode(asked)}",
            data,
            content_type="application/octet-stream",
            headers={"x-content-sha256": sha256(data) if hashed is None else hashed},
            CONTENT_LENGTH=str(len(data)),
        )

    return send


def merged(attempt):
    return [text for _, text in Reader(attempt.pk).read()]


def logs(attempt):
    folder = folder_of(attempt.pk)
    return tuple(
        (folder / f"{stream}.log").read_bytes() if (folder / f"{stream}.log").exists() else b""
        for stream in ("stdout", "stderr")
    )


def test_a_runner_sends_no_more_turns_than_are_taken():
    assert turns.MOST_TURNS <= MOST_TURNS


def test_they_are_stored_in_their_order(put, attempt):
    answer = put((0, b"1\n"), (1, b"2\n"), (0, b"3\n4\n"), (1, b"5\n"))
    assert answer.status_code == 200
    assert answer.json() == {"sizes": {"stdout": 6, "stderr": 4}, "watched": False}
    assert merged(attempt) == ["1\n", "2\n", "3\n4\n", "5\n"]
    assert logs(attempt) == (b"1\n3\n4\n", b"2\n5\n")


def test_a_repeat_changes_nothing_and_what_is_new_in_it_is_stored(put, attempt):
    put((0, b"1\n"), (1, b"2\n"))
    answer = put((0, b"1\n"), (1, b"2\n"), (0, b"3\n"), (1, b"4\n"))
    assert answer.json()["sizes"] == {"stdout": 4, "stderr": 4}
    assert merged(attempt) == ["1\n", "2\n", "3\n", "4\n"]
    assert put((0, b"1\n"), (1, b"2\n")).json()["sizes"] == {"stdout": 4, "stderr": 4}
    assert merged(attempt) == ["1\n", "2\n", "3\n", "4\n"]


def test_what_is_missing_before_one_is_told_with_the_sizes_and_those_before_it_stay(put, attempt):
    answer = put((0, b"1\n"), (1, b"2\n"), (0, b"3\n"), at=(0, 7))
    assert answer.status_code == 409
    assert answer.json()["sizes"] == {"stdout": 2, "stderr": 0}
    assert logs(attempt) == (b"1\n", b"")


def test_single_pieces_and_turns_go_on_from_one_another(put, attempt):
    Runner(attempt).output(b"1\n")
    put((1, b"2\n"), (0, b"3\n"), at=(2, 0))
    Runner(attempt).output(b"4\n", offset=2, stream="stderr")
    assert merged(attempt) == ["1\n", "2\n", "3\n", "4\n"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"stdout": ""}, 400),
        ({"stderr": "-1"}, 400),
        ({"turns": ""}, 400),
        ({"turns": "2:2,1:2"}, 400),
        ({"turns": "0:2,1"}, 400),
        ({"turns": "0:2,1:x"}, 400),
        ({"turns": "0:2,1:3"}, 400),
        ({"turns": ",".join(["0:0"] * MOST_TURNS) + ",0:4"}, 400),
        ({"hashed": "0" * 64}, 503),
        ({"at": (settings.OUTPUT_MAX_BYTES, 0)}, 413),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_stored(put, attempt, wrong, status):
    answer = put((0, b"1\n"), (1, b"2\n"), **wrong)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert logs(attempt) == (b"", b"")


def test_after_the_streams_end_was_given_up_nothing_is_added(put, attempt):
    Runner(attempt).output(b"1\n")
    open_lost(folder_of(attempt.pk), "stdout", 5, 2)
    answer = put((1, b"2\n"), (0, b"3\n"), at=(2, 0))
    assert answer.status_code == 409
    assert answer.json()["sizes"] == {"stdout": 2, "stderr": 2}


def test_whoever_has_no_token_of_a_living_attempt_stores_nothing(put, attempt):
    assert put((0, b"1\n"), (1, b"2\n"), token="other").status_code == 401
    assert logs(attempt) == (b"", b"")


def test_how_much_is_stored_is_counted_for_both(put, attempt):
    put((0, b"1\n"), (1, b"22\n"), (0, b"3\n"))
    attempt.refresh_from_db()
    assert (attempt.stdout_size, attempt.stderr_size) == (4, 3)


def test_metrics_that_a_script_prints_between_warnings_are_picked_up_once(put, attempt):
    turns = [(0, b"::stellwerk-metric loss=0.5 step=1\n"), (1, b"careful\n")]
    put(*turns)
    put(*turns, (0, b"::stellwerk-metric loss=0.25 step=2\n"), (1, b"!\n"))
    metric = Metric.objects.get(attempt=attempt, name="loss")
    assert (metric.steps, metric.values) == ([1.0, 2.0], [0.5, 0.25])
