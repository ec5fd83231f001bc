"""Where a real Docker engine is: one that is given (DOCKER_HOST), or the test engine beside the checkout."""

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

BASE = Path(__file__).resolve().parents[2]
COMMAND = "STELLWERK_TESTDOCKER"
NOT_FOUND = f"no Docker engine: give DOCKER_HOST (its registry has to be reachable), or {COMMAND}"
# The first time its parts are built, which takes some minutes on a busy machine.
PATIENCE = 900
STANDINS = {"postgres:17": ("postgres", "postgresql"), "valkey/valkey:8": ("valkey", "redis-server")}


def is_there() -> bool:
    """Whether an engine is given or can be started; cheap."""
    return bool(os.environ.get("DOCKER_HOST") or (_command() and os.geteuid() == 0))


@lru_cache
def start() -> dict[str, str]:
    """The environment with which `docker` reaches the engine, which runs and has every image. It is left running."""
    command = _command()
    if not command or os.geteuid() != 0:
        return dict(os.environ)
    policy = _forwarding() or "ACCEPT"
    found = re.search(r"export DOCKER_HOST=(\S+)", _run(command, "up"))
    assert found, "testdocker said no DOCKER_HOST"
    if _forwarding() not in (policy, ""):
        # An engine that is the first to forward closes forwarding to all others: the test cluster's pods need it.
        _run("iptables", "-P", "FORWARD", policy)
    environment = {**os.environ, "DOCKER_HOST": found[1], "DOCKER_BUILDKIT": "0"}
    for name, (folder, package) in STANDINS.items():
        _stand_in(environment, command, name, folder, package)
    return environment


def _stand_in(environment: dict[str, str], command: str, name: str, folder: str, package: str) -> None:
    """An image under the name of one that cannot be pulled, with the same entry point conventions."""
    base = f"stellwerk-test/{folder}"
    listed = ["docker", "images", "-q"]
    if not _run(*listed, base, environment=environment):
        _run(command, "image", base, package)
    source = BASE / "tests" / "docker" / "standins" / folder
    _run(
        "docker",
        "build",
        "-q",
        "-t",
        name,
        "--build-arg",
        f"BASE={base}",
        str(source),
        environment=environment,
    )


def _run(*words: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        env=environment,
        check=False,
        umask=0o022,  # the roots of containers have to be open to every user
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def _forwarding() -> str:
    """The kernel's answer for packets of others: ACCEPT or DROP; "" where it cannot be asked."""
    if not shutil.which("iptables"):
        return ""
    found = re.search(r"^-P FORWARD (\w+)", _run("iptables", "-S", "FORWARD"), re.M)
    return found[1] if found else ""


def _command() -> str | None:
    asked = os.environ.get(COMMAND)
    beside = BASE.parent / "shared" / "docker" / "testdocker"
    return asked or (str(beside) if beside.exists() else shutil.which("testdocker"))
