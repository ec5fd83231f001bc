"""From `git clone` to the first example's result on the page, with an empty and with a filled package cache."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.report import BASE, Figure, at_most
from tests.up.portal_process import free_port
from tests.visitor import Visitor

EXAMPLE = "python-model"
START_WITHIN = 400.0
# A developer's own settings would make another start than a newcomer's.
NOT_INHERITED = {
    "VIRTUAL_ENV",
    "DATABASE_URL",
    "REDIS_URL",
    "DJANGO_SETTINGS_MODULE",
    "PYTHONPATH",
    "UV_CACHE_DIR",
}


def measure() -> Iterator[Figure]:
    """Two clones with a home of their own: the first fills the package cache that the second finds."""
    folder = Path(tempfile.mkdtemp(prefix="stellwerk-clone-"))
    try:
        cold = _newcomer(folder, "cold")
        shutil.rmtree(folder / "cold")
        warm = _newcomer(folder, "warm")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    yield at_most("clone", "git clone → example's result, empty cache", cold[0], "s", 120, cold[1])
    yield at_most("clone", "git clone → example's result, filled cache", warm[0], "s", 60, warm[1])


def _newcomer(folder: Path, name: str) -> tuple[float, str]:
    """Seconds, and what they went into."""
    log = folder / f"{name}.log"
    began = time.monotonic()
    subprocess.run(["git", "clone", "-q", BASE, folder / name], check=True)
    port = free_port()
    with log.open("wb") as output:
        portal = subprocess.Popen(
            ["make", "up"],
            cwd=folder / name,
            env=_environment(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        password = _password(portal, log)
        started = time.monotonic() - began
        visitor = Visitor(f"http://127.0.0.1:{port}").sign_in("admin", password)
        _see_the_result(visitor, visitor.run_example(EXAMPLE))
        seconds = time.monotonic() - began
    finally:
        _stop(portal, folder / name)
    installed = _installed(log.read_text())
    return seconds, f"{installed}portal up after {started:.0f} s"


def _environment(folder: Path, port: int) -> dict[str, str]:
    values = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
    values["PATH"] = os.pathsep.join(
        part for part in values["PATH"].split(os.pathsep) if part != str(BASE / ".venv/bin")
    )
    home = folder / "home"
    home.mkdir(exist_ok=True)
    cache = {"XDG_CACHE_HOME": str(home / "cache"), "PIP_CACHE_DIR": str(home / "cache" / "pip")}
    own = {"STELLWERK_BIND": f"127.0.0.1:{port}", "PYTHONIOENCODING": "utf-8"}
    return {key: value for key, value in values.items() if key != "STELLWERK_HOME"} | cache | own


def _password(portal: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + START_WITHIN
    while not (found := re.search(r"one-time password (\S+)", log.read_text())):
        assert portal.poll() is None, f"make up ended:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"make up is not ready:\n{log.read_text()}"
        time.sleep(0.1)
    return found[1]


def _see_the_result(visitor: Visitor, job_id: int) -> None:
    assert visitor.wait_until_finished(job_id) == "succeeded"
    page = visitor.get(f"/jobs/{job_id}/results/").text
    picture = re.search(rf'src="(/jobs/{job_id}/results/\d+/raw/[^"]*)"', page)
    assert picture, "the results page shows no picture"
    assert visitor.get(picture[1]).status_code == 200


def _stop(portal: "subprocess.Popen[bytes]", clone: Path) -> None:
    """Ctrl-C reaches the whole group."""
    if portal.poll() is None:
        os.killpg(portal.pid, signal.SIGINT)
    portal.wait(90)
    home = clone / ".stellwerk"
    if home.is_symlink():  # root's home is kept elsewhere when other accounts cannot enter the clone
        shutil.rmtree(home.resolve(), ignore_errors=True)


def _installed(text: str) -> str:
    found = re.search(r"Installed (\d+) packages in (\S+)", text)
    return f"{found[1]} packages by uv, " if found else ""
