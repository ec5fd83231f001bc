"""Much and odd output through the real runner and the real intake: every byte, in bounded memory, in few requests."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from jobs import results
from jobs.output import outputlog
from jobs.output.outputlog import RECORD
from tests.jobs.test_intake_runner import bench, output_of

__all__ = ["bench"]
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
MIB = 1 << 20
# What it wrote is told in a result file, so that nothing of the way there can be wrong in the same manner.
BEGIN = b"""
import hashlib, os, sys, time
digests = {1: hashlib.sha256(), 2: hashlib.sha256()}
def write(data, to=1):
    digests[to].update(data)
    while data:
        data = data[os.write(to, data):]
"""
END = b"""
open("results/hashes", "w").write(digests[1].hexdigest() + " " + digests[2].hexdigest())
"""
FAST = b"""
began = time.monotonic()
for tenth in range(40):
    for number in range(1000):
        write(b"%d %d a line like many others\\n" % (tenth, number))
    time.sleep(max(0.0, began + (tenth + 1) / 10 - time.monotonic()))
"""
ODD = b"""
write(b"m" * 1000000 + b"\\n")
write(b"\\xff\\xfe\\x80 no text \\0\\n" * 50, 2)
for number in range(3000):
    write(b"\\r%4d of 3000" % number, 2)
write("gr\\u00f6\\u00dfe \\U0001f642".encode() * 20000)
write(b"k" * 1000000, 2)
write(b"no newline at the end")
"""


def hashes_of(attempt):
    from django.core.files.storage import default_storage

    with default_storage.open(attempt.artifacts.get(path="results/hashes").key) as file:
        return file.read().decode().split()


def sha256(attempt, stream):
    is_there = getattr(outputlog.sizes(attempt.pk), stream)
    return hashlib.sha256(output_of(attempt, stream) if is_there else b"").hexdigest()


def resident(pid="self", what="VmRSS"):
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))


def test_ten_thousand_lines_a_second_arrive_in_few_pieces_and_bounded_memory(bench):
    run = bench(BEGIN + FAST + END)
    attempt = run.until("running")
    pod = next(iter(run.driver.root.glob("*/pod.json")))
    pid = json.loads(pod.read_text())["pid"]
    first = most = resident()
    peak = 0
    while run.job.status == "running":
        run.until("running", "finishing", "succeeded", "failed")
        if Path(f"/proc/{pid}").exists():
            peak = max(peak, resident(pid, "VmHWM"))
        most = max(most, resident())
    attempt = run.until("succeeded", "failed", "error")
    assert run.job.status == "succeeded"
    assert hashes_of(attempt) == [sha256(attempt, "stdout"), sha256(attempt, "stderr")]
    assert output_of(attempt, "stdout").count(b"\n") == 40_000
    assert 0 < peak < 48 * MIB
    assert most - first < 32 * MIB
    pieces = (outputlog.folder_of(attempt.pk) / "order.idx").stat().st_size // RECORD.size
    assert pieces <= 40


def test_long_lines_bars_and_bytes_that_are_no_text_arrive_as_they_were_written(bench):
    attempt = bench(BEGIN + ODD + END).until("succeeded", "failed", "error")
    assert hashes_of(attempt) == [sha256(attempt, "stdout"), sha256(attempt, "stderr")]
    assert output_of(attempt, "stdout").endswith(b"no newline at the end")


def test_output_above_the_limit_keeps_both_ends_and_says_what_is_missing(bench, settings):
    settings.OUTPUT_MAX_BYTES = 100_000
    run = bench(b"for number in range(200000): print(number)\n")
    attempt = run.until("succeeded", "failed", "error")
    assert run.job.status == "succeeded"
    written = b"".join(b"%d\n" % number for number in range(200_000))
    (hole,) = outputlog.extents(attempt.pk)["stdout"].holes
    assert output_of(attempt, "stdout") == written[: hole.at] + written[hole.at + hole.size :]
    assert 99_900 < attempt.stdout_size <= 100_000
    assert [entry["path"] for entry in attempt.skipped] == ["stdout.log"]
    (flag,) = results.flags(run.job, attempt)
    assert flag.startswith(f"The output is not complete: {hole.size} bytes were left out")
    assert results.left_out(attempt) == []


def test_a_pod_that_is_killed_leaves_what_it_had_shipped_and_says_that_more_may_be_missing(bench):
    from jobs.output.marks import UNKNOWN, ending

    run = bench(b"import time\nprint('up')\ntime.sleep(600)\n")
    attempt = run.until("running")
    while outputlog.sizes(attempt.pk).stdout == 0:
        run.until("running")
    pod = next(iter(run.driver.root.glob("*/pod.json")))
    os.kill(json.loads(pod.read_text())["pid"], 9)
    attempt = run.until("succeeded", "failed", "error")
    assert (run.job.status, run.job.reason) == ("error", "lost")
    assert output_of(attempt, "stdout") == b"up\n"
    assert ending(attempt) == [UNKNOWN]
