"""What jobs were given: their files by path and hash, also where a rule has deleted the content."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from jobs.models import Blob, BundleFile, Job, Kind, Stored
from jobs.retention.gone import sentence_of

SHOWN = ("bundle_id", "path", "size", "blob__sha256", "blob__key")


@dataclass(frozen=True)
class InputFile:
    """One of them. `key`: where its content is; "" where it is no longer kept."""

    path: str
    size: int
    sha256: str
    key: str = ""


@dataclass(frozen=True)
class Inputs:
    """A job's files by path. `gone`: in a sentence, by which rule their content went; "" where it is kept."""

    files: Sequence[InputFile]
    gone: str = ""

    def hold(self) -> bool:
        """Keep the sweep away from their content, for a day. False: some of it was swept already."""
        wanted = {file.sha256 for file in self.files}
        return Blob.objects.filter(sha256__in=wanted).update(touched_at=Now()) == len(wanted)


def inputs_of(job: Job) -> Inputs:
    """Those of one job. Two statements."""
    return inputs_of_all([job])[job.pk]


def held_inputs_of(job: Job) -> Inputs:
    """The same, whose content stays for a day where it is not gone."""
    inputs = inputs_of(job)
    # A rule was faster by a moment: it has left a mark.
    return inputs if inputs.gone or inputs.hold() else inputs_of(job)


def inputs_of_all(jobs: Sequence[Job]) -> dict[int, Inputs]:
    """By the jobs' ids. Two statements, the mark that they are gone last."""
    bundles = {job.bundle_id for job in jobs}
    files: dict[UUID, list[InputFile]] = defaultdict(list)
    rows: Iterable[Any] = BundleFile.objects.filter(bundle__in=bundles).order_by("path").values_list(*SHOWN)
    for bundle_id, *told in rows:
        files[bundle_id].append(InputFile(*told))
    marked = Stored.objects.filter(kind=Kind.INPUTS, bundle__in=bundles, gone_at__isnull=False)
    gone = {(row.bundle_id, row.team_id): row for row in marked.defer("keys")}
    return {
        job.pk: _deleted(row)
        if (row := gone.get((job.bundle_id, job.team_id)))
        else Inputs(files[job.bundle_id])
        for job in jobs
    }


def _deleted(row: Stored) -> Inputs:
    files = [InputFile(path, size, sha256) for path, size, sha256 in row.listing]
    return Inputs(files, sentence_of(row))
