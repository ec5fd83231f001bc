# ruff: noqa: PTH116, PTH123, PTH208
# procfs: plain calls, no path objects
"""Starting the script: its own session, user, limits and files, and nothing else of ours."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NOT_FOUND_EXIT = 127
NOT_EXECUTABLE_EXIT = 126
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 4096
# Signals whose "ignore" a Python parent would hand down to the script.
_RESET = ("SIGPIPE", "SIGXFSZ", "SIGXCPU", "SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGCHLD")


class StartFailed(Exception):
    """The script could not be started; `exit_code` and the text are what a shell would give."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class SetupFailed(Exception):
    """The machine did not allow what the script's safety needs; the script was not started."""


@dataclass(frozen=True)
class Limits:
    cpu_seconds: int
    file_bytes: int
    processes: int


@dataclass(frozen=True)
class Launch:
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    run_as: int | None
    limits: Limits


def become_subreaper() -> None:
    """Orphans of the script become children of this process, so that a daemonised one is found (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start(launch: Launch, stdout: int, stderr: int) -> int:
    """Fork and exec; the process id, which is also the id of its session. Raises StartFailed, SetupFailed.

    Call it before any thread is started: the child runs Python between fork and exec.
    """
    report_read, report_write = os.pipe()
    parent = os.getpid()
    count = _count_tasks_of_user() if launch.run_as is None else 0
    child = os.fork()
    if child == 0:
        os.close(report_read)
        _become_script(launch, (stdout, stderr), parent, count, report_write)
    os.close(report_write)
    with os.fdopen(report_read, "rb") as report:
        trouble = report.read().decode("utf-8", "replace")
    if trouble:
        os.waitpid(child, 0)
        raise _failure(trouble, launch)
    return child


def _become_script(launch: Launch, streams: tuple[int, int], parent: int, count: int, report: int) -> None:
    stage = "setup"
    try:
        os.setsid()
        _limit(launch.limits, count)
        _prefer_as_oom_victim()
        if launch.run_as is not None:
            os.setgroups([])
            os.setresgid(launch.run_as, launch.run_as, launch.run_as)
            os.setresuid(launch.run_as, launch.run_as, launch.run_as)
        # After the change of user, which clears it. A parent that died before this line is seen below.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if os.getppid() != parent:
            os._exit(1)
        os.umask(0o077)
        os.chdir(launch.directory)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (streams[0], 1), (streams[1], 2)):
            os.dup2(source, target)
        for name in _RESET:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        stage = "exec"
        os.execvpe(launch.command[0], list(launch.command), dict(launch.environment))  # noqa: S606
    except BaseException as error:
        number = getattr(error, "errno", None) or 0
        os.write(report, f"{stage}:{number}:{error}".encode("utf-8", "replace"))
    finally:
        os._exit(NOT_FOUND_EXIT)


def _failure(trouble: str, launch: Launch) -> Exception:
    stage, number, text = trouble.split(":", 2)
    if stage == "setup":
        return SetupFailed(f"The script could not be given its own user and limits: {text}")
    name = launch.command[0] if launch.command else ""
    if int(number) in (errno.ENOENT, errno.ENOTDIR):
        return StartFailed(NOT_FOUND_EXIT, f"{name}: not found")
    if int(number):
        return StartFailed(NOT_EXECUTABLE_EXIT, f"{name}: {os.strerror(int(number))}")
    return StartFailed(NOT_EXECUTABLE_EXIT, f"{name}: {text}")


def _limit(limits: Limits, count: int) -> None:
    _set_limit("RLIMIT_CORE", 0, 0)
    _set_limit("RLIMIT_CPU", limits.cpu_seconds, limits.cpu_seconds + 5)
    _set_limit("RLIMIT_FSIZE", limits.file_bytes, limits.file_bytes)
    _set_limit("RLIMIT_NOFILE", _OPEN_FILES, _OPEN_FILES)
    _set_limit("RLIMIT_NPROC", limits.processes + count, limits.processes + count)


def _set_limit(name: str, soft: int, hard: int) -> None:
    """Lower a limit; one that is lower already stays."""
    kind = getattr(resource, name, None)
    if kind is None:
        return
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _prefer_as_oom_victim() -> None:
    """When the machine's memory ends, the script goes before the portal and its database."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("500")
    except OSError:
        pass


def _count_tasks_of_user() -> int:
    """RLIMIT_NPROC counts all threads of the user; where that user is shared, the others' come on top."""
    count, me = 0, os.getuid()
    try:
        pids = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return 4096
    for pid in pids:
        try:
            if os.stat(f"/proc/{pid}").st_uid == me:
                count += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue
    return count


def _prctl(option: int, value: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


_libc = ctypes.CDLL(None, use_errno=True)
