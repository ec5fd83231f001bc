"""The real runner against the real intake: what tests/runner proves with a stub holds here too."""

import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.urls import reverse

from clusters.driver import State
from clusters.drivers import installation_id
from clusters.local import LocalDriver
from jobs.models import Attempt, Job
from jobs.output import outputlog
from jobs.output.holes import LIMIT, LOST
from jobs.output.tails import tail_of
from jobs.reconciler import acts, ground
from jobs.reconciler.drive import drive
from jobs.reconciler.sightings import open_attempts, record

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
SCRIPT = b"""
import os, sys
print("hello", os.environ["COLOUR"], *sys.argv[1:])
print("warned", file=sys.stderr)
os.makedirs("results/deep")
open("results/deep/gr\xc3\xb6\xc3\x9fe.txt", "w").write(open("data/in.csv").read() * 2)
open("beside.bin", "wb").write(b"\\0" * 3_000_000)
sys.exit(int(os.environ.get("CODE", "0")))
"""


class Bench:
    """One job, this machine, the portal's intake; the reconciler and watch as functions."""

    def __init__(self, job, driver):
        self.job, self.driver = job, driver

    def until(self, *statuses, seconds=60):
        """Drive and watch until the job is in one of the statuses."""
        deadline = time.monotonic() + seconds
        while True:
            record(self.job.cluster_id, open_attempts(self.job.cluster_id), self.driver.observe())
            drive(self.job.pk)
            self.job.refresh_from_db()
            if self.job.status in statuses:
                return Attempt.objects.get()
            assert time.monotonic() < deadline, f"{self.job.status}: {list(self.driver.observe())}"
            time.sleep(0.05)

    def until_removed(self):
        deadline = time.monotonic() + 30
        while drive(self.job.pk) is not None:
            assert time.monotonic() < deadline
            record(self.job.cluster_id, open_attempts(self.job.cluster_id), self.driver.observe())
            time.sleep(0.05)
        assert self.driver.observe() == []


@pytest.fixture
def bench(live_server, settings, monkeypatch, make_job):
    settings.PORTAL_URL_FOR_JOBS = live_server.url
    settings.JOB_GRACE_SECONDS = 2
    base = Path(tempfile.mkdtemp(prefix="sw-bench-", dir="/tmp"))
    base.chmod(0o711)
    driver = LocalDriver(installation_id(), base / "local")
    monkeypatch.setattr(ground, "driver_of", lambda cluster: driver)

    def new(script=SCRIPT, **fields):
        fields = {"memory_bytes": 512 << 20, "time_limit_seconds": 60} | fields
        files = {"main.py": script, "data/in.csv": b"1,2\n"}
        return Bench(make_job(files=files, command=["python3", "-u", "main.py", "a b"], **fields), driver)

    yield new
    deadline = time.monotonic() + 30
    while living := [seen for seen in driver.observe() if seen.state is not State.ENDED]:
        for seen in living:
            driver.stop(seen.name)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for attempt in Attempt.objects.all():
        outputlog.delete(attempt.pk)
    shutil.rmtree(base, ignore_errors=True)


def output_of(attempt, stream):
    return (outputlog.folder_of(attempt.pk) / f"{stream}.log").read_bytes()


def test_a_script_runs_with_its_files_and_everything_of_it_arrives(bench):
    run = bench(environment={"COLOUR": "green"})
    attempt = run.until("succeeded", "failed", "error")
    assert (run.job.status, run.job.exit_code) == ("succeeded", 0), run.job.detail
    assert output_of(attempt, "stdout") == b"hello green a b\n"
    assert output_of(attempt, "stderr") == b"warned\n"
    assert (attempt.stdout_size, attempt.stderr_size) == (16, 7)
    results = {artifact.path: artifact for artifact in attempt.artifacts.all()}
    assert set(results) == {"results/deep/größe.txt", "beside.bin"}
    assert all(artifact.is_listed for artifact in results.values())
    with default_storage.open(results["results/deep/größe.txt"].key) as file:
        assert file.read() == b"1,2\n1,2\n"
    assert results["beside.bin"].size == 3_000_000
    run.until_removed()


ALTERNATING = b"""
import sys, time
for number in range(40):
    print(number, file=(sys.stdout, sys.stderr)[number % 2], flush=True)
    time.sleep(0.005)
"""


def test_both_streams_are_merged_in_the_order_in_which_the_script_wrote(bench, client_of, alice):
    """Also of a script that is over before its output is looked at for the third time."""
    run = bench(ALTERNATING)
    attempt = run.until("succeeded", "failed", "error")
    response = client_of(alice).get(reverse("job_output_download", args=[run.job.pk, "merged"]))
    merged = [int(line) for line in response.getvalue().split()]
    assert sorted(merged) == list(range(40))
    # Of more than runner.order.MOST_RUNS in a row neighbours change places; the rest is for a busy machine.
    assert max(abs(number - place) for place, number in enumerate(merged)) <= 4
    assert output_of(attempt, "stderr") == b"".join(b"%d\n" % number for number in range(1, 40, 2))


def test_an_exit_code_arrives(bench):
    run = bench(environment={"COLOUR": "red", "CODE": "3"})
    run.until("succeeded", "failed", "error")
    assert (run.job.status, run.job.exit_code, run.job.reason) == ("failed", 3, "exit_code")


def test_a_cancel_stops_it_and_keeps_the_output(bench):
    run = bench(b"import time\nprint('up')\ntime.sleep(600)\n")
    attempt = run.until("running")
    deadline = time.monotonic() + 30
    while outputlog.sizes(attempt.pk).stdout == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    Job.objects.update(cancel_requested_at=Now())
    run.until("cancelled")
    assert output_of(attempt, "stdout") == b"up\n"
    run.until_removed()


def test_a_job_cancelled_before_the_claim_runs_nothing(bench):
    run = bench(b"open('/tmp/never', 'w')\n")
    Job.objects.update(status="starting")
    attempt = Attempt.objects.create(job=run.job, name=f"sw-{installation_id()}-{run.job.pk}-1")
    Job.objects.update(cancel_requested_at=Now())
    run.driver.create(acts.work_of(run.job, attempt))
    run.until("cancelled")
    attempt.refresh_from_db()
    assert attempt.claimed_by == ""
    assert attempt.started_at is None
    assert not outputlog.folder_of(attempt.pk).exists()
    run.until_removed()


def test_results_above_the_limit_are_named_and_the_rest_arrives(bench, settings):
    settings.RESULT_MAX_FILES = 1
    run = bench(environment={"COLOUR": "blue"})
    attempt = run.until("succeeded", "failed", "error")
    assert run.job.status == "succeeded"
    assert [artifact.path for artifact in attempt.artifacts.all()] == ["results/deep/größe.txt"]
    assert [entry["path"] for entry in attempt.skipped] == ["beside.bin"]
    assert "at most 1 result files" in attempt.skipped[0]["why"]


def test_a_time_limit_is_a_failure_that_says_so(bench):
    run = bench(b"import time\nprint('up')\ntime.sleep(600)\n", time_limit_seconds=1)
    run.until("succeeded", "failed", "error", "cancelled")
    assert (run.job.status, run.job.reason) == ("failed", "time_limit")
    assert "1 s" in run.job.sentence


def test_the_scripts_user_is_not_the_portals_when_that_is_root(bench):
    if os.geteuid() != 0:
        pytest.skip("only root can give scripts users of their own")
    run = bench(b"import os\nprint(os.getuid())\n")
    attempt = run.until("succeeded", "failed", "error")
    assert int(output_of(attempt, "stdout")) >= 100_000


TALKATIVE = b"""
import time
for number in range(100_000):
    print("line", number)
print("the last thing it said", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("is_log_lost", [True, False])
def test_of_a_killed_runner_the_last_lines_are_kept_or_all_of_the_last_half(bench, settings, is_log_lost):
    """On this machine another one sends the rest; where the log is lost, too, what was shown last is all there is."""
    settings.OUTPUT_MAX_BYTES = 10_000
    run = bench(TALKATIVE)
    attempt = run.until("running")
    deadline = time.monotonic() + 30
    while not (tail := tail_of(outputlog.folder_of(attempt.pk), "stdout")) or b"it said\n" not in tail.data:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    head = output_of(attempt, "stdout")
    (pod,) = run.driver.root.rglob("pod.json")
    if is_log_lost:
        (pod.parent / "stdout.log").unlink()
    os.kill(json.loads(pod.read_text())["pid"], signal.SIGKILL)
    attempt = run.until("error")
    why = LOST if is_log_lost else LIMIT
    assert output_of(attempt, "stdout") == head + tail.data
    assert outputlog.extents(attempt.pk)["stdout"].holes == ((len(head), tail.at - len(head), why),)
    assert attempt.stdout_size == len(head) + len(tail.data)
    assert outputlog.streams_with_tails(attempt.pk) == []
    run.until_removed()
