# ruff: noqa: PTH112, PTH116, PTH123, PTH208
# procfs, many times a second: plain calls, no path objects
"""Finding, measuring and ending all processes of one script, however far they went from it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable

MARK = "STELLWERK_POD_UID"
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class ScriptProcesses:
    """The processes of one script.

    With a user of its own (`run_as`): every process of that user, exactly. Without: the descendants of this
    process (a subreaper, so that daemonised ones count), the script's session, and whoever carries the pod's
    mark in its environment.
    """

    def __init__(self, pod_uid: str, run_as: int | None, session: int | None = None) -> None:
        self.pod_uid = pod_uid
        self.run_as = run_as
        self.session = session
        self.statuses: dict[int, int] = {}

    def reap(self) -> None:
        """Take the wait statuses of all children that have ended: a subreaper inherits orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.statuses[pid] = status

    def find(self) -> list[int]:
        """Process ids, zombies left out."""
        if not os.path.isdir("/proc/self"):
            return _find_with_ps(os.getpid(), self.session)
        if self.run_as is not None:
            return [pid for pid in _all_pids() if _owner(pid) == self.run_as and not _is_zombie(pid)]
        return self._find_by_kinship()

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self, patience: float = 10.0) -> bool:
        """SIGKILL until none is left; False when some outlived `patience` (stuck in the kernel)."""
        end = time.monotonic() + patience
        while True:
            self.reap()
            if not self.find():
                return True
            if time.monotonic() > end:
                return False
            self._signal(signal.SIGKILL)
            time.sleep(0.01)

    def _signal(self, number: int) -> None:
        if self.run_as is not None:
            _signal_user(self.run_as, number)
            return
        for pid in self.find():
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                continue

    def _find_by_kinship(self) -> list[int]:
        parents: dict[int, int] = {}
        found: set[int] = set()
        mark = f"{MARK}={self.pod_uid}".encode()
        me = os.getpid()
        for pid in _all_pids():
            facts = _stat(pid)
            if facts is None or facts[0] == "Z" or pid == me:
                continue
            parents[pid] = facts[1]
            if facts[2] == self.session or _carries(pid, mark):
                found.add(pid)
        children: dict[int, list[int]] = {}
        for pid, parent in parents.items():
            children.setdefault(parent, []).append(pid)
        open_ends = [me, *found]
        while open_ends:
            for pid in children.get(open_ends.pop(), ()):
                if pid not in found:
                    found.add(pid)
                    open_ends.append(pid)
        return sorted(found)


def memory_of(pids: Iterable[int], limit: int) -> int:
    """Bytes of memory held by `pids`. Shared pages are shared out, but only where that decides about `limit`."""
    pids = list(pids)
    if not os.path.isdir("/proc/self"):
        return _memory_with_ps(pids)
    resident = sum(_resident(pid) for pid in pids)
    if resident <= limit or len(pids) < 2:
        return resident
    return sum(_proportional(pid) for pid in pids)


def start_time(pid: int) -> str:
    """Tells two processes apart that had the same id one after the other; "" when there is none."""
    if not os.path.isdir("/proc/self"):
        return _ps("-o", "lstart=", "-p", str(pid)).strip()
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _owner(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State, parent and session."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[1]), int(fields[3])


def _is_zombie(pid: int) -> bool:
    facts = _stat(pid)
    return facts is None or facts[0] in "ZX"


def _carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read(1 << 20).split(b"\0")
    except OSError:
        return False


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, IndexError):
        pass
    return _resident(pid)


def _signal_user(uid: int, number: int) -> None:
    """Every process of a user at once: kill(-1) as that user cannot be outrun by a fork bomb."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, number)
        except ProcessLookupError:
            pass
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _ps(*arguments: str) -> str:
    import subprocess  # 11 ms that Linux never needs

    done = subprocess.run(["ps", *arguments], capture_output=True, text=True, timeout=10, check=False)
    return done.stdout


def _find_with_ps(root: int, session: int | None) -> list[int]:
    """For machines without /proc (macOS): descendants and the script's process group."""
    rows = [line.split() for line in _ps("-A", "-o", "pid=,ppid=,pgid=,stat=").splitlines()]
    living = [(int(row[0]), int(row[1]), int(row[2])) for row in rows if len(row) > 3 and row[3][0] != "Z"]
    found = {pid for pid, _, group in living if session is not None and group == session}
    known = {root} | found
    while True:
        more = {pid for pid, parent, _ in living if parent in known} - known
        if not more:
            return sorted(known - {root})
        known |= more


def _memory_with_ps(pids: list[int]) -> int:
    if not pids:
        return 0
    rows = _ps("-o", "rss=", "-p", ",".join(map(str, pids))).split()
    return sum(int(row) for row in rows) * 1024
