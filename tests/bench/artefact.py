"""A result file of 2 GiB: from the script's folder to the portal's disk, and from there to the person."""

import hashlib
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.bench import memory
from tests.bench.report import Figure, at_least, at_most
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

MIB = 1024**2
SIZE_MIB, COPIES = 2048, 3
CODE = """
import os
block = os.urandom(1024 * 1024)
with open("results/big.bin", "wb") as file:
    for number in range({size}):
        file.write(number.to_bytes(8, "big") + block[8:])
"""
LARGEST_GROWTH = 64
# The runner's process in /proc/<pid>/cmdline: its working directory is an argument.
RUNNER_FOLDER = "/local/"


def measure() -> Iterator[Figure]:
    """Through the runner and the intake as any job's results; down through the front as any download."""
    with PortalProcess() as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        with RunnerPeak(portal.home) as usual:
            _run(visitor, 1)
        memory.forget_peaks(portal)
        before = memory.peaks(portal)
        with RunnerPeak(portal.home) as runner:
            job_id = _run(visitor, SIZE_MIB)
        uploaded = SIZE_MIB / _seconds_of_collecting(portal.database_url)
        downloaded = _download(visitor, job_id, portal.home / "downloaded")
        growth = _growth(before, memory.peaks(portal))
        copied = _copy(portal.home / "downloaded", portal.home / "copied")
    growth["runner"] = runner.highest - usual.highest
    note = f"{SIZE_MIB} MiB; cp of the same file: {copied:,.0f} MiB/s"
    yield Figure("artefact", "upload (hash, send, hash, store)", uploaded, "MiB/s", note=note)
    yield at_least("artefact", "upload / cp", 100 * uploaded / copied, "%", 50)
    yield Figure("artefact", "download", downloaded, "MiB/s")
    yield at_least("artefact", "download / cp", 100 * downloaded / copied, "%", 50)
    for name, value in sorted(growth.items()):
        yield at_most("artefact", f"growth of the peak RSS: {name}", value, "MiB", LARGEST_GROWTH)


class RunnerPeak:
    """Looks at the runner's processes while the block runs; `highest` is the largest VmHWM in MiB."""

    def __init__(self, home: Path) -> None:
        self.folder = str(home.resolve()) + RUNNER_FOLDER
        self.highest = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "RunnerPeak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.1):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    self.highest = max(self.highest, self._peak_of(entry))

    def _peak_of(self, entry: Path) -> float:
        try:
            if self.folder.encode() not in (entry / "cmdline").read_bytes():
                return 0.0
            found = re.search(r"VmHWM:\s+(\d+)", (entry / "status").read_text())
        except OSError:
            return 0.0
        return int(found[1]) / 1024 if found else 0.0


def _run(visitor: Visitor, size: int) -> int:
    job_id = visitor.send_form(visitor.new_form(), CODE.format(size=size))
    status = visitor.wait_until_finished(job_id, 900)
    assert status == "succeeded", status
    return job_id


def _seconds_of_collecting(database_url: str) -> float:
    """From the script's end to the manifest, as the portal noted both."""
    query = "SELECT extract(epoch FROM collected_at - ended_at) FROM jobs_attempt ORDER BY id DESC LIMIT 1"
    with psycopg.connect(database_url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return float(row[0])


def _download(visitor: Visitor, job_id: int, target: Path) -> float:
    """MiB per second into a file; what arrived is what the script wrote."""
    page = visitor.get(f"/jobs/{job_id}/results/").text
    found = re.search(rf'href="(/jobs/{job_id}/results/\d+/download/)"', page)
    assert found, "the results page has no download"
    began = time.monotonic()
    with visitor.get(found[1], stream=True) as answer, target.open("wb") as file:
        shutil.copyfileobj(answer.raw, file, MIB)
    seconds = time.monotonic() - began
    with target.open("rb") as file:
        first = file.read(MIB)
        file.seek(-MIB, 2)
        last = file.read()
    assert target.stat().st_size == SIZE_MIB * MIB, target.stat().st_size
    assert hashlib.sha256(first[8:]).digest() == hashlib.sha256(last[8:]).digest()
    return SIZE_MIB / seconds


def _copy(source: Path, target: Path) -> float:
    """MiB per second of `cp`, the fastest of a few: the goal is relative to what the machine can do."""
    fastest = 0.0
    for _ in range(COPIES):
        target.unlink(missing_ok=True)
        began = time.monotonic()
        subprocess.run(["cp", "--reflink=never", source, target], check=True)
        fastest = max(fastest, SIZE_MIB / (time.monotonic() - began))
    return fastest


def _growth(before: dict[int, tuple[str, float]], after: dict[int, tuple[str, float]]) -> dict[str, float]:
    """By part; a process that was not there before counts with all it holds."""
    found: dict[str, float] = {}
    for pid, (name, peak) in after.items():
        found[name] = max(found.get(name, 0.0), peak - before.get(pid, (name, 0.0))[1])
    return found
