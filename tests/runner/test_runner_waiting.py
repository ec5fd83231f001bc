"""A portal without room: results wait with their job and come when there is some; what comes too late is named."""

import pytest

from tests.runner.stub_intake import Fault

pytestmark = pytest.mark.processes
SCRIPT = ["sh", "-c", "echo 1 > results/a; echo 2 > results/b; exit 3"]


def test_results_wait_while_the_portal_has_no_room_and_all_come_when_it_has(lab):
    lab.intake.faults.append(Fault("/intake/results", 507, times=4))
    run = lab.run(SCRIPT)
    lab.until_ended(run)
    assert run.attempt.results == {"results/a": b"1\n", "results/b": b"2\n"}
    assert run.attempt.collected[0]["skipped"] == []
    assert run.attempt.ended[0]["exit_code"] == 3


def test_what_had_no_room_in_time_is_named_in_the_manifest_and_the_outcome_stays(lab):
    lab.intake.faults.append(Fault("/intake/results", 507, times=1000))
    run = lab.run(SCRIPT, result_wait_seconds=1.0)
    lab.until_ended(run)
    why = "the portal did not take it in time (HTTP 507: as the test wanted it)"
    assert run.attempt.collected[0]["skipped"] == [
        {"path": path, "why": why} for path in ("results/a", "results/b")
    ]
    assert run.attempt.collected[0]["results"] == []
    assert run.attempt.ended[0]["exit_code"] == 3


def test_what_came_before_the_disk_was_full_is_listed(lab):
    run = lab.prepare(SCRIPT, result_wait_seconds=1.0)
    full = Fault("/intake/results", 507, times=1000)
    take = lab.intake.fault_for
    lab.intake.fault_for = lambda path: take(path) if run.attempt.results else None
    lab.intake.faults.append(full)
    lab.driver.create(run.work)
    lab.until_ended(run)
    assert [result["path"] for result in run.attempt.collected[0]["results"]] == ["results/a"]
    assert [entry["path"] for entry in run.attempt.collected[0]["skipped"]] == ["results/b"]


def test_a_large_result_is_sent_in_parts_and_goes_on_after_a_lost_answer(lab, monkeypatch):
    lab.intake.faults.append(Fault("/intake/results", "drop"))
    run = lab.run(["sh", "-c", "head -c 80000000 /dev/urandom > results/big"])
    lab.until_ended(run)
    parts = [
        path
        for method, path in lab.intake.requests
        if method == "PUT" and "offset=" in path and "big" in path
    ]
    # The first is sent again, and the second, which was under way behind it, too: three parts, five requests.
    assert len(parts) == 5
    assert len(run.attempt.results["results/big"]) == 80_000_000
