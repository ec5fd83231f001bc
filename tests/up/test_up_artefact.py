"""A large result: from a script to the portal's disk and from there to a person, whole, and in little memory."""

import shutil
import tempfile

import pytest

from tests.bench import memory
from tests.bench.artefact import LARGEST_GROWTH, RunnerPeak, download, growth_of, run_job
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

pytestmark = pytest.mark.processes
SIZE_MIB = 2048
GIB = 1024**3
# As the script wrote it, as it is stored, and as it was downloaded; and some room beside.
NEEDED = 8 * GIB


@pytest.mark.skipif(shutil.disk_usage(tempfile.gettempdir()).free < NEEDED, reason="needs 8 GiB of disk")
def test_a_result_of_two_gib_is_the_same_at_the_other_end_and_no_process_grows_with_it():
    with PortalProcess() as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        target = portal.home / "downloaded"
        # What every process needs for the first of its kind is no growth.
        with RunnerPeak(portal.home) as usual:
            download(visitor, run_job(visitor, 1), target)
        memory.forget_peaks(portal)
        before = memory.peaks(portal)
        with RunnerPeak(portal.home) as runner:
            # Raises where another hash arrives than the script told.
            download(visitor, run_job(visitor, SIZE_MIB), target)
        assert target.stat().st_size == SIZE_MIB << 20
        growth = growth_of(before, memory.peaks(portal)) | {"runner": runner.highest - usual.highest}
    assert usual.highest > 0
    assert {name: mib for name, mib in growth.items() if mib > LARGEST_GROWTH} == {}
