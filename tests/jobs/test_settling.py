"""An attempt ends without the rest of its output: what was only shown of it becomes its end, exactly once."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as site
from django.urls import reverse
from django.utils import timezone

from jobs.models import Attempt, Job, Metric
from jobs.output import outputlog
from jobs.output.holes import LIMIT, LOST, Hole
from jobs.output.marks import ending
from jobs.output.outputpages import OutputPages
from jobs.output.tails import Tail, tail_of
from jobs.reconciler import settling
from jobs.reconciler.drive import drive
from jobs.reconciler.settling import settle_outputs
from jobs.retention.auditor import broken_promises
from runner.kept import Lost
from runner.shipping import Mismatch, StreamShipper
from tests.jobs.driven import course, over, started
from tests.jobs.test_intake_tail import IntakeClient

GAP = 995
HOLE = Hole(5, GAP, LOST)


@pytest.fixture
def job(make_job):
    return make_job(name="talkative")


@pytest.fixture
def runner(job, driver):
    """It is beyond what is shipped while it runs, and has told its newest lines."""
    runner = started(job, driver)
    runner.output(b"head\n")
    runner.tail(b"one\ntwo\n", 1000)
    yield runner
    for pk in Attempt.objects.values_list("pk", flat=True):
        outputlog.delete(pk)


@pytest.fixture
def attempt(runner):
    return Attempt.objects.get()


def log_of(attempt, stream="stdout"):
    return (outputlog.folder_of(attempt.pk) / f"{stream}.log").read_bytes()


def holes_of(attempt, stream="stdout"):
    return outputlog.extents(attempt.pk)[stream].holes


def is_settled(attempt):
    attempt.refresh_from_db()
    covered = [end for stream, end in outputlog.records(outputlog.folder_of(attempt.pk)) if stream == 0]
    return (
        log_of(attempt) == b"head\none\ntwo\n"
        and holes_of(attempt) == (HOLE,)
        and attempt.stdout_size == covered[-1] == 13
        and tail_of(outputlog.folder_of(attempt.pk), "stdout") is None
        and not list(broken_promises())
    )


def test_of_a_lost_pod_the_newest_lines_are_kept_behind_a_hole(
    job, driver, runner, attempt, client_of, alice
):
    over(job, driver)
    assert course(job)[-1] == "error"
    assert is_settled(attempt)
    lines = OutputPages(attempt.pk).last().lines
    assert [(line.number, str(line.html), line.mark) for line in lines] == [
        (1, "head", ""),
        (2, "one", HOLE.words),
        (3, "two", ""),
    ]
    assert HOLE.words.startswith("995 bytes are missing here: the connection to the script was lost")
    assert ending(attempt)[0].startswith("The connection to the script was lost here.")
    for stream in ("stdout", "merged"):
        answer = client_of(alice).get(reverse("job_output_download", args=[job.pk, stream]))
        downloaded = b"".join(answer.streaming_content).splitlines()
        assert downloaded == [b"head", f"[stellwerk: {HOLE.words}]".encode(), b"one", b"two"]
    page = client_of(alice).get(f"/jobs/{job.pk}/").content.decode()
    assert "output-newest" not in page
    assert HOLE.words in page
    found = client_of(alice).get(f"/jobs/{job.pk}/output/search/?q=two").content.decode()
    assert "L3" in found


def test_of_a_pod_that_died_while_it_sent_the_rest_what_is_missing_is_told(job, driver, runner, attempt):
    runner.ended(exit_code=3, stdout_size=2007)
    runner.output(b"the end be", hole=f"5,500,{LIMIT}")
    over(job, driver)
    assert log_of(attempt) == b"head\nthe end beone\ntwo\n"
    assert holes_of(attempt) == (Hole(5, 500, LIMIT), Hole(15, 485, LOST))
    assert "999 bytes that the script wrote after this never arrived" in ending(attempt)[0]


@pytest.mark.parametrize(
    ("rest", "stored"),
    [(b"", b"head\nabcdefgh"), (b"abc", b"head\nabcdefgh"), (b"abcdefgh", b"head\nabcdefgh")],
)
def test_where_it_follows_what_is_stored_there_is_no_hole(job, driver, rest, stored):
    runner = started(job, driver)
    runner.output(b"head\n")
    runner.tail(b"abcdefgh", 5)
    if rest:
        runner.output(rest)
    over(job, driver)
    attempt = Attempt.objects.get()
    assert (log_of(attempt), holes_of(attempt)) == (stored, ())
    outputlog.delete(attempt.pk)


def test_a_normal_end_leaves_nothing_of_it(job, driver, runner, attempt):
    runner.ended(exit_code=0, stdout_size=1008)
    runner.output(b"two\n", hole=f"5,999,{LIMIT}")
    stream = {"size": 9, "sha256": "", "holes": [[5, 999, LIMIT]]}
    assert runner.collected(stdout=stream).status_code == 200
    over(job, driver)
    assert course(job)[-1] == "succeeded"
    assert log_of(attempt) == b"head\ntwo\n"
    assert holes_of(attempt) == (Hole(5, 999, LIMIT),)
    assert tail_of(outputlog.folder_of(attempt.pk), "stdout") is None


def test_metrics_in_it_are_taken(job, driver, runner, attempt):
    runner.tail(b"one\ntwo\n::stellwerk-metric loss=0.25\n", 1000)
    over(job, driver)
    assert Metric.objects.get(attempt=attempt, name="loss").last == 0.25


# Once, whatever happens meanwhile


class Killed(BaseException):
    """As SIGKILL: nothing of ours catches it."""


@pytest.mark.parametrize("place", ["hole", "half", "stored", "counted"])
def test_killed_anywhere_the_next_worker_ends_it(job, driver, runner, attempt, monkeypatch, place):
    def die(*_):
        raise Killed

    def half(descriptor, data, size):
        os.write(descriptor, data[:3])
        raise Killed

    patches = {
        "hole": (outputlog, "failpoint", die),
        "half": (outputlog, "_write_all", half),
        "stored": (settling, "failpoint", die),
        "counted": (outputlog, "forget_tails", die),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*patches[place])
        with pytest.raises(Killed):
            over(job, driver)
    assert not is_settled(attempt)
    job.refresh_from_db()
    assert job.status == "running"
    drive(job.pk)
    assert is_settled(attempt)
    assert course(job)[-1] == "error"
    settle_outputs([attempt])
    assert is_settled(attempt)


def test_killed_with_sigkill_in_the_middle_it_is_there_once(attempt, tmp_path):
    (tmp_path / "tail.hole_noted").write_text("0")
    code = (
        "from django.conf import settings; from jobs.output import outputlog; "
        f"settings.configure(MEDIA_ROOT={str(site.MEDIA_ROOT)!r}, OUTPUT_MAX_BYTES=1 << 20); "
        f"outputlog.adopt_tail({attempt.pk}, 'stdout')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=site.BASE_DIR,
        env=os.environ | {"STELLWERK_FAILPOINTS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -9, done.stderr
    assert (log_of(attempt), holes_of(attempt)) == (b"head\n", (HOLE,))
    settle_outputs([attempt])
    assert is_settled(attempt)


def test_a_full_disk_does_not_hold_up_the_jobs_end(job, driver, runner, attempt, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputlog, "_write_all", full)
    over(job, driver)
    assert course(job)[-1] == "error"
    assert log_of(attempt) == b"head\n"


def test_what_is_kept_stays_within_the_limit(job, driver, runner, attempt, settings):
    settings.OUTPUT_MAX_BYTES = 9
    over(job, driver)
    assert log_of(attempt) == b"head\none\n"
    assert ending(attempt)[0].startswith("stdout: 4 bytes")


# A runner that is there nevertheless


def test_a_late_runner_is_told_that_the_rest_was_given_up(attempt, runner):
    """Between the proof that it is over and the job's end; after that its token is dead."""
    settle_outputs([attempt])
    for data, more in (
        (b"real", {"offset": 5}),
        (b"two\n", {"offset": 5, "hole": f"5,999,{LIMIT}"}),
        (b"behind", {"offset": 13}),
        (b"behind", {"offset": 13, "hole": f"13,7,{LIMIT}"}),
        (b"", {"offset": 13, "hole": f"13,7,{LIMIT}"}),
    ):
        answer = runner.output(data, **more)
        assert (answer.status_code, answer.json()["size"]) == (409, 13)
        assert answer.json()["holes"] == [[5, GAP, LOST]]
    assert runner.tail(b"newer\n", 2000).status_code == 200
    assert runner.output(b"head\n", offset=0).status_code == 200, "what was stored before may be repeated"
    assert is_settled(attempt)
    Job.objects.update(status="error", finished_at=timezone.now())
    assert runner.output(b"real", offset=5).status_code == 401


def test_the_real_late_shipper_gives_up_and_changes_nothing(job, driver, tmp_path):
    started(job, driver)
    attempt = Attempt.objects.get()
    log, data = tmp_path / "stdout.log", b"".join(b"line %d\n" % number for number in range(1000))
    client = IntakeClient(attempt)
    shipper = StreamShipper("stdout", log, 1000)
    log.write_bytes(data[:5000])
    while shipper.ship(client, False, 0.0) is not None:
        pass
    shipper.tell(client, 10.0)
    settle_outputs([attempt])
    stored = log_of(attempt)
    log.write_bytes(data)
    shipper.settle(Lost())
    with pytest.raises(Mismatch):
        for _ in range(10):
            shipper.ship(client, True, 20.0)
    assert shipper.pending() == 0
    assert shipper.trouble
    assert log_of(attempt) == stored
    (hole,) = holes_of(attempt)
    assert stored == data[: hole.at] + data[hole.at + hole.size : 5000]
    outputlog.delete(attempt.pk)


def test_a_hole_that_the_runner_calls_lost_is_refused(runner):
    assert runner.output(b"x", offset=5, hole="5,10,lost").status_code == 400


def test_a_collected_attempt_adopts_nothing(attempt, runner):
    runner.ended(exit_code=0, stdout_size=1008)
    runner.collected()
    outputlog.keep_tail(attempt.pk, "stdout", Tail(1000, b"one\ntwo\n"))
    settle_outputs([attempt])
    assert log_of(attempt) == b"head\n"
    assert outputlog.streams_with_tails(attempt.pk) == []
