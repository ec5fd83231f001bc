"""The local driver's bench: directories that every user can enter, and nothing left running after a test."""

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from clusters.driver import State
from clusters.local import LocalDriver
from tests.clusters.driver_lab import Lab
from tests.runner.stub_intake import StubIntake


@pytest.fixture
def public_directory():
    path = Path(tempfile.mkdtemp(prefix="sw-lab-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def intake():
    stub = StubIntake()
    yield stub
    stub.stop()


@pytest.fixture
def lab(public_directory, intake):
    witness = public_directory / "witness"
    witness.touch()
    witness.chmod(0o666)
    lab = Lab(LocalDriver(Lab.installation, public_directory / "local"), intake, witness)
    yield lab
    _end_all(lab)
    assert intake.violations == []


def _end_all(lab):
    lab.intake.faults.clear()
    for directory in lab.driver.root.glob("sw-*"):
        lab.driver.stop(directory.name)
    end = time.monotonic() + 10
    while any(seen.state is not State.ENDED and _has_pod(lab, seen.name) for seen in lab.driver.observe()):
        if time.monotonic() > end:
            for path in lab.driver.root.glob("sw-*/pod.json"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)
            pytest.fail("a pod outlived its test")
        time.sleep(0.02)


def _has_pod(lab, name):
    return (lab.driver.root / name / "pod.json").exists()
