"""Everything that the script wrote arrives, whatever happens on the way."""

import hashlib
import json
import os
import threading
import time
from pathlib import Path

import pytest

from tests.clusters.driver_lab import MIB
from tests.runner.stub_intake import Fault

pytestmark = pytest.mark.processes
REPOSITORY = Path(__file__).resolve().parents[2]
TALKATIVE = """
import hashlib, sys
digest, errors = hashlib.sha256(), hashlib.sha256()
for number in range(60000):
    line = b"%d %s\\n" % (number, b"\\xc3\\xa9" * (number % 90))
    sys.stdout.buffer.write(line); digest.update(line)
    if number % 100 == 0:
        sys.stdout.buffer.flush()
        part = b"\\r%d %%" % number
        sys.stderr.buffer.write(part); sys.stderr.buffer.flush(); errors.update(part)
sys.stdout.flush()
open("results/hashes", "w").write(digest.hexdigest() + " " + errors.hexdigest())
"""


def test_much_output_arrives_byte_for_byte_through_faults_of_all_kinds(lab):
    for kind in ("500", "reset", "drop", "page", "500"):
        lab.intake.faults.append(Fault("/intake/output", kind, times=2))
    lab.intake.faults += [
        Fault("/intake/started", "drop"),
        Fault("/intake/ended", "drop"),
        Fault("/intake/results", "reset"),
        Fault("/intake/collected", "drop"),
    ]
    run = lab.run(["python3", "t.py"], files={"t.py": TALKATIVE.encode()})
    lab.until_ended(run, timeout=60)
    out, err = run.attempt.results["results/hashes"].decode().split()
    assert hashlib.sha256(run.attempt.output["stdout"]).hexdigest() == out
    assert hashlib.sha256(run.attempt.output["stderr"]).hexdigest() == err
    assert len(run.attempt.output["stdout"]) > 5 * MIB
    assert run.attempt.is_collected


def test_a_portal_that_forgets_a_result_and_some_output_gets_them_again(lab):
    run = lab.run(["sh", "-c", "echo hello; echo 1 > results/a; echo 2 > results/b; sleep 0.3"])
    run.attempt.forget_results = 1
    lab.intake.wait(lambda: run.attempt.chunks)
    del run.attempt.output["stdout"][3:]
    lab.until_ended(run)
    assert run.attempt.results == {"results/a": b"1\n", "results/b": b"2\n"}
    assert run.attempt.output["stdout"] == b"hello\n"
    assert len(run.attempt.collected) == 1


def test_a_printed_line_of_a_watched_job_arrives_within_a_second(lab):
    script = "import time\nfor i in range(6):\n print(time.time())\n time.sleep(0.3)"
    run = lab.run(["python3", "-c", script])
    late = []
    lab.intake.wait(lambda: run.attempt.chunks)
    seen = 0
    while not run.attempt.is_collected:
        lines = bytes(run.attempt.output["stdout"]).decode().splitlines()
        late += [time.time() - float(line) for line in lines[seen:]]
        seen = len(lines)
        time.sleep(0.01)
    assert late
    assert max(late) < 1.0


def test_an_unwatched_job_costs_few_requests(lab):
    run = lab.run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.1; done"], watched=False)
    lab.until_ended(run)
    assert len(run.attempt.chunks) <= 3
    assert run.attempt.output["stdout"] == b"".join(b"%d\n" % number for number in range(1, 11))


def test_what_the_portal_refuses_is_skipped_with_its_reason_and_the_rest_arrives(lab):
    run = lab.run(["sh", "-c", "cd results; echo 1 > a; echo 2 > 'b\nc'; ln -s /etc/passwd d; mkfifo e"])
    lab.until_ended(run)
    assert run.attempt.results == {"results/a": b"1\n"}
    skipped = {entry["path"]: entry["why"] for entry in run.attempt.collected[0]["skipped"]}
    assert skipped == {
        "results/b\nc": "a bad path",
        "results/d": "it is a symbolic link",
        "results/e": "it is a named pipe",
    }


def test_damaged_inputs_are_an_end_that_people_can_read(lab):
    run = lab.prepare(["true"], files={"../up.txt": b"x"})
    lab.driver.create(run.work)
    seen = lab.until_ended(run)
    assert seen.reason == "start_failed"
    assert "not a plain path" in seen.message
    assert run.attempt.output == {"stdout": b"", "stderr": b""}


def test_a_big_result_is_sent_in_constant_memory(lab):
    run = lab.run(["sh", "-c", "head -c 200000000 /dev/zero > results/big; sleep 0.2"])
    lab.intake.wait(lambda: run.attempt.started)
    pid = json.loads((lab.driver.root / run.work.name / "pod.json").read_text())["pid"]
    peak = 0
    while not run.attempt.is_collected:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            break
        peak = max(
            [peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
        )
    lab.until_ended(run)
    assert len(run.attempt.results["results/big"]) == 200_000_000
    assert 0 < peak < 64 * 1024


class TestWithoutUsersOfTheirOwn:
    """A portal that is not root: everything by kinship, session and mark instead of by user."""

    @pytest.fixture(autouse=True)
    def shared_user(self, lab):
        lab.driver._users = None

    def test_a_daemonised_child_is_found_and_killed_at_a_stop(self, lab):
        mark = f"63.{os.getpid()}"
        orphan = f"setsid sh -c '(trap \"\" TERM; exec sleep {mark}) &' & wait; echo up; sleep {mark}"
        run = lab.run(["sh", "-c", orphan], grace_seconds=1)
        lab.intake.wait(lambda: run.attempt.output["stdout"] == b"up\n")
        lab.driver.stop(run.work.name)
        assert lab.until_ended(run).reason == "stopped"
        assert not _commands_with(mark)

    def test_a_killed_pod_leaves_nothing_that_runs(self, lab):
        mark = f"64.{os.getpid()}"
        run = lab.run(["sh", "-c", f"setsid sleep {mark} & echo up; sleep {mark}; true"])
        lab.intake.wait(lambda: run.attempt.output["stdout"] == b"up\n")
        pod = json.loads((lab.driver.root / run.work.name / "pod.json").read_text())["pid"]
        os.kill(pod, 9)
        assert lab.until_ended(run).reason == "lost"
        assert not _commands_with(mark)

    def test_memory_and_exit_codes_are_as_with_users(self, lab):
        run = lab.run(
            ["python3", "-c", "x = b'x' * (300 << 20); import time; time.sleep(9)"], memory_bytes=64 * MIB
        )
        lab.until_ended(run)
        assert run.attempt.ended[0]["reason"] == "out_of_memory"


def _commands_with(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes() and path.parent.name != str(os.getpid()):
                found.append(path)
        except OSError:
            continue
    return found


def test_twenty_jobs_at_once_end_with_their_own_outcome(lab):
    runs = [
        lab.prepare(["sh", "-c", f"echo {number}; echo {number} >> {lab.witness}; exit {number}"])
        for number in range(20)
    ]
    threads = [threading.Thread(target=lab.driver.create, args=(run.work,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lab.until_ended(run, 60).exit_code for run in runs] == list(range(20))
    assert sorted(map(int, lab.witnessed())) == list(range(20))
