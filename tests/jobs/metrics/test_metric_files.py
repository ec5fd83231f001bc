"""Metrics out of result files: metrics.json and what MLflow writes."""

import json

import pytest

from jobs import store
from jobs.metrics import file_scan, json_file, mlflow
from jobs.metrics.left_out import LeftOut, sentences
from jobs.models import Metric, MetricsTaken
from jobs.reconciler import tidy
from tests import cast
from tests.jobs.intake_caller import Runner


def read(data, path="metrics.json"):
    left_out = LeftOut()
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return json_file.read(data, path, left_out), dict(left_out)


@pytest.fixture
def attempt(make_job, make_attempt):
    return make_attempt(make_job(status="running"), claimed_by="pod-1", created_at=None)


def test_numbers_nested_objects_and_lists():
    told, left_out = read(
        {
            "acc": 0.9,
            "test": {"f1": 1, "by": {"a": 2}},
            "loss": [3, 2, 1],
            "done": True,
            "by": "me",
            "x": None,
        }
    )
    assert told == [
        *[("acc", None, 0.9), ("test.f1", None, 1.0), ("test.by.a", None, 2.0)],
        *[("loss", 0.0, 3.0), ("loss", 1.0, 2.0), ("loss", 2.0, 1.0)],
    ]
    assert left_out == {}


def test_a_list_of_objects_is_a_curve_for_each_of_their_names():
    told, _ = read({"history": [{"step": 10, "loss": 2, "acc": 0.1}, {"loss": 1}]})
    assert told == [("history.loss", 10.0, 2.0), ("history.acc", 10.0, 0.1), ("history.loss", 1.0, 1.0)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": 1,', "is not JSON that can be read (line 1, column"),
        (b"[1, 2]", "is not a JSON object with names"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b'{"a": {"b": ' * 40 + b"1" + b"}" * 80, "nested more than 32 deep"),
    ],
)
def test_what_cannot_be_read_is_said(data, words):
    told, left_out = read(data)
    assert told == []
    assert any(words in sentence for sentence in left_out), left_out


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 6000])
def test_what_is_not_finite_is_left_out_and_the_rest_stays(number):
    told, left_out = read(b'{"a": %s, "b": 2}' % number.encode())
    assert told == [("b", None, 2.0)]
    assert sentences(left_out) == ["“a” was not a finite number (NaN, infinite or too large)."]


def test_names_that_no_database_holds_are_left_out():
    told, left_out = read({"a\0b": 1, "n" * 201: 1, "": 1, "\ud800": 1})
    assert [name for name, _, _ in told] == ["?"]
    assert sum(left_out.values()) == 3


def test_the_number_of_sentences_is_bounded():
    _, left_out = read(b"{" + b",".join(b'"n%d": NaN' % number for number in range(500)) + b"}")
    assert len(left_out) == 41
    assert sum(left_out.values()) == 500


def test_mlflow_paths():
    assert mlflow.place_of("mlruns/0/abc/metrics/loss") == mlflow.Place("abc", True, "loss")
    assert mlflow.place_of("results/mlruns/0/abc/params/a/b") == mlflow.Place("abc", False, "a/b")
    assert mlflow.place_of("other/mlruns/0/abc/params/a") is None
    assert mlflow.place_of("mlruns/0/abc/tags/a") is None


def test_mlflow_lines():
    left_out = LeftOut()
    told = mlflow.read_metric(b"1700 0.5 1\n\n1701 nan 2\n1702 0.25 3\nnonsense\n1 2 x\n", "loss", left_out)
    assert told == [("loss", 1.0, 0.5), ("loss", 3.0, 0.25)]
    assert sum(left_out.values()) == 3


def test_the_files_of_a_job_are_read_when_it_is_collected(attempt):
    runner = Runner(attempt)
    runner.output(b"::stellwerk-metric acc=0.1\n::stellwerk-metric live=3\n")
    runner.ended(stdout_size=0)
    for path, content in {
        "results/metrics.json": b'{"acc": 0.75, "loss": [2, 1]}',
        "mlruns/0/r1/metrics/auc": b"17 0.5 1\n18 0.625 2\n",
        "mlruns/0/r1/params/depth": b"7",
        "other.json": b'{"not": 1}',
    }.items():
        assert runner.result(path, content).status_code == 200
    assert runner.collected().status_code == 200
    last = dict(Metric.objects.filter(attempt=attempt).values_list("name", "last"))
    assert last == {"acc": 0.75, "loss": 1.0, "auc": 0.625, "live": 3.0}
    assert Metric.objects.get(name="acc").count == 1, "the file has all of them"
    assert MetricsTaken.objects.get().parameters == {"depth": "7"}
    assert runner.collected().status_code == 200
    assert Metric.objects.get(name="loss").count == 2, "a repeat reads nothing twice"


def test_several_runs_are_told_apart(attempt):
    for run in ("aaaaaaaa1", "bbbbbbbb1"):
        cast.new_artifact(attempt, f"mlruns/0/{run}/metrics/loss", b"1 2 3\n")
    assert file_scan.take(attempt.pk)
    assert set(Metric.objects.values_list("name", flat=True)) == {"aaaaaaaa/loss", "bbbbbbbb/loss"}


def test_a_file_that_is_too_large_or_gone_is_said(attempt):
    cast.new_artifact(attempt, "metrics.json", b"{}", size=5_000_000)
    cast.new_artifact(attempt, "results/metrics.json", b"{}", key="results/missing")
    assert file_scan.take(attempt.pk)
    assert sentences(MetricsTaken.objects.get().left_out) == [
        "“metrics.json” is larger than 1 MiB and was not read.",
        "“results/metrics.json” could not be read.",
    ]


def test_metrics_go_with_their_job(attempt):
    cast.new_artifact(attempt, "metrics.json", b'{"a": 1}')
    file_scan.take(attempt.pk)
    attempt.job.delete()
    assert not Metric.objects.exists()
    assert not MetricsTaken.objects.exists()


@pytest.fixture
def away(monkeypatch):
    """`away(True)`: the storage does not answer; `away(False)`: it does again."""
    real, is_away = store.open_, [False]

    def open_(key, *span, **spans):
        if is_away[0]:
            raise store.StoreAway("the storage cannot be reached")
        return real(key, *span, **spans)

    monkeypatch.setattr(store, "open_", open_)
    return lambda now: is_away.__setitem__(0, now)


def test_files_whose_storage_is_away_are_read_later(attempt, away):
    runner = Runner(attempt)
    runner.output(b"::stellwerk-metric live=3\n")
    runner.ended(stdout_size=0)
    runner.result("results/metrics.json", b'{"acc": 0.75}')
    runner.result("mlruns/0/r1/params/depth", b"7")
    away(True)
    assert runner.collected().status_code == 200
    for _ in range(2):
        tidy.tidy()
        taken = MetricsTaken.objects.get()
        assert taken.files_read_at is None
        assert sentences(taken.left_out) == [file_scan.PUT_OFF + "."]
        assert list(Metric.objects.values_list("name", flat=True)) == ["live"]
    away(False)
    tidy.tidy()
    taken = MetricsTaken.objects.get()
    assert taken.files_read_at is not None
    assert (taken.left_out, taken.parameters) == ({}, {"depth": "7"})
    assert dict(Metric.objects.values_list("name", "last")) == {"acc": 0.75, "live": 3.0}


def test_files_that_were_put_off_and_have_nothing_in_them_are_not_put_off_any_more(attempt, away):
    cast.new_artifact(attempt, "metrics.json", b"{}")
    away(True)
    file_scan.take(attempt.pk)
    away(False)
    file_scan.take_put_off()
    taken = MetricsTaken.objects.get()
    assert (taken.left_out, taken.files_read_at is None) == ({}, False)


def test_while_the_storage_is_away_a_round_asks_for_one_attempts_files_only(
    make_job, make_attempt, away, monkeypatch
):
    for _ in range(3):
        attempt = make_attempt(make_job(status="succeeded"))
        cast.new_artifact(attempt, "metrics.json", b'{"a": 1}')
        away(True)
        file_scan.take(attempt.pk)
    asked, away_now = [], store.open_
    monkeypatch.setattr(store, "open_", lambda key, *of: asked.append(key) or away_now(key, *of))
    file_scan.take_put_off()
    assert len(asked) == 1
    away(False)
    file_scan.take_put_off()
    assert MetricsTaken.objects.filter(files_read_at=None).count() == 0
