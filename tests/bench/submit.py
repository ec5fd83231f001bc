"""From pressing “Run on cluster” to the script's first line of output, on the local driver."""

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice

from tests.bench.report import Figure, at_most, p50, p95
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

JOBS, FIRST = 30, 3
CODE = "print('first line')\nopen('results/answer.txt', 'w').write('42')\n"


def measure() -> Iterator[Figure]:
    """One job after the other through the real form; the clock runs from the request until its line is here."""
    with PortalProcess() as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        for _ in range(FIRST):
            _one(visitor)
        floors, lines, answers = [], [], []
        for _ in range(JOBS):
            floors.append(_floor())
            answered, first_line = _one(visitor)
            answers.append(answered)
            lines.append(first_line)
    note = f"{JOBS} jobs, one after the other"
    yield at_most("submit", "request → first line, p50", p50(lines), "s", 1.0, note)
    yield Figure("submit", "request → first line, p95", p95(lines), "s")
    yield Figure("submit", "the request itself, p50", p50(answers), "s")
    yield Figure(
        "submit", "floor: a bare Python, p50", p50(floors), "s", note="the same script started by hand"
    )


def _one(visitor: Visitor) -> tuple[float, float]:
    path = visitor.new_form()
    began = time.monotonic()
    job_id = visitor.send_form(path, CODE)
    answered = time.monotonic() - began
    line = next(visitor.lines(job_id))
    first_line = time.monotonic() - began
    assert line == "first line", line
    assert visitor.wait_until_finished(job_id) == "succeeded"
    return answered, first_line


def _floor() -> float:
    command = [sys.executable, "-u", "-c", "print('first line')"]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        list(islice(process.stdout, 1))
        return time.monotonic() - began
