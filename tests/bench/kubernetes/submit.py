"""From the first request to the last end: the bare client and the portal in turn, on fake nodes and on the real one."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from clusters.kubernetes.calls import unless_there
from tests.bench.kubernetes import shape
from tests.bench.kubernetes.bare import Following
from tests.bench.kubernetes.ground import EXIT_CODE, FAKE_LABELS, FAKE_TOLERATIONS, Arm, Ground, exit_code_of
from tests.bench.kubernetes.portal import CODE, RUNNER_IMAGE, Presser, Presses
from tests.bench.kubernetes.stage import PATIENCE, Stage
from tests.bench.report import Figure, at_least, at_most, p50, p95

GOAL_OF_BARE, GOAL_JOB_REQUESTS, GOAL_ALL_REQUESTS = 0.75, 1.2, 3.0


@dataclass(frozen=True)
class Leg:
    """On which nodes, how many jobs, how often."""

    name: str
    jobs: int
    rounds: int
    profile: str
    is_paper: bool


@dataclass
class Run:
    """What one arm did in one round. `requests` by kind, `cpu` by process."""

    seconds: float
    cpu: dict[str, float]
    requests: dict[str, int]
    clean_seconds: float = 0.0
    answers: list[float] = field(default_factory=list)


FAKE = Leg("fake nodes", 500, 3, "short", is_paper=True)
REAL = Leg("real node", 40, 2, "real", is_paper=False)


def measure(stage: Stage, leg: Leg) -> Iterator[Figure]:
    """floor, ours, floor, ours …: each pair in one round."""
    if leg.is_paper:
        stage.ground.bring_fake_nodes()
    bare, shaped, ours = [], [], []
    template = stage.template(leg.profile)
    for _ in range(leg.rounds):
        bare.append(run_bare(stage, leg))
        shaped.append(run_bare(stage, leg, is_shaped=True))
        ours.append(run_ours(stage, template, leg))
        for name, run in (("bare", bare[-1]), ("bare, our pods", shaped[-1]), ("ours", ours[-1])):
            print(f"  {leg.name}, {name}: {_short(run)}", file=sys.stderr, flush=True)
    yield from _figures(leg, bare, shaped, ours)


def _short(run: Run) -> str:
    used = {name: round(seconds, 1) for name, seconds in run.cpu.items()}
    return f"{run.seconds:.1f} s, CPU {used}, requests {run.requests}, clean {run.clean_seconds:.1f} s later"


def _figures(leg: Leg, bare: list[Run], shaped: list[Run], ours: list[Run]) -> Iterator[Figure]:
    name = f"submit, {leg.name}"
    ratios = [floor.seconds / run.seconds for floor, run in zip(bare, ours, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f} in {leg.rounds} rounds of {leg.jobs} jobs"
    yield at_least(name, "ours / bare, jobs per second", p50(ratios), "×", GOAL_OF_BARE, spread)
    yield Figure(
        name, "ours", leg.jobs / p50([run.seconds for run in ours]), "jobs/s", note="8 people signed in"
    )
    yield Figure(name, "floor: bare client", leg.jobs / p50([run.seconds for run in bare]), "jobs/s")
    shapes = [floor.seconds / run.seconds for floor, run in zip(bare, shaped, strict=True)]
    note = "three containers, their volumes and a Secret, without a portal"
    yield Figure(name, "bare client with our pods / bare", p50(shapes), "×", note=note)
    own = [floor.seconds / run.seconds for floor, run in zip(shaped, ours, strict=True)]
    yield Figure(name, "ours / bare client with our pods", p50(own), "×", note="what the portal itself costs")
    answers = [seconds for run in ours for seconds in run.answers]
    yield Figure(
        name, "the request itself, p50", p50(answers) * 1000, "ms", note=f"p95 {p95(answers) * 1000:.0f} ms"
    )
    jobs = leg.jobs * leg.rounds
    made = sum(run.requests["jobs"] for run in ours) / jobs
    yield at_most(name, "API requests per job: the Job itself", made, "", GOAL_JOB_REQUESTS)
    asked = sum(run.requests["all"] for run in ours) / jobs
    yield at_most(
        name, "API requests per job: all", asked, "", GOAL_ALL_REQUESTS, "clean-up and watches included"
    )
    floor = sum(run.requests["all"] for run in bare) / jobs
    yield Figure(name, "API requests per job: bare client", floor, "")
    for part in ("web", "worker", "watch", "postgres"):
        used = sum(run.cpu[part] for run in ours) / jobs * 1000
        yield Figure(name, f"CPU per job: {part}", used, "ms")
    yield Figure(
        name, "CPU per job: all processes", sum(sum(run.cpu.values()) for run in ours) / jobs * 1000, "ms"
    )
    yield Figure(
        name, "CPU per job: bare client", sum(sum(run.cpu.values()) for run in bare) / jobs * 1000, "ms"
    )


def run_bare(stage: Stage, leg: Leg, *, is_shaped: bool = False, without: Collection[str] = ()) -> Run:
    """One round of the floor; its Jobs are deleted behind it, outside the clock.

    `is_shaped`: with pods of our shape and a Secret each, to see what of the difference is theirs; `without` some
    of shape.PARTS, to see whose.
    """
    ground, arm = stage.ground, stage.bare_arm
    first = secrets.randbelow(10**9)
    ids = range(first, first + leg.jobs)
    order = arm.order("submit") | {"patience": PATIENCE}
    if is_shaped:
        path = f"/api/v1/namespaces/{arm.namespace}/configmaps"
        unless_there(lambda: ground.api.post(path, shape.config_map()))
        works = [shape.work(job_id, leg.profile) for job_id in ids]
        order |= {"jobs": [shape.job(work, without) for work in works]}
        if shape.SECRET not in without:
            order |= {"secrets": shape.secrets_of(works)}
    else:
        order |= {"jobs": [_plain_job(leg, job_id) for job_id in ids]}
    before = ground.requests(arm)
    command = [sys.executable, "-m", "tests.bench.kubernetes.bare"]
    done = subprocess.run(
        command, input=json.dumps(order), capture_output=True, text=True, timeout=PATIENCE + 30, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    expected = {f"bare-{job_id}": "Failed" if _code(leg, job_id) else "Succeeded" for job_id in ids}
    assert said["phases"] == expected, "the bare client's pods did not all end as they should"
    requests = _difference(ground.requests(arm), before)
    ground.api.delete(f"/apis/batch/v1/namespaces/{arm.namespace}/jobs", {"propagationPolicy": "Background"})
    wait_until_empty(ground, arm)
    return Run(said["seconds"], {"bare": said["cpu"]}, requests)


def run_ours(stage: Stage, template: int, leg: Leg) -> Run:
    """One round of the portal. The clock ends when the list shows that every job has ended."""
    ground, portal, people = stage.ground, stage.portal, stage.people
    arm = portal.arm
    wait_until_empty(ground, arm)
    known = people[0].ended()
    # Its own requests are another account's.
    with Following(ground.as_auditor(arm).order("count")) as created:
        requests, cpu = ground.requests(arm), portal.cpu()
        began = time.monotonic()
        presses = Presses(people, template, leg.jobs)
        while (ended := people[0].ended() - known) < leg.jobs:
            assert time.monotonic() - began < PATIENCE, f"only {ended} of {leg.jobs} jobs ended"
            # Looking costs the portal as much as a job does: less of it while the end is far.
            time.sleep(1.0 if ended < 0.9 * leg.jobs else 0.2)
        seconds = time.monotonic() - began
        clean = time.monotonic()
        wait_until_empty(ground, arm)
        run = Run(seconds, _difference(portal.cpu(), cpu), _difference(ground.requests(arm), requests))
    run.answers, run.clean_seconds = presses.seconds, time.monotonic() - clean
    _check(people[0], presses.ids, leg)
    assert len(created.lines) == leg.jobs, f"{len(created.lines)} Jobs were made for {leg.jobs} jobs"
    return run


def wait_until_empty(ground: Ground, arm: Arm) -> None:
    """None of the arm's Jobs is left over; nor a pod, whose end would be work in the next arm's time."""
    deadline = time.monotonic() + PATIENCE
    paths = (f"/apis/batch/v1/namespaces/{arm.namespace}/jobs", f"/api/v1/namespaces/{arm.namespace}/pods")
    while any(ground.api.get(path, {"limit": 1}).get("items") for path in paths):
        assert time.monotonic() < deadline, f"Jobs or pods are left over in {arm.namespace}"
        time.sleep(0.25)


def _check(person: Presser, ids: list[int], leg: Leg) -> None:
    """Without it there are no figures: each job once, with its own status and exit code."""
    assert len(set(ids)) == leg.jobs, "some requests gave the same job"
    expected = {job_id: "failed" if _code(leg, job_id) else "succeeded" for job_id in ids}
    shown = person.listed()
    wrong = {job_id: shown.get(job_id) for job_id in ids if shown.get(job_id) != expected[job_id]}
    assert not wrong, f"jobs with another status than they should have: {wrong}"
    for job_id in ids:
        if expected[job_id] == "failed":
            text = person.get(f"/jobs/{job_id}/header/").text
            assert f"exit code {EXIT_CODE}" in text, f"job {job_id} does not show its exit code"


def _code(leg: Leg, job_id: int) -> int:
    return exit_code_of(job_id) if leg.is_paper else 0


def _plain_job(leg: Leg, job_id: int) -> dict[str, Any]:
    """The least that runs: one container."""
    name, labels = f"bare-{job_id}", {"stellwerk/job": str(job_id)}
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "main",
                "image": RUNNER_IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python3", "-c", CODE],
                "resources": {"requests": {"cpu": "11m", "memory": "32Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    if leg.is_paper:
        pod |= {"nodeSelector": FAKE_LABELS, "tolerations": FAKE_TOLERATIONS}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def _difference(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {name: after[name] - before[name] for name in after}
