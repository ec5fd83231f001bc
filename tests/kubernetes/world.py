"""One cluster as one test sees it: a namespace of its own, connected to the whole portal, with people and sizes."""

import contextlib
import io
import itertools
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import QueryDict

from clusters.drivers import installation_id
from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection
from clusters.models import Cluster, Image, KubernetesConnection, Profile
from jobs import wishes
from jobs.models import Artifact, Attempt, Job
from jobs.output import outputlog
from jobs.submission import drafts, submit
from jobs.uploads.incoming import receive
from jobs.uploads.unpacked import Source
from teams.models import Team
from tests import cast
from tests.kubernetes.auditor import Auditor
from tests.kubernetes.portal import WholePortal
from tests.kubernetes.witness import OPEN, Witness

PYTHON_IMAGE, R_IMAGE = "test/python:3.11", "test/r:4.2"
MIB = 1 << 20
# A wait is for a condition; the machine may be busy with other things.
PATIENCE = 150.0
TERMINAL = ("succeeded", "failed", "cancelled", "error")
_numbers = itertools.count(1)


class World:
    """`submit` scripts, `wait` for conditions, and let the auditor have the last word (`check`)."""

    def __init__(
        self, portal: WholePortal, witness: Witness, auditor: Auditor, connection: Connection, namespace: str
    ) -> None:
        self.portal, self.witness, self.auditor, self.namespace = portal, witness, auditor, namespace
        number = next(_numbers)
        # A name that no other session used: the portal's home may be an old one.
        name = f"kube-{number}-{secrets.token_hex(2)}"
        self.team = Team.objects.create(name=f"Team {name}", slug=name)
        self.user = cast.new_user(f"alice-{name}", self.team, first_name="Alice")
        self.cluster = Cluster.objects.create(name=name, slug=name, driver="kubernetes")
        self.connection = KubernetesConnection(
            cluster=self.cluster, namespace=namespace, runner_image=PYTHON_IMAGE, portal_url=portal.url
        )
        self.connection.take(connection)
        self.python = self._image("Python 3.11", PYTHON_IMAGE, {".py": ["python3", "-u"]}, 0)
        self.r = self._image("R 4.2", R_IMAGE, {".R": ["Rscript"]}, 1)
        self.small = self._profile("Small", 0)
        self.gpu = self._profile("GPU", 1, gpu_count=1, gpu_resource="nvidia.com/gpu")
        # More than the node has: the scheduler says so, and the pod waits.
        self.huge = self._profile("Too many GPUs", 2, gpu_count=99, gpu_resource="nvidia.com/gpu")
        self.jobs: list[int] = []

    def _image(self, label: str, reference: str, commands: dict, position: int) -> Image:
        return Image.objects.create(
            cluster=self.cluster,
            label=label,
            reference=reference,
            entry_commands=commands,
            position=position,
        )

    def _profile(self, name: str, position: int, **more) -> Profile:
        sizes = {"cpu_millis": 50, "memory_bytes": 128 * MIB, "disk_bytes": 64 * MIB}
        return Profile.objects.create(cluster=self.cluster, name=name, position=position, **sizes, **more)

    def submit(
        self, gate: str = OPEN, code: int = 0, profile: Profile | None = None, team: Team | None = None
    ) -> int:
        """The witness' script as a job, as a sent form makes it. It waits at `gate` between start and end."""
        own = gate if gate == OPEN else self._own(gate)
        return self.submit_script("main.py", self.witness.script, f"{own} {code}", profile=profile, team=team)

    def open(self, gate: str) -> None:
        """The scripts that wait at this gate go on; those of other worlds have gates of their own."""
        self.witness.open(self._own(gate))

    def _own(self, gate: str) -> str:
        return f"{self.cluster.slug}-{gate}"

    def submit_script(
        self, path: str, text: str, arguments: str = "", image: Image | None = None, profile=None, team=None
    ) -> int:
        draft = drafts.create(self.user, {})
        file = receive(io.BytesIO(text.encode()), path)
        try:
            source = Source(path)
            source.files = [file]
            drafts.add_files(draft.pk, [source])
        finally:
            file.discard()
        fields = QueryDict(mutable=True)
        chosen = {"image": image or self.python, "profile": profile or self.small}
        chosen["team"] = team or self.team
        fields.update({name: str(row.pk) for name, row in chosen.items()} | {"arguments": arguments})
        drafts.save_fields(draft.pk, fields)
        made = submit.submit_draft(self.user, draft.pk)
        assert made.job is not None, made.form.errors if made.form else "no form"
        self.jobs.append(made.job.pk)
        return made.job.pk

    def cancel(self, *jobs: int) -> None:
        """As the page does it."""
        for pk in jobs:
            wishes.cancel(Job.objects.get(pk=pk), self.user)

    def job(self, pk: int) -> Job:
        return Job.objects.get(pk=pk)

    def attempt(self, pk: int) -> Attempt:
        """Its only one; until the worker admits the job there is none, which is waited for."""
        self.wait(lambda: Attempt.objects.filter(job=pk).exists(), f"{pk} is admitted")
        return Attempt.objects.get(job=pk)

    def attempt_is_created(self, *jobs: int) -> bool:
        """The cluster confirmed all of them."""
        return Attempt.objects.filter(job__in=jobs).exclude(created_at=None).count() == len(jobs)

    def pod_of(self, pk: int, api: Api) -> dict[str, Any] | None:
        """The newest pod of the job's attempt, as the API server has it."""
        selector = {"labelSelector": f"batch.kubernetes.io/job-name={self.attempt(pk).name}"}
        found = api.get(f"/api/v1/namespaces/{self.namespace}/pods", selector)["items"]
        return found[-1] if found else None

    def status(self, pk: int) -> str:
        return self.job(pk).status

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
        """Until `condition()`; seconds it took. Fails with `what` and how all jobs are."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"{what}: not within {seconds} s. {self.described()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def until_started(self, *jobs: int) -> None:
        """By the witness: the script itself runs."""
        self.wait(lambda: all(self.witness.count("start", pk) for pk in jobs), f"{jobs} start")

    def until_running(self, *jobs: int) -> None:
        """By the witness and by the tables."""
        self.until_started(*jobs)
        self.until("running", *jobs)

    def until(self, status: str, *jobs: int) -> None:
        self.wait(
            lambda: Job.objects.filter(pk__in=jobs, status=status).count() == len(jobs),
            f"{jobs} are {status}",
        )

    def until_over(self, seconds: float = PATIENCE) -> float:
        """Until each job has ended and the cluster has nothing left of any; seconds it took."""
        return self.wait(
            lambda: self.are_over() and not self.auditor.left(self.namespace, installation_id()),
            "all over",
            seconds,
        )

    def are_over(self) -> bool:
        mine = Job.objects.filter(pk__in=self.jobs)
        is_open = Attempt.objects.filter(job__in=self.jobs, removed_at=None).exists()
        return not is_open and not mine.exclude(status__in=TERMINAL).exists()

    def check(self, **expected: list[int]) -> None:
        """Every job exactly once: `succeeded=[…]` started and ended once, `cancelled`, `failed`, `error` likewise.

        `never=[…]`: cancelled and never started. A cancelled or lost script may have started once and did not end.
        """
        counts = {"succeeded": (1, 1), "failed": (1, 1), "cancelled": (1, 0), "error": (1, 0)}
        wanted = {pk: (word, *counts[word]) for word in counts for pk in expected.get(word, [])}
        wanted |= dict.fromkeys(expected.get("never", []), ("cancelled", 0, 0))
        wanted |= dict.fromkeys(expected.get("unstarted", []), ("error", 0, 0))
        assert set(wanted) == set(self.jobs), "each job has to be named"
        assert self.auditor.problems(wanted, self.witness) == [], self.described()
        for pk in expected.get("succeeded", []) + expected.get("failed", []):
            assert self.output(pk) == f"hello from {pk}\nbye from {pk}\n", pk
            assert self.results(pk) == {"results/result.txt": f"result of {pk}\n".encode()}, pk

    def output(self, pk: int) -> str:
        """What the portal keeps of the script's standard output."""
        log = outputlog.folder_of(self.attempt(pk).pk) / "stdout.log"
        return log.read_text() if log.exists() else ""

    def results(self, pk: int) -> dict[str, bytes]:
        """The listed result files as they lie in the portal's storage."""
        rows = Artifact.objects.filter(attempt__job=pk, is_listed=True)
        return {row.path: (Path(settings.MEDIA_ROOT) / row.key).read_bytes() for row in rows}

    def described(self) -> str:
        """For a failed test: what the tables say of each job, and the ends of the logs."""
        lines = [f"cluster: {self.cluster_trouble()!r}"]
        for job in Job.objects.filter(pk__in=self.jobs):
            for attempt in job.attempts.all() or [None]:
                facts = attempt and (attempt.sight, attempt.seen_reason, attempt.seen_message[:200])
                counts = [self.witness.count(word, job.pk) for word in ("start", "end")]
                lines.append(f"{job.pk}: {job.status} {job.reason} {job.detail[:200]} {facts} {counts}")
        for name in ("worker", "watch"):
            with contextlib.suppress(OSError):
                log = (self.portal.home / "log" / f"{name}.log").read_text()
                lines.append(f"--- {name}\n{log[-1500:]}")
        return "\n".join(lines)

    def cluster_trouble(self) -> str:
        """ "" while watch reaches the cluster."""
        row = Cluster.objects.get(pk=self.cluster.pk)
        return row.trouble or ("unreachable" if row.unreachable_since else "")

    def reconnect(self, connection: Connection) -> None:
        """An admin gives other credentials."""
        KubernetesConnection.objects.get(cluster=self.cluster).take(connection)

    def forget(self) -> None:
        """Nothing more is done for this cluster."""
        Cluster.objects.filter(pk=self.cluster.pk).update(is_enabled=False)
        Image.objects.filter(cluster=self.cluster).update(is_enabled=False)
        Profile.objects.filter(cluster=self.cluster).update(is_enabled=False)
        if self.are_over():
            KubernetesConnection.objects.filter(cluster=self.cluster).delete()
