"""Jobs that ended some days ago and left output, results and input files whose bytes are really there."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from jobs.models import Attempt, Job, Kind
from jobs.output import outputlog
from jobs.retention.rules import Rule, set_rules
from jobs.retention.sums import note_ends
from tests.cast import new_artifact


@pytest.fixture
def ended(make_job, make_attempt) -> Iterator[Callable[..., Job]]:
    """`ended(days, logs=b"…", results={path: content}, status="succeeded", **fields)`: a job that ended so long ago."""

    def make(days: float, logs: bytes = b"hello\n", results: dict | None = None, **fields) -> Job:
        end = timezone.now() - timedelta(days=days)
        job = make_job(**{"status": "succeeded", "finished_at": end} | fields)
        attempt = make_attempt(job, removed_at=end)
        if logs:
            outputlog.append(attempt.pk, "stdout", 0, logs)
            Attempt.objects.filter(pk=attempt.pk).update(stdout_size=len(logs))
        for path, content in ({"a.txt": b"a" * 10} if results is None else results).items():
            new_artifact(attempt, path, content)
        note_ends()
        return job

    yield make
    for folder in ("output", "results"):
        shutil.rmtree(Path(settings.MEDIA_ROOT) / folder, ignore_errors=True)


@pytest.fixture
def rule(team):
    """`rule("logs", days=30, most_bytes=None)`: what an admin allows the team, and what therefore holds."""

    def make(kind: str, days: int | None = None, most_bytes: int | None = None, to=None) -> None:
        set_rules(to or team, {kind: Rule(days, most_bytes)}, is_allowance=True)

    return make


def has_logs(job: Job) -> bool:
    return any(outputlog.sizes(pk) != outputlog.Place() for pk in job.attempts.values_list("pk", flat=True))


def results_there(job: Job) -> list[bool]:
    return [
        default_storage.exists(artifact.key)
        for attempt in job.attempts.all()
        for artifact in attempt.artifacts.all()
    ]


KINDS = list(map(str, Kind))
