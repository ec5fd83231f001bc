"""The local driver: the contract, and what is special about processes of this machine."""

import json
import os
import signal
import stat
import threading
import time
from pathlib import Path

import psutil
import pytest

from clusters import local_volumes
from clusters.driver import ClusterRefused, State
from clusters.local import LocalDriver
from tests.clusters.driver_contract import DriverContract
from tests.clusters.driver_lab import Lab

pytestmark = pytest.mark.processes
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give scripts users of their own")


class TestLocalDriver(DriverContract):
    pass


def pod_pid(lab, run):
    return json.loads((lab.driver.root / run.work.name / "pod.json").read_text())["pid"]


def living_with(mark: str) -> list[int]:
    """Processes with `mark` in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_twenty_creates_at_once_start_one_script(lab):
    run = lab.prepare(["sh", "-c", f"echo ran >> {lab.witness}; sleep 0.3"])
    drivers = [LocalDriver(Lab.installation, lab.driver.root) for _ in range(5)]
    threads = [threading.Thread(target=drivers[i % 5].create, args=(run.work,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lab.until_ended(run)
    assert lab.witnessed() == ["ran"]
    assert len(run.attempt.claims) == 1


def test_a_create_that_crashed_before_the_start_is_completed_by_the_next(lab, monkeypatch):
    run = lab.prepare(["sh", "-c", f"echo ran >> {lab.witness}"])
    with monkeypatch.context() as crash:
        crash.setattr(LocalDriver, "_spawn", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            lab.driver.create(run.work)
    assert lab.driver.look(run.work.name).state is State.PENDING
    lab.driver.create(run.work)
    assert lab.until_ended(run).exit_code == 0
    assert lab.witnessed() == ["ran"]


def test_a_stop_of_a_work_that_never_started_ends_it(lab, monkeypatch):
    run = lab.prepare(["sh", "-c", f"echo ran >> {lab.witness}"])
    with monkeypatch.context() as crash:
        crash.setattr(LocalDriver, "_spawn", lambda *_: None)
        lab.driver.create(run.work)
    lab.driver.stop(run.work.name)
    assert lab.until_ended(run).reason == "stopped"
    lab.driver.create(run.work)
    assert lab.until_ended(run).reason == "stopped"
    assert lab.witnessed() == []


def test_a_killed_pod_takes_its_script_with_it_and_is_lost(lab):
    script = f"echo up; (setsid sleep 61.{os.getpid()} &) ; sleep 61.{os.getpid()}"
    run = lab.run(["sh", "-c", script])
    lab.intake.wait(lambda: run.attempt.output["stdout"] == b"up\n")
    os.kill(pod_pid(lab, run), signal.SIGKILL)
    seen = lab.until_ended(run)
    assert (seen.exit_code, seen.reason) == (None, "lost")
    assert living_with(f"61.{os.getpid()}") == []
    lab.driver.create(run.work)
    assert lab.driver.look(run.work.name) == seen
    assert run.attempt.ended == []


def test_the_output_that_a_killed_pod_had_not_shipped_is_saved(lab):
    run = lab.run(["sh", "-c", "echo one; sleep 0.5; echo two; sleep 60"], watched=False)
    lab.intake.wait(lambda: run.attempt.chunks)
    log = lab.driver.root / run.work.name / "stdout.log"
    while log.read_bytes() != b"one\ntwo\n":
        time.sleep(0.01)
    os.kill(pod_pid(lab, run), signal.SIGKILL)
    lab.until_ended(run)
    assert run.attempt.output["stdout"] == b"one\ntwo\n"


def test_a_job_outlives_the_process_that_created_it_and_leaves_it_no_zombie(lab):
    run = lab.run(["sleep", "0.2"])
    lab.until_ended(run)
    children = psutil.Process().children()
    assert [child for child in children if child.status() == psutil.STATUS_ZOMBIE] == []
    assert [child for child in children if "runner" in " ".join(child.cmdline())] == []


def test_a_job_that_ends_while_the_portal_is_down_is_delivered_afterwards(lab):
    run = lab.run(["sh", "-c", "echo before; sleep 0.5; echo after; echo x > results/a.txt; exit 4"])
    lab.intake.wait(lambda: run.attempt.chunks)
    lab.intake.stop()
    ended = lab.driver.root / run.work.name / "ended.json"
    while not ended.exists():
        time.sleep(0.01)
    assert lab.driver.look(run.work.name).state is State.RUNNING
    lab.intake.start()
    assert lab.until_ended(run).exit_code == 4
    assert run.attempt.output["stdout"] == b"before\nafter\n"
    assert run.attempt.results == {"results/a.txt": b"x\n"}


def test_a_pod_that_cannot_deliver_keeps_the_exit_code(lab):
    run = lab.run(["sh", "-c", "echo up; sleep 0.3; exit 5"])
    lab.intake.wait(lambda: run.attempt.chunks)
    del lab.intake.attempts[run.work.token]
    assert lab.until_ended(run).exit_code == 5
    assert run.attempt.collected == []


def test_a_dead_token_ends_the_script(lab):
    run = lab.run(["sh", "-c", "while :; do echo on; sleep 0.2; done"])
    lab.intake.wait(lambda: run.attempt.chunks)
    del lab.intake.attempts[run.work.token]
    assert lab.until_ended(run).reason == "stopped"


@as_root
def test_the_script_cannot_read_the_token_or_another_jobs_files(lab):
    other = lab.run(["sh", "-c", "echo secret > mine.txt; chmod 777 mine.txt; sleep 60"])
    lab.intake.wait(lambda: other.attempt.started)
    mine = lab.driver.root / other.work.name / "work" / "mine.txt"
    look = f"ls ..; ls {mine.parent}; cat {mine}; ls {lab.driver.root}"
    script = f"cat ../work.json; cat ../claim.json; {look}; id -u; id -G"
    run = lab.run(["sh", "-c", script])
    lab.until_ended(run)
    user, groups = run.attempt.output["stdout"].decode().split("\n")[:2]
    assert int(user) >= 100_000
    assert groups == user
    assert run.attempt.output["stdout"].count(b"\n") == 2
    assert run.attempt.output["stderr"].lower().count(b"permission denied") == 6
    facts = json.loads((mine.parents[1] / "work.json").read_text())
    assert facts["run_as"] != int(user)


@as_root
def test_a_work_directory_below_a_private_home_moves_to_a_public_place(
    tmp_path, public_directory, monkeypatch
):
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(local_volumes, "PUBLIC_HOME", public_directory / "stellwerk")
    first, second = (LocalDriver("lab", private / name) for name in ("a", "b"))
    assert first.root.parent == public_directory / "stellwerk"
    assert first.root != second.root
    assert LocalDriver("lab", private / "a").root == first.root
    assert stat.S_IMODE(first.root.stat().st_mode) == 0o711


@as_root
def test_no_public_place_is_a_clear_refusal(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setattr(local_volumes, "PUBLIC_HOME", tmp_path / "also-private")
    with pytest.raises(ClusterRefused, match="users of their own"):
        LocalDriver("lab", tmp_path / "home")


def test_a_removed_work_leaves_nothing_even_without_permissions(lab):
    run = lab.run(["sh", "-c", "mkdir -p a/b; echo x > a/b/c; chmod 000 a/b/c a/b a; chmod 500 ."])
    lab.until_ended(run)
    lab.driver.remove(run.work.name)
    assert [entry.name for entry in lab.driver.root.rglob("*") if entry.name != ".users"] == []


@as_root
def test_a_fork_bomb_stays_within_its_number_of_processes(lab):
    bomb = "b() { b | b & }; b 2>/dev/null; sleep 1; echo over"
    run = lab.run(["sh", "-c", bomb], max_processes=12, time_limit_seconds=3, grace_seconds=0)
    lab.intake.wait(lambda: run.attempt.started)
    user = json.loads((lab.driver.root / run.work.name / "work.json").read_text())["run_as"]
    most = 0
    while lab.driver.look(run.work.name).state is not State.ENDED:
        most = max(
            most, sum(1 for pid in Path("/proc").iterdir() if pid.name.isdigit() and _owner(pid) == user)
        )
        time.sleep(0.02)
    assert 2 <= most <= 12
    assert not any(_owner(pid) == user for pid in Path("/proc").iterdir() if pid.name.isdigit())


def _owner(path):
    try:
        return path.stat().st_uid
    except OSError:
        return None


def test_a_damaged_description_is_no_work(lab):
    broken = lab.driver.root / "sw-lab-broken-1"
    broken.mkdir()
    (broken / "work.json").write_text("{")
    assert lab.driver.observe() == []
