"""A thousand active jobs: what the portal costs while nothing happens, and how soon a page shows what does happen."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.bench import memory
from tests.bench.kubernetes.bare import Following
from tests.bench.kubernetes.portal import Presser, Presses
from tests.bench.kubernetes.stage import PATIENCE, Stage
from tests.bench.report import Figure, at_most, p50, p95
from tests.visitor import FINISHED

ACTIVE, CHANGING = 1000, 100
SETTLE_SECONDS, IDLE_SECONDS = 10, 30
GOAL_CORE, GOAL_LATENCY = 2.0, 150.0
OVER = ("Succeeded", "Failed")


def measure(stage: Stage) -> Iterator[Figure]:
    """First a rest with them, then some more jobs that end one after the other while the thousand run on."""
    stage.ground.bring_fake_nodes()
    template = stage.template("long")
    Presses(stage.people, template, ACTIVE - 1)
    _wait_until_running(stage, ACTIVE)
    yield from _idle(stage)
    yield from _latency(stage)


def _wait_until_running(stage: Stage, count: int) -> None:
    path = f"/api/v1/namespaces/{stage.portal.arm.namespace}/pods"
    query = {"fieldSelector": "status.phase=Running", "limit": 2 * ACTIVE}
    deadline = time.monotonic() + PATIENCE
    while (running := len(stage.ground.api.get(path, query)["items"])) < count:
        assert time.monotonic() < deadline, f"only {running} of {count} pods run"
        time.sleep(1)


def _idle(stage: Stage) -> Iterator[Figure]:
    name = f"idle, {ACTIVE:,} active jobs"
    time.sleep(SETTLE_SECONDS)
    cpu, requests = stage.portal.cpu(), stage.ground.requests(stage.portal.arm)
    began = time.monotonic()
    time.sleep(IDLE_SECONDS)
    used, asked = stage.portal.cpu(), stage.ground.requests(stage.portal.arm)
    seconds = time.monotonic() - began
    parts = {part: (used[part] - cpu[part]) / seconds * 100 for part in used}
    yield at_most(name, "all processes together", sum(parts.values()), "% of a core", GOAL_CORE)
    for part, share in parts.items():
        yield Figure(name, f"  {part}", share, "% of a core")
    per_minute = (asked["all"] - requests["all"]) / seconds * 60
    yield Figure(name, "API requests", per_minute, "a minute")
    held = memory.proportional(stage.portal)
    yield Figure(
        name, "memory of all processes (PSS)", sum(held.values()), "MB", note=f"web {held['web']:.0f}"
    )


def _latency(stage: Stage) -> Iterator[Figure]:
    with Following(stage.ground.as_auditor(stage.portal.arm).order("follow")) as bare:
        presses = Presses(stage.people, stage.template("staggered"), CHANGING)
        shown = Page(stage.people[0], presses.ids).watch(PATIENCE)
        deadline = time.monotonic() + 10
        while not set(presses.ids) <= (ends := _ends(bare)).keys() and time.monotonic() < deadline:
            time.sleep(0.1)
    assert shown.keys() == set(presses.ids), "the page did not show the end of every job"
    late = [(shown[job_id] - ends[job_id]) * 1000 for job_id in presses.ids]
    name = f"status, {ACTIVE:,} active jobs"
    note = f"{CHANGING} ends, shown by the job's row after an event; p95 {p95(late):.0f} ms"
    yield at_most(name, "a page behind a bare watch, p50", p50(late), "ms", GOAL_LATENCY, note)


def _ends(bare: Following) -> dict[int, float]:
    return {int(line["job"]): line["at"] for line in bare.lines if line["phase"] in OVER}


class Page:
    """The list as a browser keeps it current: events say which rows changed, and each is fetched anew."""

    def __init__(self, person: Presser, ids: list[int]) -> None:
        self.person, self.ids = person, ids
        self.ended: dict[int, float] = {}

    def watch(self, seconds: float) -> dict[int, float]:
        """By job, when its row showed that it has ended; jobs that had ended before are shown at once."""
        end = time.monotonic() + seconds
        address = f"/live/changes?ids={','.join(map(str, self.ids))}"
        with self.person.get(address, stream=True) as stream, ThreadPoolExecutor(4) as pool:
            assert stream.status_code == 200, stream.status_code
            for line in stream.iter_lines(chunk_size=None, decode_unicode=True):
                found = re.fullmatch(r"data: (.*)", line)
                if found:
                    list(pool.map(self._fetch, json.loads(found[1]).get("ids", [])))
                if len(self.ended) == len(self.ids) or time.monotonic() > end:
                    break
        return self.ended

    def _fetch(self, job_id: int) -> None:
        if job_id not in self.ended and self.person.status(job_id) in FINISHED:
            self.ended[job_id] = time.time()
