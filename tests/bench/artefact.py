"""A result of 2 GiB (or BENCH_ARTEFACT_MIB): from the script to the portal's disk, and from there to the person."""

import hashlib
import os
import re
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from tests.bench import floors, memory
from tests.bench.full_memory import FullMemory
from tests.bench.report import Figure, at_least, at_most, p50
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

MIB = 1024**2
SIZE_MIB = int(os.environ.get("BENCH_ARTEFACT_MIB", "2048"))
ROUNDS = 5 if SIZE_MIB <= 2048 else 1
CODE = """
import hashlib, os
block, digest = os.urandom(1024 * 1024), hashlib.sha256()
with open("results/big.bin", "wb") as file:
    for number in range({size}):
        piece = number.to_bytes(8, "big") + block[8:]
        file.write(piece)
        digest.update(piece)
print(digest.hexdigest())
"""
LARGEST_GROWTH = 32
# Of a plain copy of the same file over a connection: hashed, as an upload has to be, or not, as a download.
LEAST_OF_COPY = 60
# The runner's process in /proc/<pid>/cmdline: its working directory is an argument.
RUNNER_FOLDER = "/local/"


def measure() -> Iterator[Figure]:
    """Through the runner and the intake as any job's results; down through the front as any download."""
    seconds: dict[str, list[float]] = defaultdict(list)
    with PortalProcess() as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        with RunnerPeak(portal.home) as usual:
            run_job(visitor, 1)
        memory.forget_peaks(portal)
        before = memory.peaks(portal)
        with RunnerPeak(portal.home) as runner, FullMemory(portal.home, 5 * SIZE_MIB) as full:
            for _ in range(ROUNDS):
                _round(portal, visitor, full, seconds)
            yield Figure(
                "artefact", "memory filled with the files' cache", full.size_mib, "MiB", note=full.note
            )
        growth = growth_of(before, memory.peaks(portal))
    growth["runner"] = runner.highest - usual.highest
    yield from _rates(seconds)
    for name, value in sorted(growth.items()):
        yield at_most("artefact", f"growth of the peak RSS: {name}", value, "MiB", LARGEST_GROWTH)


def _round(
    portal: PortalProcess, visitor: Visitor, full: FullMemory, seconds: dict[str, list[float]]
) -> None:
    """Every arm once, each with the memory full again."""
    full.fill()
    job_id = run_job(visitor, SIZE_MIB)
    seconds["upload"].append(_seconds_of_collecting(portal.database_url))
    downloaded, other = portal.home / "downloaded", portal.home / "other"
    arms: dict[str, Callable[[], float]] = {
        "download": lambda: download(visitor, job_id, downloaded),
        "cp": lambda: floors.copy(downloaded, other),
        "loopback": lambda: floors.send(downloaded, other, is_hashed=False),
        "loopback, hashed": lambda: floors.send(downloaded, other, is_hashed=True),
    }
    for name, arm in arms.items():
        full.fill()
        seconds[name].append(arm())
    downloaded.unlink()


def _rates(seconds: dict[str, list[float]]) -> Iterator[Figure]:
    rates = {name: [SIZE_MIB / value for value in values] for name, values in seconds.items()}
    labels = {
        "upload": "upload (hash, send, hash, store)",
        "download": "download",
        "cp": "floor: cp",
        "loopback": "floor: bare copy over loopback",
        "loopback, hashed": "floor: the same, hashed at both ends",
    }
    for name, label in labels.items():
        note = f"{min(rates[name]):,.0f} to {max(rates[name]):,.0f} in {ROUNDS} rounds of {SIZE_MIB} MiB"
        yield Figure("artefact", f"{label}, p50", p50(rates[name]), "MiB/s", note=note)
    for name, floor in (("upload", "loopback, hashed"), ("download", "loopback")):
        yield at_least("artefact", f"{name} / {floor}", _percent(rates, name, floor), "%", LEAST_OF_COPY)
    for name in ("upload", "download"):
        yield at_least("artefact", f"{name} / cp", _percent(rates, name, "cp"), "%", LEAST_OF_COPY)
    yield Figure("artefact", "loopback, hashed / cp", _percent(rates, "loopback, hashed", "cp"), "%")


def _percent(rates: dict[str, list[float]], name: str, floor: str) -> float:
    return 100 * p50(rates[name]) / p50(rates[floor])


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


def run_job(visitor: Visitor, size: int) -> int:
    """The id of a job that left a result of `size` MiB and told its hash."""
    job_id = visitor.send_form(visitor.new_form(), CODE.format(size=size))
    # Seldom: a page that is asked for every moment would take a part of the machine from what is measured.
    status = visitor.wait_until_finished(job_id, 900, every=1.0)
    assert status == "succeeded", status
    return job_id


def _seconds_of_collecting(database_url: str) -> float:
    """From the script's end to the manifest, as the portal noted both."""
    query = "SELECT extract(epoch FROM collected_at - ended_at) FROM jobs_attempt ORDER BY id DESC LIMIT 1"
    with psycopg.connect(database_url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return float(row[0])


def download(visitor: Visitor, job_id: int, target: Path) -> float:
    """Seconds into a file; what arrived is what the script wrote."""
    page = visitor.get(f"/jobs/{job_id}/results/").text
    found = re.search(rf'href="(/jobs/{job_id}/results/\d+/download/)"', page)
    assert found, "the results page has no download"
    began = time.monotonic()
    with visitor.get(found[1], stream=True) as answer, target.open("wb") as file:
        shutil.copyfileobj(answer.raw, file, MIB)
    seconds = time.monotonic() - began
    with target.open("rb") as file:
        arrived = hashlib.file_digest(file, "sha256").hexdigest()
    assert arrived == visitor.get(f"/jobs/{job_id}/output/stdout.log").text.strip(), (
        "it is not what was written"
    )
    return seconds


def growth_of(before: dict[int, tuple[str, float]], after: dict[int, tuple[str, float]]) -> dict[str, float]:
    """By part; a process that was not there before counts with all it holds."""
    found: dict[str, float] = {}
    for pid, (name, peak) in after.items():
        found[name] = max(found.get(name, 0.0), peak - before.get(pid, (name, 0.0))[1])
    return found
