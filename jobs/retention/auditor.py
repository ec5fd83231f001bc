"""Are the amounts what is stored? With SQL of its own at one instant; on request with the bytes themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Exists, OuterRef

from jobs import store
from jobs.models import Artifact, Attempt, Blob, BundleFile, Kind, Stored
from jobs.output import outputlog


@dataclass(frozen=True)
class Drift:
    """A sum that is not what it should be: of a team, or (with `about`) of what one job left."""

    team_id: int
    kind: str
    about: str
    counted: int
    stored: int

    def __str__(self) -> str:
        whose = f"{self.kind} of team {self.team_id}{', ' + self.about if self.about else ''}"
        return f"{whose}: counted are {self.counted} bytes, stored are {self.stored}"


def drifts() -> list[Drift]:
    """Empty is well. One statement, so that nothing changes in between."""
    with connection.cursor() as cursor:
        cursor.execute(COMPARE)
        return [Drift(*row) for row in cursor.fetchall()]


def broken_promises() -> Iterator[str]:
    """Rows that promise bytes that are not there, and bytes that should be gone. Asks the storage for every file."""
    yield from _logs()
    for artifact in Artifact.objects.order_by("pk").iterator():
        if not _is_there(artifact.key, artifact.size):
            yield f"result {artifact.pk} ({artifact.path!r}): its {artifact.size} bytes are not there"
    for blob in Blob.objects.filter(Exists(BundleFile.objects.filter(blob=OuterRef("pk")))).iterator():
        if not _is_there(blob.key, blob.size):
            yield f"input {blob}: its {blob.size} bytes are not there"


def _logs() -> Iterator[str]:
    of_job = Stored.objects.filter(job=OuterRef("job"), kind=Kind.LOGS)
    attempts = Attempt.objects.annotate(
        is_gone=Exists(of_job.filter(gone_at__isnull=False)),
        is_erased=Exists(of_job.filter(erased_at__isnull=False)),
    )
    for attempt in attempts.order_by("pk").iterator():
        there = outputlog.sizes(attempt.pk)
        if attempt.is_erased and there != outputlog.Place():
            yield f"output of attempt {attempt.pk}: it was deleted, and {there} bytes are there"
        elif not attempt.is_gone and (
            attempt.stdout_size > there.stdout or attempt.stderr_size > there.stderr
        ):
            promised = f"{attempt.stdout_size},{attempt.stderr_size}"
            yield f"output of attempt {attempt.pk}: {promised} bytes are promised, {there} are there"


def _is_there(key: str, size: int) -> bool:
    if key.startswith(store.IN_S3):
        return store.exists(key)
    return default_storage.exists(key) and default_storage.size(key) == size


COMPARE = """
WITH logs AS (
    SELECT job.team_id, job.id, sum(attempt.stdout_size + attempt.stderr_size) AS bytes
    FROM jobs_attempt attempt JOIN jobs_job job ON job.id = attempt.job_id
    WHERE NOT EXISTS (SELECT 1 FROM jobs_stored gone
        WHERE gone.job_id = job.id AND gone.kind = 'logs' AND gone.gone_at IS NOT NULL)
    GROUP BY 1, 2
), results AS (
    SELECT job.team_id, job.id, sum(artifact.size) AS bytes
    FROM jobs_artifact artifact JOIN jobs_attempt attempt ON attempt.id = artifact.attempt_id
    JOIN jobs_job job ON job.id = attempt.job_id GROUP BY 1, 2
), of_jobs AS (
    SELECT team_id, 'logs' AS kind, id, bytes FROM logs UNION ALL SELECT team_id, 'results', id, bytes FROM results
), inputs AS (
    SELECT team_id, sum(size) AS bytes FROM (
        SELECT DISTINCT job.team_id, blob.id, blob.size FROM jobs_job job
        JOIN jobs_bundlefile file ON file.bundle_id = job.bundle_id JOIN jobs_blob blob ON blob.id = file.blob_id
        WHERE NOT EXISTS (SELECT 1 FROM jobs_stored gone WHERE gone.bundle_id = job.bundle_id
            AND gone.team_id = job.team_id AND gone.gone_at IS NOT NULL)
    ) content GROUP BY 1
), truth AS (
    SELECT team_id, kind, sum(bytes) AS bytes FROM of_jobs GROUP BY 1, 2
    UNION ALL SELECT team_id, 'inputs', bytes FROM inputs
), counted AS (
    SELECT team_id, kind, sum(bytes) AS bytes FROM (
        SELECT team_id, kind, bytes FROM jobs_storedsum UNION ALL SELECT team_id, kind, bytes FROM jobs_storedchange
    ) parts JOIN teams_team team ON team.id = team_id GROUP BY 1, 2
)
SELECT coalesce(counted.team_id, truth.team_id), coalesce(counted.kind, truth.kind), '',
    coalesce(counted.bytes, 0)::bigint, coalesce(truth.bytes, 0)::bigint
FROM counted FULL JOIN truth ON counted.team_id = truth.team_id AND counted.kind = truth.kind
WHERE coalesce(counted.bytes, 0) <> coalesce(truth.bytes, 0)
UNION ALL
SELECT coalesce(stored.team_id, of_jobs.team_id), coalesce(stored.kind, of_jobs.kind),
    'job ' || coalesce(stored.job_id, of_jobs.id), coalesce(stored.bytes, 0), coalesce(of_jobs.bytes, 0)::bigint
FROM (SELECT * FROM jobs_stored WHERE job_id IS NOT NULL) stored
FULL JOIN of_jobs ON of_jobs.id = stored.job_id AND of_jobs.kind = stored.kind
WHERE coalesce(stored.bytes, 0) <> coalesce(of_jobs.bytes, 0)
UNION ALL
SELECT stored.team_id, 'inputs', 'bundle ' || stored.bundle_id || ': jobs', stored.jobs, count(job.id)
FROM jobs_stored stored LEFT JOIN jobs_job job ON job.bundle_id = stored.bundle_id AND job.team_id = stored.team_id
WHERE stored.bundle_id IS NOT NULL GROUP BY stored.id HAVING count(job.id) <> stored.jobs
ORDER BY 1, 2, 3
"""
