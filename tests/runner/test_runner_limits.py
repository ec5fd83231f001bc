"""How a script ends: by itself, by its limits, by a wish; and that nothing of it stays."""

import json
import os

import pytest

from tests.clusters.driver_lab import MIB

pytestmark = pytest.mark.processes
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give scripts users of their own")


def ended(run):
    assert len(run.attempt.ended) == 1
    facts = run.attempt.ended[0]
    return facts["exit_code"], facts["signal"], facts["reason"]


@pytest.mark.parametrize(
    ("command", "outcome", "message"),
    [
        (["sh", "-c", "exit 0"], (0, None, ""), ""),
        (["sh", "-c", "exit 42"], (42, None, ""), ""),
        (["sh", "-c", "kill -SEGV $$"], (None, 11, ""), ""),
        (["no-such-command", "x"], (127, None, ""), "no-such-command: not found"),
        (["./notes.txt"], (126, None, ""), "./notes.txt: Permission denied"),
        (["./missing.sh"], (127, None, ""), "./missing.sh: not found"),
        (["./run.sh", "a b"], (7, None, ""), ""),
    ],
)
def test_the_outcome_is_told_as_a_shell_would(lab, command, outcome, message):
    files = {"notes.txt": b"hello", "run.sh": b'#!/bin/sh\n[ "$1" = "a b" ] && exit 7\n'}
    run = lab.run(command, files=files, executable={"run.sh"})
    lab.until_ended(run)
    assert ended(run) == outcome
    assert run.attempt.ended[0]["message"] == message
    assert run.attempt.output == {"stdout": b"", "stderr": b""}
    assert run.attempt.is_collected


def test_the_time_limit_ends_a_script_with_its_grace(lab):
    script = "trap 'echo saving; exit 9' TERM; echo up; sleep 30 & wait"
    run = lab.run(["sh", "-c", script], time_limit_seconds=1)
    lab.until_ended(run)
    assert ended(run) == (9, None, "time_limit")
    assert run.attempt.output["stdout"] == b"up\nsaving\n"
    assert 0.9 <= run.attempt.ended[0]["ended_at"] - run.attempt.ended[0]["started_at"] < 3


def test_a_script_that_takes_too_much_memory_is_killed(lab):
    script = "import time\nx = []\nwhile True:\n x.append(b'x' * (8 << 20))\n time.sleep(0.01)"
    run = lab.run(["python3", "-c", script], memory_bytes=96 * MIB)
    lab.until_ended(run)
    assert ended(run) == (None, 9, "out_of_memory")


def test_the_memory_of_children_counts_too(lab):
    script = (
        "import os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        x = bytearray(os.urandom(40 << 20)); time.sleep(20); os._exit(0)\n"
        "time.sleep(20)\n"
    )
    run = lab.run(["python3", "-c", script], memory_bytes=110 * MIB)
    lab.until_ended(run)
    assert ended(run) == (None, 9, "out_of_memory")


def test_the_cpu_limit_is_a_cause_of_its_own(lab):
    # The limit of the process lies below the wall clock's, as with a script that burns many threads.
    run = lab.run(["sh", "-c", "ulimit -S -t 1; while :; do :; done"])
    lab.until_ended(run)
    assert run.attempt.ended[0]["reason"] == "cpu_limit"


def test_a_file_above_the_disk_size_is_a_cause_of_its_own(lab):
    run = lab.run(["sh", "-c", "exec head -c 3000000 /dev/zero > results/big.bin"], disk_bytes=MIB)
    lab.until_ended(run)
    assert ended(run) == (None, 25, "file_limit")
    assert len(run.attempt.results["results/big.bin"]) == MIB


def test_the_disk_size_does_not_limit_the_output(lab):
    run = lab.run(["sh", "-c", "head -c 3000000 /dev/zero"], disk_bytes=MIB)
    lab.until_ended(run)
    assert ended(run) == (0, None, "")
    assert len(run.attempt.output["stdout"]) == 3_000_000


def test_the_environment_is_clean_and_carries_the_jobs_variables(lab, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    script = (
        'env; pwd; [ -d "$HOME" ] && [ -d "$TMPDIR" ] && echo x > $TMPDIR/x && cat; echo to-err > /dev/stderr'
    )
    environment = {"GREETING": "a=b c\n", "STELLWERK_JOB_ID": "fake"}
    run = lab.run(["sh", "-c", script], environment=environment)
    lab.until_ended(run)
    text = run.attempt.output["stdout"].decode()
    assert ended(run) == (0, None, "")
    assert "secret" not in text
    assert run.work.token not in text
    assert "GREETING=a=b c\n" in text
    assert "STELLWERK_JOB_ID=7\n" in text
    assert "PYTHONUNBUFFERED=1\n" in text
    assert f"STELLWERK_RESULTS={lab.driver.root / run.work.name / 'work' / 'results'}\n" in text
    assert run.attempt.output["stderr"] == b"to-err\n"
    assert run.attempt.results == {}


@as_root
def test_the_script_cannot_gain_rights(lab):
    run = lab.run(
        ["sh", "-c", "grep -E 'NoNewPrivs|CapEff|^Uid' /proc/self/status; ulimit -c; ulimit -p; ulimit -n"]
    )
    lab.until_ended(run)
    facts = run.attempt.output["stdout"].decode()
    user = json.loads((lab.driver.root / run.work.name / "work.json").read_text())["run_as"]
    assert f"Uid:\t{user}\t{user}\t{user}\t{user}" in facts
    assert "CapEff:\t0000000000000000" in facts
    assert "NoNewPrivs:\t1" in facts
    assert facts.split()[-3:] == ["0", "64", "4096"]
