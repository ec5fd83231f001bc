"""What the script had around it: told by a container that belongs to its user, so nothing of it is trusted."""

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from runner.facts import LONGEST, MOST_BYTES, MOST_PACKAGES, PATIENCE_SECONDS, facts_of, read_facts
from runner.volume import Volume
from tests.runner.test_runner_containers import attempt, needs_namespaces, prepared, volume  # noqa: F401

# A Python that never comes back when it is asked what it is.
STUCK = b'#!/bin/sh\n[ "$1" = -c ] && exec sleep 61\nsleep 1; echo ran; exit 4\n'


def running(command: str) -> list[str]:
    """Process ids with that command line, whoever started them."""
    words = command.replace(" ", "\0").encode() + b"\0"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes() == words:
                found.append(folder.name)
    return found


def test_lines_become_facts_and_the_rest_is_no_matter():
    told = b"noise\nsystem Debian 12\nkernel 6.1\ninterpreter Python 3.11.2\npackage numpy 1.26\npackage numpy 2\n"
    assert facts_of(told + b"package \ninterpreter R\nlibc \n\xff\xfe\n") == {
        "system": "Debian 12",
        "kernel": "6.1",
        "interpreters": {"Python": "3.11.2"},
        "packages": {"numpy": "1.26"},
    }


def test_too_many_and_too_long_is_bounded():
    many = b"".join(b"package p%d 1\n" % number for number in range(MOST_PACKAGES + 7))
    facts = facts_of(many + b"system " + b"x" * 5000)
    assert len(facts["packages"]) == MOST_PACKAGES
    assert facts["packages_left_out"] == 7
    assert len(facts["system"]) == LONGEST
    assert facts_of(b"system " + b"x" * (MOST_BYTES * 4)) == {"system": "x" * LONGEST}


@pytest.mark.parametrize("trick", ["fifo", "link", "folder", "huge", "nothing"])
def test_whatever_the_script_put_in_the_place_of_the_file_is_harmless(tmp_path, trick):
    place = tmp_path / "facts"
    (tmp_path / "secret").write_text("system secret\n")
    if trick == "fifo":
        os.mkfifo(place)
    elif trick == "link":
        place.symlink_to(tmp_path / "secret")
    elif trick == "folder":
        place.mkdir()
    elif trick == "huge":
        place.write_bytes(b"system here\n")
        os.truncate(place, 1 << 40)
    facts = read_facts(Volume(tmp_path), lambda: True)
    assert facts == ({"system": "here"} if trick == "huge" else {})


def test_what_did_not_come_to_its_end_is_told_as_far_as_it_came(tmp_path, monkeypatch):
    (tmp_path / "facts.part").write_text("system Debian 12\n")
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it waits for a container that is gone"))
    assert read_facts(Volume(tmp_path), lambda: True) == {"system": "Debian 12"}


@needs_namespaces
def test_a_pod_tells_what_its_image_has(volume, attempt):  # noqa: F811
    prepared(volume, attempt, "python3", "-c", "print('hello')")
    collector = volume.stage("collect")
    assert volume.main().wait(20) == 0
    assert collector.wait(20) == 0
    versions = attempt.collected[0]["versions"]
    assert versions["interpreters"]["Python"].startswith("3.")
    assert versions["machine"] == os.uname().machine
    assert (attempt.output["stdout"], attempt.output["stderr"]) == (b"hello\n", b"")


@needs_namespaces
def test_a_pod_that_was_stopped_is_asked_nothing(volume, attempt):  # noqa: F811
    prepared(volume, attempt, "sh", "-c", "echo up; sleep 98", grace_seconds=1)
    collector, main = volume.stage("collect"), volume.main()
    volume.intake.wait(lambda: attempt.output["stdout"] == b"up\n")
    os.kill(int(Path(f"/proc/{main.pid}/task/{main.pid}/children").read_text().split()[0]), signal.SIGTERM)
    main.wait(20)
    assert volume.ended()["reason"] == "stopped"
    collector.send_signal(signal.SIGTERM)
    assert collector.wait(20) == 0
    assert not (volume.root / "facts").exists()


@needs_namespaces
def test_an_interpreter_that_hangs_delays_the_pod_for_seconds_and_changes_nothing(volume, attempt):  # noqa: F811
    prepared(volume, attempt, "./python3", "x", files={"python3": STUCK}, executable={"python3"})
    collector = volume.stage("collect")
    main = volume.main()
    volume.intake.wait(lambda: attempt.ended)
    assert main.poll() is None, "the end is told before anything is looked at"
    assert main.wait(30) == 4
    assert collector.wait(20) == 0
    assert attempt.ended[0]["exit_code"] == 4
    assert attempt.output["stdout"] == b"ran\n"
    assert "interpreters" not in attempt.collected[0]["versions"]


@pytest.mark.processes
def test_this_machine_tells_what_it_has(lab):
    command = ["python3", "-c", "import platform; print(platform.python_version())"]
    run = lab.run(command)
    lab.until_ended(run)
    versions = run.attempt.collected[0]["versions"]
    assert versions["interpreters"] == {"Python": run.attempt.output["stdout"].decode().strip()}
    assert versions["machine"] == os.uname().machine


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no R here")
def test_this_machine_tells_what_r_has(lab):
    run = lab.run(["Rscript", "-e", "cat(as.character(getRversion()))"])
    lab.until_ended(run)
    versions = run.attempt.collected[0]["versions"]
    assert versions["interpreters"] == {"R": run.attempt.output["stdout"].decode()}
    assert "base" not in versions.get("packages", {})


@pytest.mark.processes
def test_a_script_gets_no_output_of_ours(lab):
    run = lab.run(["python3", "-c", "print('hello')"])
    lab.until_ended(run)
    assert run.attempt.output["stdout"] == b"hello\n"


@pytest.mark.processes
def test_a_script_whose_python_hangs_when_it_is_asked_ends_as_it_ended(lab):
    run = lab.run(["./python3"], files={"python3": STUCK}, executable={"python3"})
    lab.until_ended(run)
    assert run.attempt.ended[0]["exit_code"] == 4
    assert run.attempt.collected[0]["versions"]["machine"] == os.uname().machine
    assert running("sleep 61") == []


@pytest.mark.processes
def test_nothing_goes_on_for_longer_while_the_portal_is_away(lab):
    run = lab.run(["./python3"], files={"python3": STUCK}, executable={"python3"})
    lab.intake.wait(lambda: run.attempt.started)
    lab.intake.stop()
    lab.intake.wait(lambda: running("sleep 61"))
    time.sleep(PATIENCE_SECONDS)
    lab.intake.wait(lambda: not running("sleep 61"))
    lab.intake.start()
    lab.until_ended(run, timeout=60)
    assert run.attempt.ended[0]["exit_code"] == 4
