"""Results so far: kept while the script runs, when it asks; and what is there at a cancel or a time limit."""

import pytest

pytestmark = pytest.mark.processes


def test_a_script_in_any_language_asks_with_a_file_and_its_results_are_there_while_it_runs(lab):
    script = """
    echo 1 > results/a; echo beside > beside; mkdir results/deep; echo 3 > results/deep/c; touch "$STELLWERK_KEEP"
    while [ ! -e go ]; do sleep 0.05; done
    echo 22 > results/b; rm results/a; echo again > "$STELLWERK_KEEP"
    while [ ! -e end ]; do sleep 0.05; done
    """
    run = lab.run(["sh", "-c", script])
    work = lab.driver.root / run.work.name / "work"
    lab.intake.wait(lambda: run.attempt.kept)
    assert run.attempt.kept == [{"results/a": b"1\n", "results/deep/c": b"3\n"}]
    assert not run.attempt.ended
    (work / "go").touch()
    lab.intake.wait(lambda: len(run.attempt.kept) == 2)
    assert run.attempt.kept[1] == {"results/b": b"22\n", "results/deep/c": b"3\n"}
    (work / "end").touch()
    lab.until_ended(run)
    final = {result["path"] for result in run.attempt.collected[0]["results"]}
    assert final - {"go", "end"} == {"results/b", "results/deep/c", "beside"}
    sent = [path for method, path in lab.intake.requests if method == "PUT" and "deep" in path]
    assert len(sent) == 1, "what did not change is sent once"


def test_without_the_wish_nothing_is_sent_before_the_end(lab):
    run = lab.run(["sh", "-c", "echo 1 > results/a; echo up; sleep 1"])
    lab.intake.wait(lambda: run.attempt.ended)
    assert run.attempt.kept == []
    lab.until_ended(run)


def test_a_result_that_the_portal_forgot_is_sent_again_before_it_is_listed(lab):
    script = 'echo 1 > results/a; touch "$STELLWERK_KEEP"; while [ ! -e go ]; do sleep 0.05; done'
    script += '; echo 2 > results/b; touch "$STELLWERK_KEEP"; while [ ! -e end ]; do sleep 0.05; done'
    run = lab.run(["sh", "-c", script])
    work = lab.driver.root / run.work.name / "work"
    lab.intake.wait(lambda: run.attempt.kept)
    run.attempt.results.clear()
    (work / "go").touch()
    lab.intake.wait(lambda: len(run.attempt.kept) == 2)
    assert run.attempt.kept[1] == {"results/a": b"1\n", "results/b": b"2\n"}
    (work / "end").touch()
    lab.until_ended(run)


@pytest.mark.parametrize("how", ["stopped", "time_limit"])
def test_what_is_there_at_a_cancel_or_a_time_limit_is_kept(lab, how):
    options = {"time_limit_seconds": 1} if how == "time_limit" else {}
    run = lab.run(["sh", "-c", "echo 1 > results/a; echo up; sleep 600"], **options)
    lab.intake.wait(lambda: run.attempt.output["stdout"])
    if how == "stopped":
        lab.driver.stop(run.work.name)
    lab.until_ended(run)
    assert run.attempt.ended[0]["reason"] == how
    assert [result["path"] for result in run.attempt.collected[0]["results"]] == ["results/a"]
