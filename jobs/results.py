"""The result files of a job: which are listed, and what pages ask them."""

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils.safestring import SafeString

from jobs import store
from jobs.lifecycle import Status
from jobs.models import Artifact, Attempt, Job
from jobs.previews.addresses import Addresses
from jobs.previews.grid import Order
from jobs.previews.kinds import kind_of
from jobs.previews.preview import SNIPPET_BYTES, Preview, preview_of, snippet_of
from jobs.result_rules import rules_of
from jobs.uploads.incoming import has_room
from jobs.uploads.refusal import visible

NO_SNIPPET = SafeString("")
MOST_SNIPPETS = 40
# A tile loads the whole picture; a larger one is shown on its own page only.
MOST_TILE_BYTES = 8 * 1024 * 1024
SNIPPET_KINDS = frozenset({"table", "json", "markdown", "text", "code", "file"})
# What the runner says of a file that waited in vain (runner/collect.py).
TOO_LATE = "the portal did not take it in time"
RESULTS_FOLLOW = (
    "The results follow: the portal's disk is full. They wait with the job until an admin has made room. How the"
    " script ended is known and does not change."
)
AWAY = "Previews are not there just now: the storage does not answer. Nothing is lost; try again in a minute."
MOST_NAMED = 3
OUTPUT_FILES = frozenset({"stdout.log", "stderr.log"})


@dataclass(frozen=True)
class Result:
    """One result file as pages see it. `path` and `name` can be shown: nothing in them is invisible."""

    id: int
    job_id: int
    path: str
    size: int
    kind: str
    preview_html: SafeString = NO_SNIPPET
    is_lost: bool = False
    is_away: bool = False

    @property
    def name(self) -> str:
        """The path's last part."""
        return posixpath.basename(self.path)

    @property
    def folder(self) -> str:
        """What stands before the name, with its slash; empty at the top."""
        return self.path[: len(self.path) - len(self.name)]

    @property
    def is_image(self) -> bool:
        """A browser can show it as a picture."""
        return self.kind == "image"

    @property
    def is_tile_image(self) -> bool:
        """It is also small enough for the grid."""
        return self.is_image and self.size <= MOST_TILE_BYTES

    @property
    def view_url(self) -> str:
        """Its own page."""
        return reverse("artifact_detail", args=[self.job_id, self.id])

    @property
    def raw_url(self) -> str:
        """Its content, for a picture or a frame."""
        return reverse("artifact_raw", args=[self.job_id, self.id])

    @property
    def download_url(self) -> str:
        """Its content, to be saved."""
        return reverse("artifact_download", args=[self.job_id, self.id])


def newest_attempt(job: Job) -> Attempt | None:
    """The attempt whose results count; None before the first."""
    return Attempt.objects.filter(job=job).order_by("-number").first()


def listed(attempt: Attempt | None) -> QuerySet[Artifact]:
    """The attempt's files that its manifest named, by path."""
    files = Artifact.objects.filter(attempt=attempt, is_listed=True) if attempt else Artifact.objects.none()
    return files.order_by("path")


def find_artifact(job: Job, artifact_id: int) -> Artifact:
    """A listed result of this very job. Raises Http404."""
    artifact = Artifact.objects.filter(attempt__job=job, is_listed=True, pk=artifact_id).first()
    if artifact is None:
        raise Http404("There is no such result file.")
    return artifact


def neighbours(artifact: Artifact) -> tuple[Artifact | None, Artifact | None]:
    """The results before and after it, by path."""
    others = Artifact.objects.filter(attempt_id=artifact.attempt_id, is_listed=True)
    before = others.filter(path__lt=artifact.path).order_by("-path").first()
    return before, others.filter(path__gt=artifact.path).order_by("path").first()


def shown(job: Job, artifact: Artifact, preview_html: SafeString = NO_SNIPPET) -> Result:
    """What a page needs to know of it."""
    path = shown_path(artifact.path)
    return Result(artifact.pk, job.pk, path, artifact.size, kind_of(artifact.path), preview_html)


def shown_path(path: str) -> str:
    """The whole path with its invisible characters escaped."""
    return "/".join(visible(part) for part in path.split("/"))


def with_snippets(job: Job, artifacts: Iterable[Artifact]) -> list[Result]:
    """The tiles of one page: the first MOST_SNIPPETS files that can have a snippet get one; those that are lost say so.

    A storage that does not answer is asked once: each try may take seconds.
    """
    files = list(artifacts)
    gone, is_away = _gone(files)
    left = 0 if is_away else MOST_SNIPPETS
    tiles = []
    for artifact in files:
        html = NO_SNIPPET
        try:
            if (
                left
                and artifact.size
                and artifact.key not in gone
                and kind_of(artifact.path) in SNIPPET_KINDS
            ):
                left -= 1
                html = _snippet(artifact)
        except FileNotFoundError:
            gone.add(artifact.key)
        except store.StoreAway:
            is_away, left = True, 0
        tile = shown(job, artifact, html)
        tiles.append(replace(tile, is_lost=artifact.key in gone, is_away=is_away))
    return tiles


def _gone(files: Sequence[Artifact]) -> tuple[set[str], bool]:
    """The keys of those that are stored no more, as far as storages answer; and whether one does not."""
    keys = {file.key for file in files}
    in_s3 = {key for key in keys if key.startswith(store.IN_S3)}
    gone = store.missing(keys - in_s3)
    try:
        return gone | store.missing(in_s3), False
    except store.StoreAway:
        return gone, True


def lost(tiles: Sequence[Result]) -> list[str]:
    """The flags for files whose content is gone from the storage, or away; how the job ended does not change."""
    gone = [tile.path for tile in tiles if tile.is_lost]
    away = [AWAY] if any(tile.is_away for tile in tiles) else []
    if not gone:
        return away
    more = f" and {len(gone) - MOST_NAMED} more" if len(gone) > MOST_NAMED else ""
    named = ", ".join(gone[:MOST_NAMED])
    there = "" if away else " The other files are there."
    return [*away, f"Not stored any more: {named}{more}.{there} Run the job again to get them."]


def preview(job: Job, artifact: Artifact, order: Order | None = None) -> Preview:
    """The preview of one file, a table's rows in `order`; a missing content is said, not raised."""
    addresses = Addresses(
        artifact.path,
        picture=partial(_address_beside, job, artifact, "artifact_raw"),
        page=partial(_address_beside, job, artifact, "artifact_detail"),
    )
    try:
        if not store.exists(artifact.key):
            raise FileNotFoundError(artifact.key)
        return preview_of(artifact.path, artifact.size, partial(store.open_, artifact.key), addresses, order)
    except FileNotFoundError:
        return Preview("missing", note="its content is not stored any more")
    except store.StoreAway as error:
        return Preview("away", note=f"its content cannot be read now: {error}")


def kept_at(job: Job, attempt: Attempt | None) -> datetime | None:
    """When the script kept what is listed while it runs; None once the final list is there."""
    if attempt is None or job.is_finished or attempt.collected_at is not None:
        return None
    return attempt.kept_at


def flags(job: Job, attempt: Attempt | None) -> list[str]:
    """What is wrong with the results as a whole, in sentences."""
    if attempt is None or not job.is_finished:
        return [RESULTS_FOLLOW] if attempt and job.status == Status.FINISHING and not has_room() else []
    found = []
    if attempt.started_at and attempt.collected_at is None:
        found.append(
            "The results are incomplete: the connection to the job was lost before all files had arrived. "
            + _what_came(attempt)
            + "Run it again to get them."
        )
    if late := [file for file in attempt.skipped if str(file.get("why")).startswith(TOO_LATE)]:
        named = ", ".join(shown_path(str(file.get("path"))) for file in late[:MOST_NAMED])
        more = f" and {len(late) - MOST_NAMED} more" if len(late) > MOST_NAMED else ""
        found.append(
            f"The results are incomplete: {named}{more} did not arrive, because the portal could not take them in"
            " time. The reason stands beside each below. How the script ended is not touched by it."
        )
    if cut := [file for file in attempt.skipped if _is_cut_output(file)]:
        found.append(f"The output is not complete: {cut[0]['why']}. The tab Output shows where.")
    return found


def _what_came(attempt: Attempt) -> str:
    """Which files of an attempt without a manifest are listed; "" where none is."""
    if attempt.kept_at:
        return "What the script kept while it ran is listed. "
    if listed(attempt).exists():
        return "What had come whole is listed; the list of all files never came, so others may be missing. "
    return ""


def left_out(attempt: Attempt | None) -> list[dict[str, str]]:
    """The files that the runner did not take: path (can be shown) and why."""
    skipped = attempt.skipped if attempt else []
    return [
        {"path": shown_path(str(file.get("path"))), "why": str(file.get("why"))}
        for file in skipped
        if not _is_cut_output(file)
    ]


def rules_without_effect(job: Job, attempt: Attempt | None) -> str:
    """Rules of this job that left nothing out, named; "" while that is not known, or there are none."""
    if (
        attempt is None
        or attempt.collected_at is None
        or any(file.get("path") == "…" for file in attempt.skipped)
    ):
        return ""
    rules = rules_of(job.result_rules, job.disk_bytes)
    return ", ".join(rules.without_effect([str(file.get("why")) for file in attempt.skipped]))


def _snippet(artifact: Artifact) -> SafeString:
    try:
        with store.open_(artifact.key, end=SNIPPET_BYTES) as file:
            return snippet_of(artifact.path, file.read(SNIPPET_BYTES))
    except (FileNotFoundError, store.StoreAway):
        raise
    except OSError:
        return NO_SNIPPET


def _address_beside(job: Job, artifact: Artifact, view: str, path: str) -> str | None:
    other = Artifact.objects.filter(attempt_id=artifact.attempt_id, is_listed=True, path=path).first()
    if other is None or (view == "artifact_raw" and kind_of(path) != "image"):
        return None
    return reverse(view, args=[job.pk, other.pk])


def _is_cut_output(file: dict[str, str]) -> bool:
    """Bytes of a stream are missing, by the runner's words; a result file may have the same name."""
    return file.get("path") in OUTPUT_FILES and bool(re.match(r"\d+ bytes ", str(file.get("why"))))
