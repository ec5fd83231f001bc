"""This machine as a cluster: each attempt is a detached pod process with a directory of its own.

The facts live in the directories, none in this process: any number of drivers on the same base may act at
once, and all of them may die. A pod is alive for exactly as long as the lock in its directory is held.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from clusters import local_users
from clusters.driver import (
    LABEL_INSTALLATION,
    ClusterRefused,
    ClusterUnreachable,
    Explained,
    NameTaken,
    Seen,
    State,
    Work,
    WorkInvalid,
)
from clusters.failpoints import failpoint
from clusters.local_volumes import choose_root, is_plain_name, remove_tree, sweep_leftovers

_CODE_ROOT = Path(__file__).resolve().parent.parent
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from runner.__main__ import main; sys.exit(main(sys.argv[2:]))"
_LAUNCH_SECONDS = 20
# Nobody tells this driver that there is something new.
_LOOK_SECONDS = 0.4
_LOCK_PATIENCE = 0.5
_PASSED = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


class LocalDriver:
    """The driver protocol on this machine's processes.

    As root every attempt runs as a user id of its own, from `uid_base` up; otherwise as the portal's user.
    `base` is where the directories go; as root, when other users cannot enter it, `root` lies elsewhere
    (see local_volumes.choose_root).
    """

    def __init__(self, installation: str, base: Path, uid_base: int | None = None) -> None:
        self.installation = installation
        self._users = local_users.from_environment(uid_base)
        self.root = choose_root(base, needs_public_path=self._users is not None)
        sweep_leftovers(self.root)

    def create(self, work: Work) -> None:
        if not is_plain_name(work.name):
            raise WorkInvalid(f"{work.name!r} cannot be a work's name on this machine.")
        directory = self.root / work.name
        with _machine_errors(f"The attempt {work.name} cannot be set up on this machine"):
            if not directory.exists():
                self._make(directory, work)
                failpoint("create.half_made")
            known = _read(directory, "work")
            if known is None or known["labels"] != dict(work.labels):
                raise NameTaken(f"A work called {work.name} exists on this machine with other labels.")
            # A pod that has begun needs nothing; the patience is for drivers that look at the same moment.
            patience = 0.0 if _has(directory, "pod") else _LOCK_PATIENCE
            with _lock(directory, fcntl.LOCK_EX, patience) as lock:
                if lock is not None and not _has(directory, "pod") and not _has(directory, "ended"):
                    self._spawn("pod", directory, lock)

    def stop(self, name: str, space: str = "") -> None:
        directory = self.root / name
        if not is_plain_name(name) or not directory.is_dir():
            return
        with _machine_errors(f"The attempt {name} cannot be stopped"), contextlib.suppress(FileNotFoundError):
            (directory / "stop").touch(mode=0o600)
            if not self._sweep_if_dead(directory):
                _signal_pod(directory)

    def remove(self, name: str, space: str = "", *, is_ended: bool = False) -> None:
        directory = self.root / name
        if not is_plain_name(name) or not directory.is_dir():
            return
        with _machine_errors(f"The attempt {name} cannot be removed"):
            with _lock(directory, fcntl.LOCK_EX, _LOCK_PATIENCE) as lock:
                if lock is None or not _has(directory, "ended"):
                    raise ClusterRefused(f"The attempt {name} has not ended and cannot be removed yet.")
                run_as = (_read(directory, "work") or {}).get("run_as")
                trash = self.root / f".trash-{name}-{secrets.token_hex(4)}"
                with contextlib.suppress(FileNotFoundError):
                    directory.rename(trash)
            remove_tree(trash)
            if self._users is not None and run_as is not None:
                self._users.release(self.root, run_as)

    def remove_ended(self, names: Collection[str], space: str = "") -> set[str]:
        return set()

    def warned(self, space: str = "") -> set[str] | None:
        return None

    def observe(self) -> list[Seen]:
        try:
            names = sorted(entry.name for entry in self.root.iterdir() if is_plain_name(entry.name))
        except OSError as error:
            raise ClusterUnreachable(f"The directory of the local jobs cannot be read: {error}.") from error
        return [seen for name in names if (seen := self.look(name)) is not None]

    def close(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, _LOOK_SECONDS))

    def look(self, name: str, space: str = "") -> Seen | None:
        directory = self.root / name
        if not is_plain_name(name):
            return None
        with _machine_errors(f"The attempt {name} cannot be read"):
            work = _read(directory, "work")
            if work is None or work["labels"].get(LABEL_INSTALLATION) != self.installation:
                return None
            # First the lock, then the facts: a pod may end between the two, after it wrote its own.
            is_dead = self._sweep_if_dead(directory)
            return _describe(directory, work, is_dead)

    def explain(self, name: str, space: str = "", age: float = 0.0) -> Explained | None:
        return None

    def _make(self, directory: Path, work: Work) -> None:
        """The whole directory at once, by a rename: a crash leaves none or a complete one."""
        partial = self.root / f".new-{work.name}-{secrets.token_hex(4)}"
        partial.mkdir(mode=0o700)
        run_as = self._users.take(self.root, work.name) if self._users is not None else None
        facts: dict[str, Any] = {
            "name": work.name,
            "uid": secrets.token_hex(16),
            "labels": dict(work.labels),
            "run_as": run_as,
            "portal_url": work.portal_url,
            "token": work.token,
            "cpu_millis": work.cpu_millis,
            "memory_bytes": work.memory_bytes,
            "disk_bytes": work.disk_bytes,
            "max_processes": work.max_processes,
        }
        descriptor = os.open(partial / "work.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        os.close(os.open(partial / "lock", os.O_WRONLY | os.O_CREAT, 0o600))
        # The script's user passes through, and can list or open nothing here but its own directories.
        partial.chmod(0o711 if run_as is not None else 0o700)
        try:
            partial.rename(directory)
        except OSError:
            remove_tree(partial)
            if self._users is not None and run_as is not None:
                self._users.release(self.root, run_as)
            if not directory.exists():
                raise

    def _spawn(self, command: str, directory: Path, lock: int) -> None:
        """Start a process of the runner that inherits the lock: from our lock to its own there is no gap."""
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        log = os.open(directory / "pod.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            launcher = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BOOT, str(_CODE_ROOT), command, str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment,
                pass_fds=(lock,),
                start_new_session=True,
            )
        finally:
            os.close(log)
        # It forks at once and ends; the pod belongs to init.
        if launcher.wait(timeout=_LAUNCH_SECONDS) != 0:
            raise ClusterRefused(f"The runner does not start on this machine; see {directory / 'pod.log'}.")

    def _sweep_if_dead(self, directory: Path) -> bool:
        """Whether no process of the runner lives. A pod that died without an end is swept: False until then.

        A shared lock is enough to know: two drivers that look at once must not take each other for a pod.
        """
        with _lock(directory, fcntl.LOCK_SH) as probe:
            if probe is None:
                return False
            was_begun = _has(directory, "pod") or (directory / "stop").exists()
            if _has(directory, "ended") or not was_begun:
                return True
        with _lock(directory, fcntl.LOCK_EX) as lock:
            if lock is not None and not _has(directory, "ended"):
                self._spawn("sweep", directory, lock)
        return False


def _describe(directory: Path, work: dict[str, Any], is_dead: bool) -> Seen:
    ended = _read(directory, "ended") if is_dead else None
    state = State.RUNNING if _has(directory, "started") else State.PENDING
    exit_code, reason, message = None, "", ""
    if ended is not None:
        state = State.ENDED
        reason, message = ended.get("reason") or "", ended.get("message") or ""
        exit_code = ended["exit_code"] if ended["signal"] is None else 128 + ended["signal"]
    return Seen(work["name"], work["labels"], work["uid"], state, exit_code, reason, message)


def _signal_pod(directory: Path) -> None:
    """Best effort: the pod looks at the marker too. A pid is believed only together with its start time."""
    pod = _read(directory, "pod")
    if pod is None:
        return
    with contextlib.suppress(ProcessLookupError, FileNotFoundError, IndexError):
        if Path("/proc/self").exists():
            fields = Path(f"/proc/{pod['pid']}/stat").read_bytes().rpartition(b")")[2].split()
            if fields[19].decode() == pod["started"]:
                os.kill(pod["pid"], signal.SIGTERM)


@contextlib.contextmanager
def _lock(directory: Path, kind: int, patience: float = 0.0) -> Iterator[int | None]:
    """The volume's lock, or None when it is not to be had within `patience` seconds: a pod lives.

    Another driver holds it for moments only.
    """
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor if _acquire(descriptor, kind, patience) else None
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, kind: int, patience: float) -> bool:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        else:
            return True


@contextlib.contextmanager
def _machine_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClusterRefused(f"{what}: {error}.") from error


def _has(directory: Path, stage: str) -> bool:
    return (directory / f"{stage}.json").exists()


def _read(directory: Path, stage: str) -> dict[str, Any] | None:
    try:
        facts = json.loads((directory / f"{stage}.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None
