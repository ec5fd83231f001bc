"""The stages as containers: fetch, the shell that runs the script, collect; they meet in the pod's volume only."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runner.stub_intake import Attempt

REPOSITORY = Path(__file__).resolve().parents[2]
MAIN = str(REPOSITORY / "runner" / "main.sh")
# main.sh is the first process of its container, and ends all others: only with process ids of its own.
CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root can give a process ids of its own"
)


class Volume:
    """A pod's volume with its stages."""

    def __init__(self, root: Path, intake) -> None:
        self.root = root
        self.intake = intake
        self.processes: list[subprocess.Popen] = []
        (root / "token").write_text("k\n")

    def stage(self, name: str, uid: str = "pod-1", first_of=()) -> subprocess.Popen:
        environment = {
            "STELLWERK_PORTAL_URL": self.intake.url,
            "STELLWERK_TOKEN_FILE": str(self.root / "token"),
            "STELLWERK_POD_UID": uid,
        }
        return self._start(
            [*first_of, sys.executable, "-m", "runner", name, str(self.root)],
            env=environment,
            cwd=REPOSITORY,
        )

    def main(self, shell: str = "sh", **variables: str) -> subprocess.Popen:
        words = [shell, "sh"] if shell == "busybox" else [shell]
        command = [*CONTAINER, *words, MAIN, str(self.root)]
        return self._start(command, stderr=subprocess.DEVNULL, env=os.environ | variables)

    def run(self, shell: str = "sh", **variables: str) -> int:
        """main.sh's exit code, when `collect` has brought everything home."""
        collector = self.stage("collect")
        code = self.main(shell, **variables).wait(60)
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(60) == 0
        return code

    def ended(self) -> dict:
        return json.loads((self.root / "ended.json").read_text())

    def log(self, stream: str) -> bytes:
        return (self.root / f"{stream}.log").read_bytes()

    def _start(self, command: list[str], **more) -> subprocess.Popen:
        process = subprocess.Popen(command, **more)
        self.processes.append(process)
        return process


@pytest.fixture
def attempt(intake):
    intake.attempts["k"] = Attempt(["true"], files={"a.py": b"1"})
    yield intake.attempts["k"]
    assert intake.violations == []


@pytest.fixture
def volume(tmp_path, intake, attempt):
    volume = Volume(tmp_path, intake)
    yield volume
    for process in volume.processes:
        process.kill()
        process.wait()


def prepared(volume, attempt, *command: str, **facts) -> Volume:
    attempt.command = list(command)
    for name, value in facts.items():
        setattr(attempt, name, value)
    assert volume.stage("fetch").wait(60) == 0
    return volume


def test_a_second_pod_of_the_attempt_is_refused(volume):
    assert volume.stage("fetch").wait(60) == 0
    assert volume.stage("fetch", uid="pod-2").wait(60) == 86


@needs_namespaces
def test_a_fetch_that_waits_for_the_portal_ends_at_once_when_it_is_stopped(volume):
    volume.intake.stop()
    outer = volume.stage("fetch", first_of=CONTAINER)
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    deadline = time.monotonic() + 30
    while not (inner := children.read_text().split()) or b"runner" not in command_of(inner[0]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while outer.poll() is None:  # until it has come so far that it listens
        os.kill(int(inner[0]), signal.SIGTERM)
        assert time.monotonic() < deadline, "it does not listen"
        time.sleep(0.2)


def test_a_stop_that_collect_did_not_hear_is_known_by_its_mark_when_the_script_never_starts(volume, attempt):
    prepared(volume, attempt, "true")
    (volume.root / "stop").touch()
    assert volume.stage("collect").wait(60) == 0
    assert attempt.is_collected
    assert attempt.ended == []


def command_of(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@needs_namespaces
def test_a_script_runs_and_everything_of_it_comes_home(volume, attempt):
    script = "echo hello; echo oops >&2; cat a.py > $STELLWERK_RESULTS/r; exit 3"
    prepared(volume, attempt, "sh", "-c", script)
    collector = volume.stage("collect")
    assert volume.main().wait(60) == 3
    volume.intake.wait(lambda: attempt.ended)
    collector.send_signal(signal.SIGTERM)
    assert collector.wait(60) == 0
    assert (attempt.output["stdout"], attempt.output["stderr"]) == (b"hello\n", b"oops\n")
    assert attempt.results == {"results/r": b"1"}
    (ended,) = attempt.ended
    assert (ended["exit_code"], ended["signal"], ended["reason"]) == (3, None, "")
    assert time.time() - 30 < ended["started_at"] <= ended["ended_at"] <= time.time()
    assert attempt.is_collected


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("exit 0", (0, None, "")),
        ("exit 127", (127, None, "")),
        ("kill -s SEGV $$", (None, 11, "")),
        ("trap '' TERM; sleep 30 & sleep 31", (None, 9, "time_limit")),
        ("trap 'exit 5' TERM; sleep 30 & wait", (5, None, "time_limit")),
    ],
)
def test_how_a_script_ended_is_known_in_every_shell(volume, attempt, shell, script, end):
    prepared(volume, attempt, "bash", "-c", script, time_limit_seconds=1, grace_seconds=1)
    volume.run(shell)
    ended = volume.ended()
    assert (ended["exit_code"], ended["signal"], ended["reason"]) == end


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("no-such-command", 127, "not found"),
        ("./missing.sh", 127, "not found"),
        ("./a.py", 126, "Permission denied"),
        ("./odd.sh", 127, "not found"),
        ("./results", 126, "Permission denied"),
    ],
)
def test_a_command_that_cannot_start_puts_nothing_of_ours_into_the_scripts_output(
    volume, attempt, shell, command, code, message
):
    files = {"a.py": b"1", "odd.sh": b"#! /no/such-shell -x\necho hello\n"}
    prepared(volume, attempt, command, "x", files=files, executable={"odd.sh"})
    assert volume.run(shell) == code
    assert (volume.log("stdout"), volume.log("stderr")) == (b"", b"")
    (ended,) = attempt.ended
    assert (ended["exit_code"], ended["message"]) == (code, f"{command}: {message}")


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_commands_of_the_shell_itself_start_as_programs(volume, attempt, shell):
    prepared(volume, attempt, "echo", "hello")
    assert volume.run(shell) == 0
    assert (volume.log("stdout"), volume.log("stderr")) == (b"hello\n", b"")


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("first", [b"#!/bin/sh\n", b"#!/usr/bin/env sh\n", b"#! /bin/sh -u\n", b""])
def test_a_script_of_ones_own_starts_by_its_first_line(volume, attempt, shell, first):
    files = {"run.sh": first + b"echo hello\n"}
    prepared(volume, attempt, "./run.sh", "x", files=files, executable={"run.sh"})
    assert volume.run(shell) == 0
    assert (volume.log("stdout"), volume.log("stderr")) == (b"hello\n", b"")


@needs_namespaces
def test_a_talkative_script_takes_a_bounded_piece_of_the_pods_disk_while_the_portal_is_away(volume, attempt):
    attempt.limits = {"output_bytes": 2 << 20, "result_bytes": 1 << 20, "result_files": 10}
    script = "for i in 1 2 3 4 5 6; do head -c 8388608 /dev/zero; sleep 0.4; done; echo end"
    prepared(volume, attempt, "sh", "-c", script)
    volume.intake.stop()
    collector = volume.stage("collect")
    assert volume.main().wait(30) == 0
    log = (volume.root / "stdout.log").stat()
    assert log.st_size == 6 * 8388608 + 4
    assert log.st_blocks * 512 <= 2 * 8388608 + (4 << 20)
    volume.intake.start()
    assert collector.wait(60) == 0
    assert len(attempt.output["stdout"]) == 2 << 20
    assert attempt.output["stdout"].endswith(b"\0end\n")
    assert attempt.holes["stdout"] == [[1 << 20, log.st_size - (2 << 20), "limit"]]


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_a_stop_reaches_everything_that_the_script_started(volume, attempt, shell):
    prepared(volume, attempt, "sh", "-c", "(setsid sleep 97 &); echo up; sleep 98", grace_seconds=1)
    collector, main = volume.stage("collect"), volume.main(shell)
    deadline = time.monotonic() + 20
    while volume.log("stdout") != b"up\n":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    # unshare is the parent; the shell is its child.
    children = Path(f"/proc/{main.pid}/task/{main.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    main.wait(60)
    assert volume.ended()["reason"] == "stopped"
    collector.send_signal(signal.SIGTERM)
    assert collector.wait(60) == 0


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_a_stop_before_the_script_begins_starts_nothing(volume, attempt, shell):
    prepared(volume, attempt, "sh", "-c", "echo ran")
    launch = (volume.root / "launch.sh").read_text()
    (volume.root / "launch.sh").write_text(f"kill -s TERM 1\n{launch}")
    volume.main(shell).wait(60)
    assert volume.log("stdout") == b""
    assert not (volume.root / "started.json").exists()


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_does_not_learn_where_the_clusters_api_is(volume, attempt, shell):
    prepared(volume, attempt, "env", environment={"KUBERNETES_OWN": "asked for"})
    told = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_PORT": "tcp://10.0.0.1:443 *", "OTHER": "a b"}
    assert volume.run(shell, **told) == 0
    lines = volume.log("stdout").decode().splitlines()
    assert [line for line in lines if line.startswith("KUBERNETES")] == ["KUBERNETES_OWN=asked for"]
    assert "OTHER=a b" in lines


def test_what_collects_leaves_when_the_script_never_begins_although_it_heard_no_signal(volume, attempt):
    prepared(volume, attempt, "true")
    collector = volume.stage("collect")
    (volume.root / "stop").touch()
    collector.wait(60)
    assert attempt.is_collected


def test_a_stop_ends_what_waits_for_the_portal(volume, attempt):
    volume.intake.stop()
    fetching = volume.stage("fetch")
    deadline = time.monotonic() + 20
    while True:  # until it has said that it listens to the signal: before that it would die of it
        status = Path(f"/proc/{fetching.pid}/status").read_text().splitlines()
        caught = next(line for line in status if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1):
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    fetching.send_signal(signal.SIGTERM)
    assert fetching.wait(60) == 143


@needs_namespaces
def test_values_reach_the_script_exactly_as_they_were_typed(volume, attempt):
    odd = 'it\'s $HOME `x` \\ "q"\n second line ü'
    prepared(volume, attempt, "printenv", "ODD", environment={"ODD": odd, "not-a-name": "x", "HOME": "/mine"})
    assert volume.run() == 0
    assert volume.log("stdout").decode() == odd + "\n"


@needs_namespaces
def test_arguments_reach_the_script_exactly_as_they_were_typed(volume, attempt):
    words = ["", "a b", "$HOME", "'", "-n", "*"]
    prepared(volume, attempt, "python3", "-c", "import sys; print(sys.argv[1:])", *words)
    assert volume.run() == 0
    assert volume.log("stdout").decode() == f"{words}\n"


def test_outside_of_a_container_main_does_nothing():
    done = subprocess.run(["sh", MAIN, "/nowhere"], capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert "only for the first process of a container" in done.stderr


def test_a_script_that_died_without_a_word_leaves_its_end_to_the_cluster(volume, attempt):
    prepared(volume, attempt, "true")
    collector = volume.stage("collect")
    (volume.root / "started.json").write_text("{}")
    (volume.root / "stdout.pipe").write_bytes(b"so far\n")
    volume.intake.wait(lambda: attempt.output["stdout"] == b"so far\n")
    collector.send_signal(signal.SIGTERM)
    assert collector.wait(60) == 0
    assert attempt.ended == []
    assert attempt.is_collected


def test_a_half_written_end_is_waited_for(volume, attempt):
    prepared(volume, attempt, "true")
    collector = volume.stage("collect")
    (volume.root / "started.json").write_text("{}")
    end = volume.root / "ended.json"
    end.write_text('{"exit_code": 0, "signal": null, ')
    time.sleep(0.4)
    assert attempt.ended == []
    end.write_text('{"exit_code": 0, "signal": null, "reason": "", "message": ""}')
    assert collector.wait(60) == 0
    assert attempt.ended[0]["exit_code"] == 0


# What main.sh has of its own, and what a shell has.
OURS = (
    *(
        "again",
        "code",
        "ended_by",
        "exit_code",
        "file",
        "first",
        "grace",
        "helpers",
        "linger",
        "name",
        "noted",
    ),
    *("oom_kills", "oom_kills_before", "path", "pid", "reason", "rest", "said", "script", "signal", "slept"),
    *("state", "time_limit", "unstarted", "value", "volume", "waited", "woken", "word"),
)


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_variables_of_the_job_and_the_image_may_be_called_as_ours(volume, attempt, shell):
    of_job = dict.fromkeys(OURS[::2], "the job's") | {"UID": "5", "IFS": "x", "early": "1"}
    of_image = dict.fromkeys(OURS[1::2], "the image's")
    prepared(volume, attempt, "sh", "-c", "env; pwd; exit 3", environment=of_job)
    assert volume.run(shell, **of_image) == 3
    told = dict(line.partition("=")[::2] for line in volume.log("stdout").decode().splitlines())
    wanted = of_job | of_image
    assert {name: told.get(name) for name in OURS} == {name: wanted[name] for name in OURS}
    assert told["PWD"] == str(volume.root / "work")
    assert volume.ended()["exit_code"] == 3
    assert volume.ended()["reason"] == ""
