"""Scripts that print lines with their birth time, as local jobs: the lines come in as everybody's do."""

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import requests

from tests.visitor import Visitor

# Waits for the file that says when to stop, so that all begin together. A line: "L <number> <seconds>".
CODE = """
import os, time
for _ in range({preface}): print("x" * 99)
patience = time.time() + 300
while not os.path.exists({gate!r}) and time.time() < patience: time.sleep(0.05)
end, number = float(open({gate!r}).read()), 0
begin = time.time() + {phase}
while time.time() < end:
    time.sleep(max(0.0, begin + number / {rate} - time.time()))
    print("L", number, f"{{time.time():.6f}}")
    number += 1
"""
PREFACE_LINE_BYTES = 100


class Talkers:
    """`count` jobs that print `rate` lines a second each from `begin` on.

    Before, the first prints `preface` lines, each other one `others`.
    """

    def __init__(self, visitor: Visitor, count: int, rate: float, preface: int = 0, others: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="stellwerk-talkers-")
        Path(self._folder.name).chmod(0o755)
        self._gate = Path(self._folder.name) / "gate"
        self._visitor = visitor
        prefaces = [preface, *[others] * (count - 1)]
        self.preface_bytes = [lines * PREFACE_LINE_BYTES for lines in prefaces]
        self.job_ids = [
            visitor.send_form(visitor.new_form(), self._code(rate, number / count / rate, lines))
            for number, lines in enumerate(prefaces)
        ]

    def __enter__(self) -> "Talkers":
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Jobs outlive their portal: none may be left behind."""
        self.begin(0)
        with suppress(AssertionError, requests.RequestException):
            for job_id in self.job_ids:
                self._visitor.wait_until_finished(job_id, 30)
        self._folder.cleanup()

    def wait_until_running(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        waiting = set(self.job_ids)
        while waiting := {job_id for job_id in waiting if self._visitor.status(job_id) != "running"}:
            assert time.monotonic() < deadline, f"{len(waiting)} jobs do not run after {seconds} s"
            time.sleep(0.2)

    def begin(self, seconds: float) -> None:
        """Let them all print for so long."""
        fresh = self._gate.with_suffix(".new")
        fresh.write_text(str(time.time() + seconds))
        fresh.chmod(0o644)
        fresh.rename(self._gate)

    def _code(self, rate: float, phase: float, preface: int) -> str:
        return CODE.format(gate=str(self._gate), rate=rate, phase=phase, preface=preface)
