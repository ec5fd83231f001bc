"""The runner's benches: the intake, and the local driver's lab where real processes are needed."""

import subprocess
import time

import pytest

from runner.portal_client import PortalClient
from tests.clusters.conftest import intake, lab, public_directory
from tests.runner.stub_intake import Attempt

__all__ = ["attempt", "client", "intake", "lab", "public_directory"]


@pytest.fixture
def attempt(intake):
    """One that has started; the intake saw nothing that it should not."""
    intake.attempts["t"] = Attempt(["true"], uid="u", started=[0])
    yield intake.attempts["t"]
    assert intake.violations == []


@pytest.fixture
def client(intake):
    """With that attempt's token, and patience for half a minute."""
    client = PortalClient(intake.url, "t", time.monotonic() + 30)
    yield client
    client.close()


@pytest.fixture
def small_disk(tmp_path):
    """Makes one of so many KiB."""
    places = []

    def make(kib):
        place = tmp_path / f"small-{kib}"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", place]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("only root can mount a small disk")
        places.append(place)
        return place

    yield make
    for place in places:
        subprocess.run(["umount", "--lazy", place], check=True)
