"""What a script leaves behind has five seconds more, on this machine as in a pod; the end is the script's."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.supervise import LINGER_SECONDS
from tests.runner.stub_intake import Attempt
from tests.runner.test_runner_containers import (  # noqa: F401
    CONTAINER,
    MAIN,
    SHELLS,
    Volume,
    attempt,
    needs_namespaces,
    prepared,
    volume,
)

pytestmark = pytest.mark.processes
# A user who may have few processes.
POOR = 54778
LATE = "(sleep 0.4; echo late; echo x > results/late.txt) & exit 0"
# Everything that the script prints goes through a process of its own, as with `| ts`.
NUMBERED = (
    "exec > >(number=0; while read -r line; do number=$((number + 1)); printf '%s %s\\n' $number \"$line\"; done)\n"
    "for at in $(seq 5000); do echo line; done"
)


@dataclass
class Run:
    """A script that was begun: `stop` it, and have it back when everything is `home`."""

    attempt: Attempt
    stop: Any
    home: Any

    def end(self) -> tuple:
        (facts,) = self.attempt.ended
        return facts["exit_code"], facts["signal"], facts["reason"]

    def seconds(self) -> float:
        return self.attempt.ended[0]["ended_at"] - self.attempt.ended[0]["started_at"]


@pytest.fixture(params=["local", *(pytest.param(shell, marks=needs_namespaces) for shell in SHELLS)])
def begin(request):
    """Begins a script of bash, here or as main.sh does it in each shell."""
    if request.param == "local":
        return lambda script, **facts: on_this_machine(request.getfixturevalue("lab"), script, facts)
    return lambda script, **facts: as_a_container(
        request.getfixturevalue("volume"), request.getfixturevalue("attempt"), request.param, script, facts
    )


def on_this_machine(lab, script, facts):
    run = lab.run(["bash", "-c", script], **facts)
    return Run(run.attempt, lambda: lab.driver.stop(run.work.name), lambda: lab.until_ended(run))


def as_a_container(volume, attempt, shell, script, facts):  # noqa: F811
    prepared(volume, attempt, "bash", "-c", script, **facts)
    collector, main = volume.stage("collect"), volume.main(shell)

    def home():
        main.wait(60)
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(60) == 0

    def stop():
        children = Path(f"/proc/{main.pid}/task/{main.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)

    return Run(attempt, stop, home)


def test_a_child_that_ends_soon_after_the_script_is_waited_for(begin):
    run = begin(LATE)
    run.home()
    assert run.end() == (0, None, "")
    assert run.attempt.output["stdout"] == b"late\n"
    assert run.attempt.results == {"results/late.txt": b"x\n"}


def test_what_a_script_prints_through_another_process_comes_home_to_its_last_line(begin):
    run = begin(NUMBERED)
    run.home()
    assert run.attempt.output["stdout"].splitlines() == [b"%d line" % at for at in range(1, 5001)]


@pytest.mark.parametrize(
    ("last", "end"), [("exit 3", (3, None, "")), ("exec sh -c 'kill -s SEGV $$'", (None, 11, ""))]
)
def test_the_end_is_the_scripts_and_not_that_of_its_children(begin, last, end):
    run = begin(f"(sleep 1; exit 9) & {last}")
    run.home()
    assert run.end() == end
    assert run.seconds() < 0.9


def test_a_daemonised_child_gets_five_seconds_and_is_killed(begin):
    mark = f"62.{os.getpid()}"
    run = begin(f"setsid sh -c 'trap \"\" TERM HUP; sleep {mark}; sleep {mark}' & echo over; exit 0")
    began = time.monotonic()
    run.home()
    assert LINGER_SECONDS - 0.5 < time.monotonic() - began < LINGER_SECONDS + 4
    assert run.end() == (0, None, "")
    assert run.seconds() < 2
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(mark.encode() in command for command in commands)


def test_a_stop_while_children_linger_ends_them_and_changes_nothing_about_success(begin, intake):
    run = begin("(trap 'echo told; exit' TERM; while :; do sleep 0.05; done) & sleep 0.2; echo over; exit 0")
    intake.wait(lambda: run.attempt.output["stdout"] == b"over\n")
    time.sleep(0.3)
    began = time.monotonic()
    run.stop()
    run.home()
    assert time.monotonic() - began < LINGER_SECONDS - 1.5
    assert run.end() == (0, None, "")
    assert run.attempt.output["stdout"] == b"over\ntold\n"


def test_the_time_limit_ends_children_that_linger_and_is_no_cause_of_the_scripts_end(begin):
    began = time.monotonic()
    run = begin("trap '' TERM; sleep 60 & exit 0", time_limit_seconds=1, grace_seconds=1)
    run.home()
    assert time.monotonic() - began < LINGER_SECONDS
    assert run.end() == (0, None, "")


def test_children_have_the_grace_time_also_when_the_script_is_gone_before_them(begin):
    """As a shell is that does not hear TERM while its program saves what it has."""
    saves = "(trap 'sleep 0.7; echo saved; exit' TERM; while :; do sleep 0.05; done)"
    run = begin(f"{saves} & sleep 60", time_limit_seconds=1, grace_seconds=3)
    run.home()
    assert run.end() == (None, 15, "time_limit")
    assert run.attempt.output["stdout"] == b"saved\n"


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("command", ["true", "sleep 0.3"])
def test_where_nothing_is_left_nothing_is_waited_for(volume, attempt, commands, shell, command):  # noqa: F811
    """Our own helpers are nothing of the script's."""
    prepared(volume, attempt, *command.split(), environment={"PATH": f"{commands}:{os.environ['PATH']}"})
    for mark in ("reading", "drained"):
        (volume.root / f"{mark}.json").touch()
    assert volume.main(shell).wait(60) == 0
    slept = (commands / "slept").read_text().split() if (commands / "slept").exists() else []
    assert "0.05" not in slept


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("child", "code"), [("os._exit(0)", 1), ("time.sleep(30)", 0)])
def test_a_process_that_only_waits_to_be_reaped_is_not_left(shell, child, code):
    """A first process that reaps nothing, as a shell may be for a moment."""
    first = (
        "import os, subprocess, sys, time\n"
        f"pid = os.fork() or {child}\n"
        "time.sleep(0.3)\n"
        "sys.exit(subprocess.call(sys.argv[1:]))\n"
    )
    function = re.search(r"^is_left\(\) \{.*?^\}$", Path(MAIN).read_text(), re.MULTILINE | re.DOTALL)
    words = [shell, "sh"] if shell == "busybox" else [shell]
    asked = [*CONTAINER, sys.executable, "-c", first, *words, "-c", f"{function[0]}\nhelpers=$$\nis_left"]
    assert subprocess.run(asked, check=False).returncode == code


@needs_namespaces
@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell != "bash"])
def test_the_end_is_told_also_where_no_process_can_be_started_any_more(
    public_directory,
    intake,
    attempt,  # noqa: F811
    shell,
):
    """dash and busybox end then; bash tries for a quarter of a minute."""
    full = Volume(public_directory, intake)
    forks = "import os, time\ntry:\n    while os.fork(): pass\nexcept OSError: os._exit(3)\ntime.sleep(60)\n"
    prepared(full, attempt, "python3", "-c", forks)
    for mark in ("reading", "drained"):
        (full.root / f"{mark}.json").touch()
    for path in (full.root, *full.root.rglob("*")):
        os.chown(path, POOR, POOR)
    words = [shell, "sh"] if shell == "busybox" else [shell]
    limited = ["setpriv", f"--reuid={POOR}", "--clear-groups", "prlimit", "--nproc=8"]
    asked = [*CONTAINER, *limited, *words, MAIN, str(full.root)]
    subprocess.run(asked, check=False, stderr=subprocess.DEVNULL, timeout=60)
    assert full.ended()["exit_code"] == 3


@needs_namespaces
@pytest.mark.parametrize("shell", SHELLS)
def test_an_image_needs_nothing_but_a_shell_and_a_sleep_of_whole_seconds(volume, attempt, commands, shell):  # noqa: F811
    script = "(sleep 1; echo late) & exit 4"
    prepared(volume, attempt, "/bin/sh", "-c", script, environment={"PATH": str(commands), "WHOLE": "1"})
    assert volume.run(shell) == 4
    assert attempt.output["stdout"] == b"late\n"
    assert attempt.ended[0]["exit_code"] == 4


@pytest.fixture
def commands(tmp_path):
    """A folder with a `sleep` that tells in `slept` how long it was asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "sleep"
    fake.write_text(
        "#!/bin/sh\ncase $WHOLE$1 in 1*.*) exit 1 ;; esac\n"
        f'echo "$1" >>{folder}/slept\nexec /bin/sleep "$1"\n'
    )
    fake.chmod(0o755)
    return folder
