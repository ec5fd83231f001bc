import os
import signal
import sys
import time
from pathlib import Path

import pytest

from portal.up.identity import identity, is_alive, kill_session
from portal.up.processes import LOG_BYTES, Process, Program, keep_log_short, last_lines, stop_all
from portal.up.troubles import KeepsDying


def a_program(tmp_path, code, **more):
    return Program(
        name="thing",
        argv=(sys.executable, "-c", code),
        log=tmp_path / "thing.log",
        folder=tmp_path,
        environment={"PATH": os.environ["PATH"]},
        **more,
    )


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.01)
    return found


@pytest.fixture
def sleeper(tmp_path):
    process = Process(a_program(tmp_path, "import time; time.sleep(60)"))
    process.start()
    yield process
    stop_all([process])


def test_a_killed_program_is_started_again(sleeper):
    old = sleeper.pid
    os.kill(old, signal.SIGKILL)
    until(sleeper.heal)
    assert sleeper.pid != old
    assert is_alive(sleeper.pid, sleeper.identity)


def test_a_program_that_lives_is_left_alone(sleeper):
    assert sleeper.heal() is False


WORKS_TWICE = """
import pathlib, time
for _ in range(2):
    pathlib.Path("alive").touch()
    time.sleep(0.3)
time.sleep(60)
"""


def test_a_program_that_does_nothing_any_more_is_killed_and_started_again(tmp_path):
    life = tmp_path / "alive"
    process = Process(a_program(tmp_path, WORKS_TWICE, sign_of_life=life, silent_seconds=1.0))
    process.start()
    old, began = process.pid, time.monotonic()
    until(process.heal)
    assert process.was_silent
    assert process.pid != old
    assert identity(old) == ""
    assert time.monotonic() - began > 1.2
    stop_all([process])


def test_a_program_that_has_not_shown_yet_that_it_works_is_left_alone(tmp_path):
    life = tmp_path / "alive"
    life.touch()  # an earlier one's
    process = Process(
        a_program(tmp_path, "import time; time.sleep(60)", sign_of_life=life, silent_seconds=0.1)
    )
    process.start()
    time.sleep(0.3)
    assert not process.heal()
    time.sleep(0.3)
    assert not process.heal()
    stop_all([process])


def test_a_program_that_keeps_dying_raises_its_last_lines(tmp_path):
    process = Process(a_program(tmp_path, "print('no fuel'); raise SystemExit(3)"))
    process.start()

    def has_given_up():
        process.start_again_at = 0  # the pauses are another test's
        process.heal()
        try:
            process.give_up_when_it_keeps_dying()
        except KeepsDying as trouble:
            return str(trouble)
        return ""

    assert "no fuel" in until(has_given_up)
    stop_all([process])


def test_each_early_death_makes_the_pause_longer(tmp_path):
    process = Process(a_program(tmp_path, "raise SystemExit(1)"))
    pauses = []
    for _ in range(4):
        process.start()
        until(lambda: process.popen.poll() is not None)
        process._bury(time.monotonic())
        pauses.append(process.start_again_at - process.deaths[-1])
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8])


def test_a_program_that_ignores_the_signal_is_killed_with_its_children(tmp_path):
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "if child: print(child, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = Process(a_program(tmp_path, code, stop_seconds=0.2))
    process.start()
    child = int(until(lambda: (tmp_path / "thing.log").read_text().strip()))
    pid = process.pid
    stop_all([process])
    until(lambda: identity(pid) == identity(child) == "")


def test_children_of_a_dead_leader_are_killed_by_their_session(tmp_path):
    code = "import os, time\nif os.fork() == 0: time.sleep(60)\nelse: print('up', flush=True); time.sleep(60)"
    process = Process(a_program(tmp_path, code))
    process.start()
    until(lambda: (tmp_path / "thing.log").read_text())
    child = until(lambda: [pid for pid in _children(process.pid)])[0]
    leader = process.pid
    os.kill(leader, signal.SIGKILL)
    process.popen.wait()
    assert identity(child)
    kill_session(leader, process.identity)
    until(lambda: identity(child) == "")


def test_another_process_under_the_same_number_is_never_killed(sleeper):
    kill_session(sleeper.pid, "some-boot:1")
    assert is_alive(sleeper.pid, sleeper.identity)


def test_a_long_log_is_cut_and_its_older_part_kept(tmp_path):
    log = tmp_path / "web.log"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    keep_log_short(log)
    assert log.stat().st_size == 0
    assert (tmp_path / "web.1.log").stat().st_size == LOG_BYTES + 1


def test_the_last_lines_leave_out_empty_ones(tmp_path):
    log = tmp_path / "web.log"
    log.write_text("1\n2\n\n3\n\n")
    assert last_lines(log, 2) == ["2", "3"]


def _children(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]
