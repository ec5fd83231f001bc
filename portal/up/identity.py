"""Which process is which: a process id alone may have been given to another program meanwhile."""

import os
import signal
import subprocess
import time
from pathlib import Path

PROC = Path("/proc")
KILL_SECONDS = 5.0  # only a process in the middle of a disk operation dies later than at once
_STATE, _SESSION, _STARTED = 0, 3, 19  # fields of /proc/<pid>/stat after the command's name, see proc(5)


def identity(pid: int) -> str:
    """What no other process has: boot and start time; empty when the process is gone (or a zombie)."""
    if not PROC.exists():
        return _identity_by_ps(pid)
    fields = _stat(pid)
    if not fields or fields[_STATE] in "ZX":
        return ""
    return f"{_boot()}:{fields[_STARTED]}"


def is_alive(pid: int, known_identity: str) -> bool:
    """Whether `pid` still is the process that had this identity."""
    return bool(known_identity) and identity(pid) == known_identity


def kill_session(pid: int, known_identity: str) -> None:
    """SIGKILL what is left of the session that `pid` leads or led, and wait until its ports and files are free.

    While a session has members the kernel gives its number to no new process: when `pid` is
    gone, its members are the ones we started. When `pid` is another process now, there are none.
    """
    now = identity(pid)
    if now and now != known_identity:
        return
    if known_identity and not known_identity.startswith(_boot()):
        return
    deadline = time.monotonic() + KILL_SECONDS
    while (members := _session_members(pid)) and time.monotonic() < deadline:
        for member in members:
            _send(member, signal.SIGKILL)
        time.sleep(0.005)


def send_signal(pid: int, known_identity: str, number: signal.Signals) -> None:
    if is_alive(pid, known_identity):
        _send(pid, number)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _session_members(session: int) -> list[int]:
    if not PROC.exists():
        return [session] if identity(session) else []
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _is_member(_stat(pid), session)]


def _is_member(fields: list[str], session: int) -> bool:
    return bool(fields) and fields[_STATE] not in "ZX" and fields[_SESSION] == str(session)


def _stat(pid: int) -> list[str]:
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return "boot"


def _identity_by_ps(pid: int) -> str:
    command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    state, _, started = (
        subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().partition(" ")
    )
    return f"boot:{started.strip()}" if started and not state.startswith("Z") else ""
