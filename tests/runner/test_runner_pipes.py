"""A script's output goes through pipes: opening them again empties nothing, and who is killed takes no byte along."""

import hashlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from runner import pipes
from runner.pipes import Pipes, drop, move, peek, waiting
from tests.runner.test_runner_containers import (  # noqa: F401
    SHELLS,
    Volume,
    attempt,
    needs_namespaces,
    prepared,
    volume,
)

REOPENS = (
    "echo 1; echo 2 >&2; echo 3 > /dev/stderr; echo 4 > /dev/stdout; echo 5 | tee /dev/stderr; "
    'python3 -c \'open("/dev/stdout", "w").write("6\\n")\'; echo 7; echo 8 >&2'
)
# So much that the runner is killed some times meanwhile; the digest tells what it should be.
TALKS = (
    "import hashlib, os, time\n"
    "told, began = hashlib.sha256(), time.monotonic()\n"
    "for number in range(10**9):\n"
    "    line = b'%d ' % number + b'x' * (number % 977) + b'\\n'\n"
    "    told.update(line)\n"
    "    os.write(1, line)\n"
    "    number % 100 or time.sleep(0.001)\n"
    "    if time.monotonic() - began > 4: break\n"
    "os.write(2, told.hexdigest().encode())\n"
)


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_that_opens_its_output_again_loses_nothing(volume, attempt, shell):  # noqa: F811
    """As it is in a terminal, in a pipe and in any container: `> /dev/stderr` would empty a file."""
    prepared(volume, attempt, shell if shell != "busybox" else "sh", "-c", REOPENS)
    assert volume.run(shell) == 0
    assert attempt.output["stdout"] == b"1\n4\n5\n6\n7\n"
    assert attempt.output["stderr"] == b"2\n3\n5\n8\n"


@needs_namespaces
def test_a_runner_that_is_killed_while_a_script_writes_loses_nothing(volume, attempt):  # noqa: F811
    """Neither does the script notice: its next print waits for the runner to come back."""
    prepared(volume, attempt, "python3", "-c", TALKS)
    collector, main = volume.stage("collect"), volume.main()
    killed = 0
    while main.poll() is None:
        time.sleep(0.15 + 0.04 * killed)
        collector.kill()
        collector.wait()
        killed += 1
        time.sleep(0.1)
        collector = volume.stage("collect")
    assert collector.wait(60) == 0
    assert (main.returncode, killed > 4) == (0, True)
    stored = bytes(attempt.output["stdout"])
    assert hashlib.sha256(stored).hexdigest() == attempt.output["stderr"].decode()
    assert attempt.ended[0]["stdout_size"] == len(stored)


@needs_namespaces
def test_what_a_script_wrote_last_waits_for_a_runner_that_is_being_restarted(volume, attempt):  # noqa: F811
    prepared(volume, attempt, "sh", "-c", "echo first; echo last >&2")
    main = volume.main()
    while not (volume.root / "facts").exists():  # which is its last work otherwise
        assert main.poll() is None
        time.sleep(0.02)
    time.sleep(1)
    assert main.poll() is None
    assert volume.stage("collect").wait(60) == 0
    assert main.wait(60) == 0
    assert (attempt.output["stdout"], attempt.output["stderr"]) == (b"first\n", b"last\n")


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_has_no_file_of_ours_open(volume, attempt, shell):  # noqa: F811
    prepared(volume, attempt, "ls", "/proc/self/fd")
    assert volume.run(shell) == 0
    # The fourth is the folder that it lists.
    assert attempt.output["stdout"].split() == [b"0", b"1", b"2", b"3"]


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_a_stop_while_nobody_reads_yet_starts_nothing(volume, attempt, shell):  # noqa: F811
    prepared(volume, attempt, "sh", "-c", "echo ran")
    main = volume.main(shell)
    children = Path(f"/proc/{main.pid}/task/{main.pid}/children")
    while not (inner := children.read_text().split()) or not holds_pipes(inner[0]):
        time.sleep(0.005)
    os.kill(int(inner[0]), signal.SIGTERM)
    assert main.wait(60) == 143
    assert not (volume.root / "started.json").exists()


def holds_pipes(pid):
    links = (str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink())
    return sum(link.endswith(".pipe") for link in links) == 2


@needs_namespaces
def test_where_sleep_knows_whole_seconds_only_it_is_waited_for_no_longer(volume, attempt, tmp_path):  # noqa: F811
    prepared(volume, attempt, "echo", "hello")
    commands = tmp_path / "bin"
    commands.mkdir()
    fake = commands / "sleep"
    fake.write_text(
        f'#!/bin/sh\ncase $1 in *.*) exit 1 ;; esac\necho $1 >>{tmp_path}/slept\nexec /bin/sleep "$1"\n'
    )
    fake.chmod(0o755)
    main = volume.main(PATH=f"{commands}:{os.environ['PATH']}")
    while not (volume.root / "started.json").exists():
        assert main.poll() is None
        time.sleep(0.02)
    assert (tmp_path / "slept").read_text().split().count("1") == 1
    assert volume.stage("collect").wait(60) == 0
    assert main.wait(60) == 0


@needs_namespaces
def test_a_script_that_fills_its_disk_ends_at_once_and_its_output_comes_home(
    small_disk,
    intake,
    attempt,  # noqa: F811
):
    """Nothing of what its shell and the runner tell one another has any content then."""
    full = Volume(small_disk(1024), intake)
    # What waits in a pipe when the disk is full is lost, and said to be: so the first line is let through.
    prepared(full, attempt, "sh", "-c", "echo before; read go < go; cat /dev/zero > big; echo after")
    os.mkfifo(full.root / "work" / "go")
    collector, main = full.stage("collect"), full.main()
    try:
        while not (full.root / "stdout.log").exists() or not full.log("stdout"):
            assert main.poll() is None
            time.sleep(0.02)
        (full.root / "work" / "go").write_text("go\n")
        # Nobody was waited for in vain, which takes twenty seconds and more.
        assert main.wait(15) == 0
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(60) == 0
    finally:
        for process in full.processes:
            process.kill()
            process.wait()
    assert attempt.is_collected
    assert attempt.output["stdout"].startswith(b"before\n")


@pytest.mark.parametrize("is_spliced", [True, False])
def test_bytes_go_from_the_pipe_to_their_place(tmp_path, monkeypatch, is_spliced):
    if not is_spliced:
        monkeypatch.setattr(pipes, "_splice", None)
    made = Pipes.unnamed(["stdout"], None)
    pipe = made.readers["stdout"]
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    os.write(log, b"before ")
    for word in (b"one ", b"two ", b"three"):
        os.write(made.writers["stdout"], word)
    assert waiting(pipe) == 13
    assert (peek(pipe, 4), waiting(pipe)) == (b"one ", 13)
    assert move(pipe, log, 7, 4) == 4
    assert drop(pipe, 4) == 4
    assert move(pipe, log, 11, 100) == 5
    # As where a script reads its own output.
    assert (waiting(pipe), move(pipe, log, 16, 4), drop(pipe, 4), peek(pipe, 4)) == (0, 0, 0, b"")
    assert os.pread(log, 100, 0) == b"before one three"
    os.close(log)
    made.close_writers()
    made.close_readers()


def test_where_the_kernel_cannot_move_them_they_are_copied(tmp_path):
    """Into a file that was opened to append it does not (splice(2), EINVAL)."""
    made = Pipes.unnamed(["stdout"], None)
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(made.writers["stdout"], b"line\n")
    assert move(made.readers["stdout"], log, 0, 5) == 5
    assert (tmp_path / "log").read_bytes() == b"line\n"
    os.close(log)
    made.close_writers()
    made.close_readers()


def test_a_local_script_may_open_its_output_again(lab):
    run = lab.run(["sh", "-c", REOPENS])
    lab.until_ended(run)
    assert run.attempt.output["stdout"] == b"1\n4\n5\n6\n7\n"
    assert run.attempt.output["stderr"] == b"2\n3\n5\n8\n"


@pytest.mark.parametrize("language", ["sh", "python3"])
def test_lines_of_a_local_script_arrive_in_the_order_in_which_they_were_written(lab, language):
    """In any order, and without a pause between them."""
    streams = [random.Random(place).choice(("out", "err")) for place in range(60)]
    if language == "sh":
        prints = [f"echo {place}" + " >&2" * (stream == "err") for place, stream in enumerate(streams)]
    else:
        prints = [f"print({place}, file=sys.std{stream})" for place, stream in enumerate(streams)]
        prints.insert(0, "import sys")
    run = lab.run([language, "-c", "\n".join(prints)])
    lab.until_ended(run)
    lab.intake.wait(lambda: run.attempt.is_collected)
    pieces = (run.attempt.output[stream][at : at + size] for stream, at, size, _ in run.attempt.chunks)
    assert [int(line) for line in b"".join(pieces).split()] == list(range(60))
