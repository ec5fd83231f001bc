"""The embedded servers alone: real PostgreSQL and Valkey, in a second or two."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from portal.up import external, postgres, valkey
from portal.up.account import server_account
from portal.up.embedded import embedded_servers, wait_until_ready
from portal.up.identity import identity
from portal.up.troubles import OtherPostgresVersion

pytestmark = pytest.mark.processes
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="LOUD: needs root: other accounts are switched to")
JOB_USER = 100_123


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="stellwerk-servers-"))
    yield made
    for found in made.rglob("*"):
        if found.is_symlink():
            shutil.rmtree(found.resolve(), ignore_errors=True)
    shutil.rmtree(made)


def test_a_database_that_is_reached_by_a_socket_is_asked_there(servers):
    external.ask("DATABASE_URL", servers.database_url)
    with pytest.raises(psycopg.OperationalError, match="/nowhere/"):
        external.ask("DATABASE_URL", "postgresql://stellwerk:@/stellwerk?host=/nowhere")


def test_data_outlives_the_servers(folder):
    with embedded_servers(folder, is_durable=True) as servers:
        with psycopg.connect(servers.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'ünïcode' AS word")
        redis.Redis.from_url(servers.redis_url).set("kept", "1")
    with embedded_servers(folder, is_durable=True) as servers:
        with psycopg.connect(servers.database_url) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("ünïcode",)
        assert redis.Redis.from_url(servers.redis_url).get("kept") == b"1"


@as_root
def test_a_home_below_a_closed_folder_works_and_opens_nothing(folder):
    folder.chmod(0o700)
    home = folder / "checkout" / ".stellwerk"
    home.parent.mkdir(mode=0o700)
    with embedded_servers(home) as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    assert (home / "postgres" / "PG_VERSION").exists()


@as_root
def test_the_servers_are_not_root_and_a_job_cannot_reach_them():
    with embedded_servers() as servers:
        nobody = server_account().uid
        assert Path(f"/proc/{servers.postgres.pid}").stat().st_uid == nobody
        assert Path(f"/proc/{servers.valkey.pid}").stat().st_uid == nobody
        sockets = servers.database_url.partition("host=")[2]
        for name in (".s.PGSQL.5432", "valkey.sock"):
            assert _connect_as(None, f"{sockets}/{name}") == "connected"
            assert _connect_as(JOB_USER, f"{sockets}/{name}") == "PermissionError"


def test_no_server_listens_on_the_network():
    with embedded_servers() as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert redis.Redis.from_url(servers.redis_url).config_get("port") == {"port": "0"}


def test_durable_servers_sync_what_they_confirm():
    with embedded_servers(is_durable=True) as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert redis.Redis.from_url(servers.redis_url).config_get("appendonly") == {"appendonly": "yes"}


def test_killed_servers_come_back_with_what_was_committed():
    with embedded_servers(is_durable=True) as servers:
        with psycopg.connect(servers.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        for process in (servers.postgres, servers.valkey):
            os.kill(process.pid, signal.SIGKILL)
            process.popen.wait()
            wait_until_ready(process)
        with psycopg.connect(servers.database_url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert redis.Redis.from_url(servers.redis_url).ping()


def test_a_broken_append_only_file_is_put_aside(folder):
    with embedded_servers(folder, is_durable=True) as servers:
        redis.Redis.from_url(servers.redis_url).set("hint", "x")
    broken = next((folder / "valkey" / "appendonlydir").glob("*.incr.aof"))
    broken.write_bytes(b"*3\r\n$3\r\nSET\r\nnonsense\r\n" + b"more nonsense\r\n" * 10)
    with embedded_servers(folder, is_durable=True) as servers:
        assert redis.Redis.from_url(servers.redis_url).ping()
    assert list((folder / "valkey").glob("appendonlydir.broken-*"))


def test_data_of_another_version_is_refused_and_left_alone(folder):
    with embedded_servers(folder):
        pass
    (folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(OtherPostgresVersion, match="made by PostgreSQL 16"), embedded_servers(folder):
        pass
    (folder / "postgres" / "PG_VERSION").write_text("18\n")
    with embedded_servers(folder) as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_an_interrupted_preparation_is_begun_anew(folder):
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "half").write_text("")
    with embedded_servers(folder) as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not (folder / "postgres.new").exists()


def test_a_server_that_nobody_watches_any_more_is_stopped_before_another_starts(folder):
    with embedded_servers(folder) as servers:
        old = servers.postgres.pid
        postgres.stop_leftover(folder / "postgres")
        assert identity(old) == ""


def test_a_stale_postmaster_file_stops_nobody(folder):
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n")
    postgres.stop_leftover(folder)
    assert identity(os.getpid())


def test_addresses_are_those_that_the_drivers_read():
    assert postgres.database_url(Path("/run/x")) == "postgresql://stellwerk:@/stellwerk?host=/run/x"
    assert valkey.redis_url(Path("/run/x")) == "unix:///run/x/valkey.sock?db=0"


def _connect_as(user, path):
    """What another account gets when it connects."""
    # Root's own Python may lie in a closed folder: everything is loaded before the account is switched.
    switch = f"os.setgroups([]); os.setgid({user}); os.setuid({user})\n" if user else ""
    code = (
        f"import os, socket, sys\n{switch}"
        "try:\n socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print('connected')\n"
        "except OSError as error: print(type(error).__name__)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
