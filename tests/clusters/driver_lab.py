"""A bench for one driver: submits scripts against a stub intake and waits for what the driver sees."""

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

from clusters.driver import (
    LABEL_ATTEMPT,
    LABEL_INSTALLATION,
    LABEL_JOB,
    LABEL_TEAM,
    Driver,
    Seen,
    State,
    Work,
)
from tests.runner.stub_intake import Attempt, StubIntake

MIB = 1 << 20
_WORK_FIELDS = ("memory_bytes", "disk_bytes", "max_processes", "cpu_millis")


@dataclass
class Run:
    work: Work
    attempt: Attempt


class Lab:
    installation = "lab"
    image = "local"
    patience = 20.0

    def __init__(self, driver: Driver, intake: StubIntake, witness: Path) -> None:
        self.driver = driver
        self.intake = intake
        self.witness = witness
        self._numbers = itertools.count(1)

    def say(self, word: str) -> str:
        """A shell command by which a script bears witness, outside of everything that is tested."""
        return f"echo {word} >> {self.witness}"

    def work(self, name, token, labels=None, **limits) -> Work:
        labels = labels or {
            LABEL_INSTALLATION: self.installation,
            LABEL_JOB: "1",
            LABEL_ATTEMPT: "1",
            LABEL_TEAM: "blue",
        }
        values = {"memory_bytes": 512 * MIB, "disk_bytes": 512 * MIB, "max_processes": 64, "cpu_millis": 1000}
        return Work(
            name=name,
            labels=labels,
            image=self.image,
            portal_url=self.intake.url,
            token=token,
            time_limit_seconds=60,
            grace_seconds=2,
            **{**values, **limits},
        )

    def prepare(self, command, labels=None, **options) -> Run:
        """An attempt that the intake knows; the driver does not yet."""
        number = next(self._numbers)
        token = f"token-{number}"
        limits = {key: options.pop(key) for key in _WORK_FIELDS if key in options}
        all_labels = {
            LABEL_INSTALLATION: self.installation,
            LABEL_JOB: str(number),
            LABEL_ATTEMPT: "1",
            LABEL_TEAM: "blue",
            **(labels or {}),
        }
        attempt = self.intake.attempts[token] = Attempt(command, **options)
        return Run(self.work(f"sw-lab-{number}-1", token, all_labels, **limits), attempt)

    def run(self, command, **options) -> Run:
        run = self.prepare(command, **options)
        self.driver.create(run.work)
        return run

    def until_ended(self, run: Run, timeout: float | None = None) -> Seen:
        return self.until(State.ENDED, run, timeout)

    def until(self, state: State, run: Run, timeout: float | None = None) -> Seen:
        """A cluster may tell of a state a second after the script's first word has arrived."""
        end = time.monotonic() + (timeout or self.patience)
        while True:
            seen = self.driver.look(run.work.name)
            if seen is not None and seen.state is state:
                return seen
            assert time.monotonic() < end, (
                f"{run.work.name} is not {state}: {seen}, {self.intake.requests[-10:]}"
            )
            time.sleep(self.patience / 1000)

    def witnessed(self) -> list[str]:
        return self.witness.read_text().splitlines()
