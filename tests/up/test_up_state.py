import os
import shutil
import stat
from collections import namedtuple

import pytest

from portal.up import state
from portal.up.account import Account, others_can_enter, server_account
from portal.up.troubles import AlreadyRunning, DiskFull, HomeNotWritable

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="LOUD: needs root: homes of root are moved for other accounts"
)


@pytest.fixture
def open_tmp_path(tmp_path_factory):
    """pytest's own folders are 0700; this one others can enter."""
    folder = state.Path("/tmp") / f"stellwerk-state-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    for found in folder.rglob("*"):
        if found.is_symlink():
            shutil.rmtree(found.resolve(), ignore_errors=True)
    shutil.rmtree(folder)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_has_a_secret_key_that_stays(open_tmp_path):
    home = state.open_home(open_tmp_path / "home", server_account())
    key = (home.path / "secret-key").read_text()
    assert len(key) > 40
    assert mode(home.path / "secret-key") == 0o600
    state.open_home(open_tmp_path / "home", server_account())
    assert (home.path / "secret-key").read_text() == key


@as_root
def test_a_home_below_a_closed_folder_is_moved_with_what_it_holds(open_tmp_path):
    closed = open_tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "home").mkdir()
    (closed / "home" / "kept").write_text("data")
    home = state.open_home(closed / "home", server_account())
    assert others_can_enter(home.path)
    assert (closed / "home").resolve() == home.path
    assert (closed / "home" / "kept").read_text() == "data"
    assert mode(closed) == 0o700
    assert state.open_home(closed / "home", server_account()).path == home.path


@as_root
def test_files_for_nginx_are_open_to_its_account_and_to_no_job(open_tmp_path):
    account = server_account()
    home = state.open_home(open_tmp_path / "home", account)
    assert (home.files.stat().st_uid, home.files.stat().st_gid) == (0, account.gid)
    assert mode(home.files) == 0o2750
    assert mode(home.logs) == 0o700


def test_a_file_in_place_of_the_home_is_a_clear_sentence(open_tmp_path):
    (open_tmp_path / "home").write_text("")
    with pytest.raises(HomeNotWritable, match="cannot write to its home"):
        state.open_home(open_tmp_path / "home", Account())


def test_a_full_disk_is_a_clear_sentence(open_tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(state.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 100 * 1024**2))
    with pytest.raises(DiskFull, match="200 MB"):
        state.open_home(open_tmp_path / "home", Account())


def test_a_second_supervisor_is_told_who_holds_the_home(open_tmp_path):
    home = state.open_home(open_tmp_path / "home", server_account())
    with state.lock(home), pytest.raises(AlreadyRunning, match=str(os.getpid())):
        state.lock(home)
    state.lock(home).close()


def test_a_lock_of_a_dead_process_is_no_lock(open_tmp_path):
    home = state.open_home(open_tmp_path / "home", server_account())
    (home.path / "up.lock").write_text("999999")
    with state.lock(home) as file:
        file.seek(0)
        assert file.read() == str(os.getpid())


def test_the_run_folder_is_short_and_closed_to_others():
    account = server_account()
    folder = state.make_run_folder(account)
    try:
        assert len(str(folder / "db" / ".s.PGSQL.5432")) < 100
        assert not mode(folder) & 0o007
        assert mode(folder / "db") == 0o700
    finally:
        state.remove_run_folder(folder)
    assert not folder.exists()


def test_only_run_folders_are_removed_as_such(tmp_path):
    state.remove_run_folder(tmp_path)
    assert tmp_path.exists()


def test_half_a_record_is_read_as_none(tmp_path):
    home = state.Home(tmp_path)
    home.record.write_text('{"processes": ')
    assert state.read_record(home) == {}


def test_a_record_is_for_its_owner_only(tmp_path):
    home = state.Home(tmp_path)
    state.write_record(home, {"database_url": "postgresql://user:password@host/db"})
    assert mode(home.record) == 0o600
    assert state.read_record(home)["database_url"].endswith("host/db")
