"""Root's tests start everything as root; this one starts it as a normal user, from a copy that user can read."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from clusters.relocated_python import relocated_python
from portal.up.account import others_can_enter, server_account
from tests.up.portal_process import BASE, NAMES, PortalProcess

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="the other tests start everything as a normal user already"),
]
PARTS = ("portal", "teams", "clusters", "jobs", "runner", "templates", "static")


@pytest.fixture(scope="module")
def place():
    """A checkout, and where its packages can be read, for `nobody`."""
    account = server_account()
    folder = Path(tempfile.mkdtemp(prefix="stellwerk-user-", dir="/var/tmp"))
    for name in PARTS:
        shutil.copytree(BASE / name, folder / "checkout" / name)
    for name in ("manage.py", "constraints.txt", "pyproject.toml"):
        shutil.copy2(BASE / name, folder / "checkout" / name)
    packages = Path(pytest.__file__).parents[1]
    if not others_can_enter(packages / "x"):
        # With their times, or what Python compiled of them would be out of date.
        subprocess.run(["cp", "-a", "--reflink=auto", packages, folder / "packages"], check=True)
        packages = folder / "packages"
    (folder / "own").mkdir()
    for found in (folder, folder / "own"):
        os.chown(found, account.uid, account.gid)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    (folder / "own").chmod(0o700)
    yield folder, packages
    shutil.rmtree(folder)


@pytest.fixture
def portal(place):
    folder, packages = place
    python = relocated_python()
    if python is None:
        pytest.skip("LOUD: no Python here that a normal user can run")
    process = PortalProcess(
        folder / "own" / "home",
        base=folder / "checkout",
        HOME=str(folder / "own"),
        PYTHONPATH=str(packages),
        XDG_RUNTIME_DIR="",
    )
    process.account, process.python = server_account(), str(python)
    yield process
    process.stop()


def test_a_normal_user_starts_and_stops_everything_and_keeps_the_data(portal):
    portal.start()
    assert portal.admin_password
    assert portal.status("/accounts/login/") == 200
    owners = {Path(f"/proc/{portal.pid(name)}").stat().st_uid for name in NAMES}
    assert owners == {portal.account.uid}
    with psycopg.connect(portal.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert portal.stop() == 0

    portal.start()
    with psycopg.connect(portal.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    portal.popen.send_signal(signal.SIGTERM)
    assert portal.wait_for_end() == 0
