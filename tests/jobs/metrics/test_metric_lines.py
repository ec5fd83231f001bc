"""Metrics out of the output: each line once, however it was cut, and nothing that merely looks like one."""

import pytest

from jobs.metrics import output_scan, pickup
from jobs.metrics.left_out import LeftOut
from jobs.metrics.line import parse
from jobs.models import Metric, MetricsTaken
from tests.jobs.intake_caller import Runner


@pytest.fixture
def runner(make_job, make_attempt) -> Runner:
    attempt = make_attempt(make_job(status="running"), claimed_by="pod-1", created_at=None)
    runner = Runner(attempt)
    runner.attempt = attempt
    return runner


def curve(attempt, name):
    metric = Metric.objects.get(attempt=attempt, name=name)
    return list(zip(metric.steps, metric.values, strict=True))


def read(line: str):
    left_out = LeftOut()
    return parse(line.encode(), left_out), dict(left_out)


def test_a_line_tells_several_metrics_of_one_step():
    told, left_out = read("::stellwerk-metric loss=0.31 val/acc=1e-2 step=12")
    assert told == [("loss", 12.0, 0.31), ("val/acc", 12.0, 0.01)]
    assert left_out == {}


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "1e999", "9" * 350])
def test_what_is_not_finite_is_said_and_not_kept(value):
    told, left_out = read(f"::stellwerk-metric loss={value} acc=1")
    assert told == [("acc", None, 1.0)]
    assert left_out == {"“loss” was not a finite number (NaN, infinite or too large)": 1}


@pytest.mark.parametrize("word", ["loss", "=3", "loss=", "loss=high", "loss=1_000", "lo$$=1", "loss=0x10"])
def test_a_word_that_is_no_metric_is_said(word):
    told, left_out = read(f"::stellwerk-metric {word} acc=1")
    assert told == [("acc", None, 1.0)]
    assert len(left_out) == 1


def test_lines_are_read_while_the_job_runs(runner):
    runner.output(b"epoch 1\n::stellwerk-metric loss=0.5 step=1\n")
    assert curve(runner.attempt, "loss") == [(1.0, 0.5)]
    runner.output(b"epoch 2\n::stellwerk-metric loss=0.25 step=2\n")
    assert curve(runner.attempt, "loss") == [(1.0, 0.5), (2.0, 0.25)]


def test_a_line_may_be_cut_anywhere(runner):
    text = b"first\n::stellwerk-metric loss=0.125 step=7\nlast\n::stellwerk-metric loss=0.5 step=8\n"
    for at in range(len(text)):
        runner.output(text[at : at + 1])
    assert curve(runner.attempt, "loss") == [(7.0, 0.125), (8.0, 0.5)]


def test_a_repeated_chunk_counts_once(runner):
    line = b"::stellwerk-metric loss=1\n"
    runner.output(line)
    runner.output(line, offset=0)
    assert Metric.objects.get().count == 1


def test_what_a_crash_left_out_is_read_with_the_next_line(runner, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(output_scan, "take", lambda *_: False)
        runner.output(b"::stellwerk-metric loss=1\n")
    runner.output(b"::stellwerk-metric loss=2\n")
    assert curve(runner.attempt, "loss") == [(0.0, 1.0), (1.0, 2.0)]


def test_the_end_reads_what_nobody_has_read_and_a_line_without_its_end(runner, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(output_scan, "take", lambda *_: False)
        for piece in (b"x" * 1_000_000, b"x" * 1_000_000, b"\n::stellwerk-metric loss=1\n"):
            assert runner.output(piece).status_code == 200
        runner.output(b"::stellwerk-metric loss=2")
    pickup.after_collect(runner.attempt)
    pickup.after_collect(runner.attempt)
    assert curve(runner.attempt, "loss") == [(0.0, 1.0), (1.0, 2.0)]


def test_only_the_beginning_of_a_line_counts(runner):
    runner.output(b"see ::stellwerk-metric a=1\n" + b"50%\r::stellwerk-metric b=1\r\n")
    runner.output(b"y" * 1_048_000 + b"\n", stream="stderr")
    assert list(Metric.objects.values_list("name", flat=True)) == ["b"]


def test_a_line_behind_an_unfinished_bar_is_said_and_not_kept(runner):
    bar = b"::stellwerk-metric loss=1\n" + b"\repoch 0::stellwerk-metric loss=2\n" * 3
    runner.output(bar + b"::stellwerk-metric taken=back\rnothing\n")
    assert curve(runner.attempt, "loss") == [(0.0, 1.0)]
    said = "A line has ::stellwerk-metric behind something else: end what is printed before it with a newline"
    assert MetricsTaken.objects.get().left_out == {said: 3}


def test_the_middle_of_a_long_line_is_no_beginning(runner, monkeypatch):
    monkeypatch.setattr(output_scan, "BLOCK", 64)
    runner.output(b"z" * 64 + b"::stellwerk-metric a=1\n::stellwerk-metric b=1\n")
    assert list(Metric.objects.values_list("name", flat=True)) == ["b"]


def test_what_the_part_that_was_left_out_may_have_told_is_said_once(runner):
    runner.output(b"::stellwerk-metric loss=1 step=1\n")
    last = b"::stellwerk-metric loss=0.5 step=9\n"
    answer = runner.output(last, written=33 + 5000 + len(last), hole="33,5000,limit")
    assert answer.status_code == 200
    for _ in range(2):
        pickup.after_collect(runner.attempt)
    assert curve(runner.attempt, "loss") == [(1.0, 1.0), (9.0, 0.5)]
    said = "4.9 KiB of stdout were not kept: metrics that were told there are not known"
    assert MetricsTaken.objects.get().left_out == {said: 1}


def test_of_a_job_that_tells_no_metrics_nothing_is_said(runner):
    runner.output(b"1\n", written=5002, hole="0,5000,limit")
    pickup.after_collect(runner.attempt)
    assert not MetricsTaken.objects.exists()


def test_stderr_tells_no_metrics(runner):
    runner.output(b"::stellwerk-metric loss=1\n", stream="stderr")
    assert not MetricsTaken.objects.exists()


def test_output_without_a_mark_costs_no_statement(runner, django_assert_num_queries):
    with django_assert_num_queries(0):
        pickup.after_output(runner.attempt, "stdout", 0, 0)


def test_trouble_with_metrics_does_not_reach_the_runner(runner, monkeypatch):
    def broken(*_, **__):
        raise ValueError("broken")

    monkeypatch.setattr(output_scan, "take", broken)
    assert runner.output(b"::stellwerk-metric loss=1\n").status_code == 200


def test_a_job_keeps_a_bounded_number_of_names_and_says_so(runner):
    runner.output(b"".join(b"::stellwerk-metric m%d=1\n" % number for number in range(250)))
    assert Metric.objects.count() == 200
    left_out = MetricsTaken.objects.get().left_out
    assert left_out == {"A job keeps 200 metrics at most; a value of another name came": 50}
