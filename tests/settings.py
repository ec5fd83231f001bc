"""The portal's settings in tests: a home of its own, cheap passwords, static files as they lie.

The fixture `servers` (tests/conftest.py) fills in the database and Valkey when the first test needs them.
"""

import os
import tempfile
from pathlib import Path

from portal.up.account import server_account
from portal.up.state import open_home

# As `make up` does it, before anything is stored: what nginx delivers must belong to its group from the start.
_asked = Path(tempfile.mkdtemp(prefix="stellwerk-tests-"))
_home = open_home(_asked, server_account()).path
if _asked.is_symlink():
    _asked.unlink()
_environment = dict(os.environ)
os.environ.update(STELLWERK_HOME=str(_home), SECRET_KEY="a-key-for-tests-only-" + "x" * 40)
# What the developer's shell says about a portal is not for tests.
for _name in (
    "STELLWERK_DEBUG",
    "STELLWERK_BIND",
    "STELLWERK_ACCEL",
    "PORTAL_URL_FOR_JOBS",
    "STELLWERK_ALLOWED_HOSTS",
):
    os.environ.pop(_name, None)

from portal.settings import *  # noqa: E402, F403
from portal.settings import STORAGES  # noqa: E402

# Processes that tests start make their own choice.
os.environ.clear()
os.environ.update(_environment)

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
