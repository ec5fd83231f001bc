"""One portal for all crash tests: it has to survive them one after the other."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.crash.crowd import Crowd
from tests.up.portal_process import PortalProcess


@pytest.fixture(scope="module")
def failpoints():
    """The directory in which a test arms a failpoint."""
    path = Path(tempfile.mkdtemp(prefix="sw-failpoints-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def portal(failpoints):
    with PortalProcess(STELLWERK_FAILPOINTS=str(failpoints), STELLWERK_SWEEP_SECONDS="1") as running:
        yield running


@pytest.fixture
def crowd(portal):
    crowd = Crowd(portal)
    yield crowd
    crowd.close()
    shutil.rmtree(crowd.folder)
