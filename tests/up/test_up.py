"""`manage.py up` as a person starts it: all real processes."""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from portal.up.identity import identity
from tests.up.portal_process import NAMES, PATIENCE, PortalProcess

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]
# Proportional set size: a page that several processes share counts once.
IDLE_MEMORY_BYTES = 600_000_000


@pytest.fixture(scope="module")
def portal():
    """One portal for the tests that leave it as it was."""
    with PortalProcess() as running:
        yield running


@pytest.fixture
def stopped_portal():
    """A portal that is not started yet, and is stopped and removed afterwards."""
    process = PortalProcess()
    yield process
    process.stop()
    process.remove()


def sentence(portal):
    """The last line of a start that ended by itself, with its code checked and no traceback shown."""
    assert portal.wait_for_end() == 1, portal.output
    assert "Traceback" not in portal.output
    return portal.output.strip().splitlines()[-1]


def test_it_says_where_to_go_and_with_which_password(portal):
    assert f"Open     {portal.url}/" in portal.output
    assert portal.admin_password
    assert "✓ PostgreSQL 18.6" in portal.output
    assert set(portal.record["processes"]) == set(NAMES)


def test_the_front_page_is_answered_on_the_one_port(portal):
    assert 200 <= portal.status("/") < 400


def test_all_processes_together_stay_small(portal):
    pids = [portal.supervisor_pid, *(portal.pid(name) for name in NAMES)]
    total = sum(_memory(member) for pid in pids for member in _with_descendants(pid))
    assert 0 < total * 1024 < IDLE_MEMORY_BYTES, f"{total * 1024 // 1_000_000} MB"


def test_the_supervisor_loads_no_django(portal):
    assert "django" not in Path(f"/proc/{portal.supervisor_pid}/maps").read_text()
    assert _memory(portal.supervisor_pid) < 30 * 1024


def test_a_second_start_on_the_same_home_is_one_sentence(portal):
    second = PortalProcess(portal.home)
    second.launch()
    assert f"already runs on {portal.home}" in sentence(second)
    assert portal.status("/") < 400


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_part_is_back_soon(portal, name):
    old = portal.kill(name)
    portal.wait_for_new(name, old)
    portal.wait_for_answer("/")
    assert identity(old) == ""


def test_data_outlives_a_stop_and_a_killed_supervisor(stopped_portal):
    portal = stopped_portal.start()
    with psycopg.connect(portal.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    run_folder = Path(portal.record["run"])
    pids = [portal.pid(name) for name in NAMES]
    assert portal.stop() == 0
    assert not run_folder.exists()
    assert [identity(pid) for pid in pids] == [""] * len(NAMES)
    assert portal.status("/") == 0

    portal.start()
    with psycopg.connect(portal.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    left = [portal.pid(name) for name in NAMES]
    portal.kill("supervisor")

    portal.start()
    assert "Stopped what the last run had left" in portal.output
    assert [identity(pid) for pid in left] == [""] * len(NAMES)
    with psycopg.connect(portal.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_ctrl_c_during_the_start_leaves_nothing_behind(stopped_portal):
    stopped_portal.launch()
    deadline = time.monotonic() + PATIENCE
    while "postgres" not in stopped_portal.record.get("processes", {}):
        assert time.monotonic() < deadline, stopped_portal.output
        time.sleep(0.02)
    record = stopped_portal.record
    assert not record["is_ready"]
    assert stopped_portal.stop() == 0
    assert "Traceback" not in stopped_portal.output
    assert [identity(found["pid"]) for found in record["processes"].values()] == [""] * len(
        record["processes"]
    )
    assert not Path(record["run"]).exists()


def test_a_busy_port_is_one_sentence(stopped_portal):
    with socket.socket() as other:
        other.bind(("127.0.0.1", stopped_portal.port))
        other.listen()
        stopped_portal.launch()
        assert "STELLWERK_BIND=127.0.0.1:" in sentence(stopped_portal)


def test_data_of_another_postgresql_is_one_sentence(stopped_portal):
    (stopped_portal.home / "postgres").mkdir(parents=True)
    (stopped_portal.home / "postgres" / "PG_VERSION").write_text("15\n")
    stopped_portal.launch()
    assert "made by PostgreSQL 15, this Stellwerk brings 18" in sentence(stopped_portal)


def test_an_unreachable_database_is_one_sentence(stopped_portal):
    stopped_portal.environment = {"DATABASE_URL": "postgresql://someone:secret@127.0.0.1:9/x"}
    stopped_portal.environment["STELLWERK_WAIT_SECONDS"] = "1"
    stopped_portal.launch()
    found = sentence(stopped_portal)
    assert "DATABASE_URL is set, but nothing usable answers there" in found
    assert "secret" not in stopped_portal.output


def test_a_home_that_cannot_be_written_is_one_sentence(stopped_portal):
    stopped_portal.home.parent.joinpath("file").write_text("")
    stopped_portal.home = stopped_portal.home.parent / "file" / "home"
    stopped_portal.launch()
    assert "cannot write to its home" in sentence(stopped_portal)


def test_a_full_disk_is_one_sentence_and_room_heals_it():
    disk = Path(tempfile.mkdtemp(prefix="stellwerk-disk-"))
    mounted = ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "none", str(disk)]
    if subprocess.run(mounted, capture_output=True, check=False).returncode != 0:
        disk.rmdir()
        pytest.skip("LOUD: no small disk can be mounted here, a full one is not tested")
    portal = PortalProcess(disk / "home")
    try:
        filler = disk / "filler"
        filler.write_bytes(b"x" * 390 * 1024 * 1024)
        portal.launch()
        assert "is full" in sentence(portal)
        filler.unlink()
        portal.start()
        assert portal.stop() == 0
    finally:
        portal.stop()
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


def _memory(pid):
    """Proportional set size in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _with_descendants(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if _is_supervisor(pid):  # its children are counted by their names
        return [pid]
    return [pid, *(found for child in children for found in _with_descendants(int(child)))]


def _is_supervisor(pid):
    return b"manage.py\0up\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
