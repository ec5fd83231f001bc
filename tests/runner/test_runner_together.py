"""Runs of both streams go together in one request, in their order; whatever happens to it, each byte arrives once."""

import time

import pytest

from runner import shipping, turns
from runner.collect import WATCHED_PACE, Collector
from tests.runner.stub_intake import Fault
from tests.runner.test_runner_order import LIMIT, alternating, begin, collector, err, merged, out, script

__all__ = ["begin", "collector", "script"]


def requests(intake):
    return [path for method, path in intake.requests if method == "PUT"]


def numbers(attempt):
    return [int(line) for line in merged(attempt).split()]


def test_a_long_burst_is_in_order_and_costs_two_requests(script, collector, attempt, intake):
    script.write(*alternating(90))
    collector.tick(0)
    assert numbers(attempt) == list(range(90))
    # The last turn has no end yet, and goes alone.
    assert len(requests(intake)) == 2


def test_a_portal_that_answers_slowly_is_told_the_order_all_the_same(script, collector, attempt):
    collector._answer_seconds = 0.5
    script.write(*alternating(80))
    collector.tick(0)
    assert numbers(attempt) == list(range(80))


@pytest.mark.parametrize("kind", ["500", "drop", "reset"])
def test_a_lost_answer_loses_and_doubles_nothing(script, collector, attempt, intake, kind):
    script.write(*alternating(20))
    intake.faults.append(Fault("/intake/output", kind, times=2))
    collector.tick(0)
    script.write(out("20\n"), err("21\n"), out("22\n"))
    script.end()
    collector.settle({})
    collector.ship_rest()
    assert numbers(attempt) == list(range(23))


def test_a_collector_that_starts_anew_goes_on_where_the_portal_is(script, collector, client, attempt):
    script.write(*alternating(10))
    collector.tick(0)
    script.write(*[piece for piece in alternating(30)[10:]])
    script.end()
    again = Collector(client, script.volume, {"limits": {"output_bytes": LIMIT}}, "u", None)
    again.settle({})
    again.ship_rest()
    assert numbers(attempt) == list(range(30))
    assert [each.facts()["size"] for each in again.shippers] == [len(log) for log in attempt.output.values()]


def test_a_portal_that_forgot_bytes_gets_them_again(script, collector, attempt):
    script.write(*alternating(10))
    collector.tick(0)
    del attempt.output["stderr"][4:]
    script.write(*alternating(30)[10:])
    script.end()
    collector.settle({})
    collector.ship_rest()
    for stream in ("stdout", "stderr"):
        assert attempt.output[stream] == script.volume.log(stream).read_bytes()
    assert collector._turns.works


def test_a_portal_that_knows_no_such_call_is_asked_once(script, collector, attempt, intake):
    attempt.knows_turns = False
    script.write(*alternating(4))
    collector.tick(0)
    script.write(*alternating(8)[4:])
    script.end()
    collector.settle({})
    collector.ship_rest()
    assert numbers(attempt) == list(range(8))
    assert sum(path.startswith("/intake/output?") for path in requests(intake)) == 1


def test_a_refusal_that_moves_nothing_is_not_asked_for_again(script, collector, attempt, intake):
    script.write(*alternating(4))
    intake.faults.append(Fault("/intake/output", 409))
    collector.tick(0)
    assert not collector._turns.works
    assert numbers(attempt) == list(range(4))


def test_a_line_that_has_only_begun_is_not_torn(script, collector, attempt, monkeypatch):
    script.write(out("1\nloading… "), err("2\n"), out("done\n"), err("3\n"), out("wait"), err("4\n"))
    collector.tick(0)
    assert merged(attempt) == "1\n2\nloading… done\n3\n4\n"
    monkeypatch.setattr(shipping, "HOLD_SECONDS", 0.0)
    time.sleep(2 * WATCHED_PACE)
    collector.tick(0)
    assert merged(attempt).endswith("4\nwait")


def test_more_than_goes_at_once_goes_one_after_the_other(script, collector, attempt, intake, monkeypatch):
    monkeypatch.setattr(turns, "MOST_BYTES", 40)
    script.write(*alternating(30))
    collector.tick(0)
    assert numbers(attempt) == list(range(30))
    assert 3 <= len(requests(intake)) <= 5


def test_a_turn_that_is_too_large_goes_as_ever(script, collector, attempt, monkeypatch):
    monkeypatch.setattr(turns, "MOST_BYTES", 40)
    script.write(out("1\n"), err("2" * 50 + "\n"), out("3\n"), err("4\n"), out("5\n"))
    collector.tick(0)
    assert merged(attempt) == "1\n" + "2" * 50 + "\n3\n4\n5\n"


def test_behind_a_hole_each_piece_names_it(begin, client, attempt):
    talker = begin(limit=1000)
    shipping_both = Collector(client, talker.volume, {"limits": {"output_bytes": 1000}}, "u", None)
    talker.write(*alternating(6), *[out("long\n")] * 400, err("7\n"), out("8\n"))
    talker.end()
    shipping_both.settle({})
    shipping_both.ship_rest()
    ((at, size, why),) = attempt.holes["stdout"]
    log = talker.volume.log("stdout").read_bytes()
    assert attempt.output["stdout"] == log[:at] + log[at + size :]
    assert attempt.output["stderr"] == b"1\n3\n5\n7\n"
