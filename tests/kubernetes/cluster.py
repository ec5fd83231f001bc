"""Where a real Kubernetes is: one that is given, or the test cluster that stands beside the checkout."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from clusters.kubernetes.kubeconfig import read_kubeconfig

BASE = Path(__file__).resolve().parents[2]
KUBECONFIG, PORTAL_HOST, COMMAND = (
    "STELLWERK_TEST_KUBECONFIG",
    "STELLWERK_TEST_PORTAL_HOST",
    "STELLWERK_TESTCLUSTER",
)
NOT_FOUND = f"no Kubernetes: give {KUBECONFIG} and {PORTAL_HOST} (this machine as pods see it), or {COMMAND}"
# The first time it is built, which takes about ten minutes.
PATIENCE = 1500


@dataclass(frozen=True)
class TestCluster:
    """`kubeconfig` is a cluster admin's; `portal_host` this machine's address for pods."""

    __test__ = False

    kubeconfig: str
    portal_host: str
    command: str = ""

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [self.command, "kubectl", *words], input=stdin, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def part(self, verb: str, name: str) -> None:
        """stop, start, freeze or thaw a part of the test cluster."""
        if not self.command:
            pytest.skip(f"parts can be stopped of a cluster whose {COMMAND} is given only")
        subprocess.run([self.command, verb, name], check=True, capture_output=True, timeout=120)


def is_there() -> bool:
    """Whether a cluster is given or can be started; cheap."""
    return bool(os.environ.get(KUBECONFIG) or (_command() and os.geteuid() == 0))


@lru_cache
def start() -> TestCluster:
    """The cluster, running. It is left running: the next start takes nothing."""
    if given := os.environ.get(KUBECONFIG):
        # Its command only where it is named, too: the one beside us may be of another cluster.
        return TestCluster(Path(given).read_text(), os.environ[PORTAL_HOST], os.environ.get(COMMAND, ""))
    command = _command()
    assert command, NOT_FOUND
    with _one_at_a_time():
        up = subprocess.run(
            [command, "up", "--with-r"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            umask=0o022,  # what it starts makes the roots of containers, which have to be open to every user
        )
    assert up.returncode == 0, up.stdout + up.stderr
    found = re.search(r"export KUBECONFIG=(\S+)", up.stdout)
    assert found, up.stdout
    kubeconfig = Path(found[1]).read_text()
    server = read_kubeconfig(kubeconfig).connection().server
    return TestCluster(kubeconfig, urlsplit(server).hostname or "", command)


def containerd_socket() -> Path | None:
    """Of the test cluster on this machine, where it runs here."""
    home = Path(os.environ.get("TESTCLUSTER_HOME", Path.home() / ".cache" / "testcluster"))
    socket = home / "run" / "containerd.sock"
    return socket if socket.exists() else None


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two that build it at once would take each other's half-made files away."""
    with (Path(tempfile.gettempdir()) / "stellwerk-testcluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _command() -> str | None:
    asked = os.environ.get(COMMAND)
    beside = BASE.parent / "shared" / "cluster" / "testcluster"
    return asked or (str(beside) if beside.exists() else shutil.which("testcluster"))
