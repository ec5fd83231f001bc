"""Which files are results, and that no trick makes a file of somebody else one."""

import hashlib
import os
import socket

import pytest

from runner import results
from runner.results import Inputs, Wanted, find_results, open_inside, refusal
from runner.rules import Rules

NO_INPUTS = Inputs({}, {})


def find(work, inputs=NO_INPUTS, limits=None, run_as=None, **rules):
    return find_results(work, inputs, Wanted(limits or {}, run_as, Rules(rules)))


def why(found):
    return {entry["path"]: entry["why"] for entry in found.skipped}


@pytest.fixture
def work(tmp_path):
    directory = tmp_path / "work"
    (directory / "results").mkdir(parents=True)
    return directory


def remember(work, files):
    """Inputs as fetch leaves them."""
    claimed, looks = {}, {}
    for path, data in files.items():
        target = work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        facts = target.stat()
        claimed[path] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        looks[path] = [facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]
    return Inputs(claimed, looks)


def test_new_and_changed_files_are_results_and_inputs_are_not(work):
    inputs = remember(work, {"a.py": b"1", "same.csv": b"2", "data/big.csv": b"3", "touched": b"4"})
    (work / "a.py").write_bytes(b"9")
    (work / "touched").write_bytes(b"4")
    (work / "new").mkdir()
    (work / "new" / "x.txt").write_bytes(b"new")
    (work / "results" / "r.json").write_bytes(b"{}")
    assert find(work, inputs).files == {"results/r.json": 2, "a.py": 1, "new/x.txt": 3}


def test_a_change_that_sets_the_clock_back_is_seen(work):
    inputs = remember(work, {"a.csv": b"1"})
    before = (work / "a.csv").stat()
    (work / "a.csv").write_bytes(b"2")
    os.utime(work / "a.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(find(work, inputs).files) == ["a.csv"]


def test_an_input_under_results_counts_as_declared(work):
    inputs = remember(work, {"results/old.csv": b"1"})
    assert list(find(work, inputs).files) == ["results/old.csv"]


def test_caches_of_interpreters_are_no_results(work):
    (work / "__pycache__").mkdir()
    (work / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert find(work).files == {}
    assert find(work).skipped == []


def test_links_pipes_sockets_and_devices_are_left_out_with_a_reason(work, tmp_path):
    (tmp_path / "secret").write_text("s")
    (work / "results" / "link").symlink_to(tmp_path / "secret")
    (work / "folder").symlink_to(tmp_path)
    os.mkfifo(work / "results" / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(work / "results" / "socket"))
        found = find(work)
    assert found.files == {}
    assert why(found) == {
        "folder": "it is a symbolic link",
        "results/link": "it is a symbolic link",
        "results/pipe": "it is a named pipe",
        "results/socket": "it is a socket",
    }


def test_results_that_is_a_link_itself_is_not_followed(work, tmp_path):
    (work / "results").rmdir()
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("k")
    (work / "results").symlink_to(tmp_path / "private")
    assert find(work).files == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_hard_link_to_a_file_of_somebody_else_is_refused(work, tmp_path):
    os.chown(work / "results", 54321, 54321)
    own = work / "results" / "own"
    own.write_text("mine")
    os.chown(own, 54321, 54321)
    os.link(own, work / "results" / "twin")
    (tmp_path / "shadow").write_text("root:x")
    os.link(tmp_path / "shadow", work / "results" / "stolen")
    found = find(work, run_as=54321)
    assert set(found.files) == {"results/own", "results/twin"}
    assert "somebody else" in why(found)["results/stolen"]
    os.chown(tmp_path / "shadow", 1, 1)
    assert "somebody else" in refusal((work / "results" / "stolen").stat(), None)


def test_a_path_that_became_a_link_after_the_search_is_not_opened(work, tmp_path):
    (work / "results" / "deep").mkdir()
    (work / "results" / "deep" / "f").write_text("x")
    (tmp_path / "f").write_text("secret")
    root = os.open(work, os.O_RDONLY)
    with open_inside(root, "results/deep/f") as file:
        assert file.read() == b"x"
    (work / "results" / "deep").rename(work / "moved")
    (work / "results" / "deep").symlink_to(tmp_path)
    with pytest.raises(OSError, match="Not a directory|symbolic links"):
        open_inside(root, "results/deep/f")
    os.mkfifo(work / "results" / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        open_inside(root, "results/pipe")
    os.close(root)


def test_the_declared_results_come_first_when_the_limits_are_reached(work):
    for name in ("a", "b", "results/z"):
        (work / name).write_bytes(b"12345")
    by_count = find(work, limits={"result_files": 2, "result_bytes": 100})
    assert list(by_count.files) == ["results/z", "a"]
    assert why(by_count) == {"b": "a job may have at most 2 result files"}
    by_size = find(work, limits={"result_files": 9, "result_bytes": 9})
    assert list(by_size.files) == ["results/z"]
    assert set(why(by_size)) == {"a", "b"}


def test_a_name_that_is_no_text_is_left_out_with_a_reason(work):
    (work / "results" / os.fsdecode(b"\xff.txt")).touch()
    found = find(work)
    assert found.files == {}
    assert found.skipped == [{"path": "results/\\udcff.txt", "why": "its name is not valid UTF-8"}]


def test_endless_folders_end(work):
    here = os.open(work, os.O_RDONLY)
    for _ in range(80):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert list(why(find(work)).values()) == ["its folders are nested too deeply"]


def test_a_thousand_reasons_are_enough(work):
    for number in range(1010):
        (work / f"l{number}").symlink_to("x")
    found = find(work)
    assert len(found.skipped) == 1001
    assert found.skipped[-1] == {"path": "…", "why": "and 10 more"}


@pytest.fixture
def few_entries(monkeypatch):
    monkeypatch.setattr(results, "_MOST_ENTRIES", 20)
    return "only the first 20 entries were looked at"


@pytest.mark.parametrize("folder", ["shards", "a/b", "results.old", "."])
def test_however_many_files_are_elsewhere_results_is_looked_at(work, few_entries, folder):
    (work / "results" / "deep").mkdir()
    (work / "results" / "deep" / "model.bin").write_bytes(b"x")
    (work / folder).mkdir(parents=True, exist_ok=True)
    for number in range(30):
        (work / folder / f"{number:02}").touch()
    found = find(work)
    assert found.files["results/deep/model.bin"] == 1
    assert why(found) == {"." if folder == "." else f"{folder}/": few_entries}


def test_what_is_elsewhere_is_looked_at_however_many_files_results_has(work, few_entries):
    (work / "model.bin").write_bytes(b"x")
    for number in range(30):
        (work / "results" / f"{number:02}").touch()
    found = find(work)
    assert found.files == {"model.bin": 1, **{f"results/{number:02}": 0 for number in range(20)}}
    assert why(found) == {"results/": few_entries}


def test_however_many_files_are_elsewhere_what_the_rules_name_is_looked_at(work, few_entries):
    for folder in ("out/deep", "data/plots", "zzz"):
        (work / folder).mkdir(parents=True)
    for path in ("out/deep/a", "data/plots/b.png", "results/r"):
        (work / path).write_bytes(b"x")
    for number in range(30):
        (work / "zzz" / f"{number:02}").touch()
        (work / "data" / f"{number:02}").touch()
    found = find(work, include=["out/deep/a", "data/plots/*.png", "results/", "../up/*", "/x", "nowhere/*"])
    assert set(found.files) == {"out/deep/a", "data/plots/b.png", "results/r"}
    assert why(found)["zzz/"] == few_entries


def test_a_folder_that_the_rules_name_and_that_is_a_link_is_not_followed(work, tmp_path):
    (tmp_path / "private" / "deep").mkdir(parents=True)
    (tmp_path / "private" / "deep" / "key").write_text("k")
    (work / "out").symlink_to(tmp_path / "private")
    found = find(work, include=["out/deep/*", "../private/deep/*"])
    assert (found.files, why(found)) == ({}, {"out": "it is a symbolic link"})


def test_results_so_far_have_the_same_bound(work, few_entries):
    for number in range(30):
        (work / "results" / f"{number:02}").touch()
    found = find_results(work, NO_INPUTS, Wanted({}, None, below="results/"))
    assert (len(found.files), why(found)) == (20, {"results/": few_entries})


def test_results_that_a_rule_leaves_out_is_named_once(work):
    (work / "results" / "r").touch()
    found = find(work, exclude=["results/"])
    assert found.files == {}
    assert found.skipped == [
        {"path": "results/", "why": "left out, with all that is in it, by the rule “results/”"}
    ]
