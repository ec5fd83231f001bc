"""Reads the words of new jobs, and of those whose tags were changed: each script once, in batches, by one worker.

Level-triggered: a job whose row names no entry is not read yet.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from jobs.bundles import read_head
from jobs.models import Blob, BundleFile, Job, ScriptText, SearchedJob, SearchEntry, SearchShelf
from jobs.search.words import words_of_job, words_of_scripts

log = logging.getLogger(__name__)
AT_ONCE = 100
# So much of a file is read, and so many files of a job.
MOST_BYTES, MOST_FILES = 64 * 1024, 60
SHELF = 8192
# Held while a batch is written: two would count the same shelf.
LOCK = 7_226_001
NOT_SCRIPTS = (
    *(
        ".csv",
        ".tsv",
        ".parquet",
        ".npy",
        ".npz",
        ".pkl",
        ".rds",
        ".rdata",
        ".h5",
        ".hdf5",
        ".feather",
        ".arrow",
    ),
    *(
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".pdf",
        ".zip",
        ".gz",
        ".xz",
        ".bz2",
        ".tar",
        ".jsonl",
        ".geojson",
    ),
)
EVERYBODY = 0


@dataclass(frozen=True)
class _Job:
    id: int
    team_id: int
    bundle_id: UUID
    name: str
    tags: list[str]
    arguments: list[str]

    @property
    def digest(self) -> str:
        same = [self.team_id, str(self.bundle_id), self.name, self.tags, self.arguments]
        return hashlib.sha256(json.dumps(same).encode()).hexdigest()


def note(job_ids: Iterable[int]) -> None:
    """These are new, or their words have changed. In the transaction that changes them."""
    rows = [SearchedJob(job_id=job_id, entry=None) for job_id in job_ids]
    SearchedJob.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["entry"], unique_fields=["job"]
    )


def read_pending(batches: int = 20) -> int:
    """Read the jobs that wait for it, newest first; how many there were."""
    total = 0
    for _ in range(batches):
        jobs = _waiting()
        _read_texts({job.bundle_id for job in jobs})
        written = _write(jobs)
        total += written
        if written < AT_ONCE:
            break
    return total


def _waiting() -> list[_Job]:
    waiting = list(
        SearchedJob.objects.filter(entry=None).order_by("-job_id").values_list("job_id", flat=True)[:AT_ONCE]
    )
    jobs = Job.objects.filter(pk__in=waiting)
    return [_Job(*row) for row in jobs.values_list("pk", "team_id", "bundle_id", "name", "tags", "arguments")]


def _read_texts(bundle_ids: Iterable[UUID]) -> None:
    """Each file that was not read yet. Not in a transaction: the storage may be a network call."""
    files = BundleFile.objects.filter(bundle__in=list(bundle_ids), blob__script_text=None)
    unread: dict[int, Blob] = {}
    for path, blob in [
        (file.path, file.blob) for file in files.select_related("blob")[: AT_ONCE * MOST_FILES]
    ]:
        if not path.lower().endswith(NOT_SCRIPTS):
            unread[blob.pk] = blob
    for blob in unread.values():
        ScriptText.objects.bulk_create(
            [ScriptText(blob=blob, text=text_of(_head(blob)))], ignore_conflicts=True
        )


def _head(blob: Blob) -> bytes:
    try:
        return read_head(blob.key, MOST_BYTES)
    except FileNotFoundError:
        # Gone from the disk: the job is found by everything else.
        log.warning("the content of blob %s is not in the storage", blob.pk)
        return b""


def text_of(head: bytes) -> str:
    """The text that these bytes begin; "" where they are none. The last character may be cut."""
    if b"\0" in head:
        return ""
    for cut in range(4):
        try:
            return head[: len(head) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            if len(head) < MOST_BYTES:
                break
    return head.decode("latin-1") if _is_latin(head) else ""


def _is_latin(head: bytes) -> bool:
    """Text of an old editor: no signs that only binary files have."""
    return not any(byte < 9 or 13 < byte < 27 or 127 <= byte < 160 for byte in head)


def _write(jobs: list[_Job]) -> int:
    if not jobs:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,))
        if not cursor.fetchone()[0]:
            return 0
        # Held: whoever deletes one of them, or changes its tags, waits or was faster.
        held = set(
            SearchedJob.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(job__in=[job.id for job in jobs], entry=None)
            .values_list("job_id", flat=True)
        )
        here = [job for job in jobs if job.id in held]
        known = _known(here) | _new_entries(here)
        SearchedJob.objects.bulk_update(
            (SearchedJob(job_id=job.id, entry_id=known[job.digest]) for job in here), ["entry"]
        )
    return len(here)


def _known(jobs: list[_Job]) -> dict[str, int]:
    digests = {job.digest for job in jobs}
    return dict(SearchEntry.objects.filter(digest__in=digests).values_list("digest", "pk"))


def _new_entries(jobs: list[_Job]) -> dict[str, int]:
    known = _known(jobs)
    new = {job.digest: job for job in jobs if job.digest not in known}
    files = _files({job.bundle_id for job in new.values()})
    ids: dict[str, int] = {}
    for digest, job in new.items():
        paths, texts = files.get(job.bundle_id, ([], []))
        words = words_of_job(job.name, job.tags, job.arguments, paths) | words_of_scripts(texts)
        shelf, own_shelf = _next_shelf(EVERYBODY), _next_shelf(job.team_id)
        keys = [f"{EVERYBODY}.{shelf}.{word}" for word in words]
        keys += [f"{job.team_id}.{own_shelf}.{word}" for word in words]
        with connection.cursor() as cursor:
            cursor.execute(NEW_ENTRY, (digest, job.bundle_id, shelf, keys))
            ids[digest] = cursor.fetchone()[0]
    return ids


NEW_ENTRY = """
INSERT INTO jobs_searchentry (digest, bundle_id, shelf, words) VALUES (%s, %s, %s, array_to_tsvector(%s::text[]))
RETURNING id
"""


def _files(bundle_ids: Iterable[UUID]) -> Mapping[UUID, tuple[list[str], list[str]]]:
    """Paths and texts by bundle."""
    rows = BundleFile.objects.filter(bundle__in=list(bundle_ids)).order_by("bundle_id", "path")
    found: dict[UUID, tuple[list[str], list[str]]] = {}
    for bundle_id, path, text in rows.values_list("bundle_id", "path", "blob__script_text__text").iterator():
        paths, texts = found.setdefault(bundle_id, ([], []))
        if len(paths) < MOST_FILES:
            paths.append(path)
            if text:
                texts.append(text)
    return found


def _next_shelf(team_id: int) -> int:
    """Where the next entry stands: the newest shelf, or a new one behind a full one. With LOCK held."""
    last = SearchShelf.objects.filter(team=team_id).order_by("-number").first()
    if last is None or last.entries >= SHELF:
        last = SearchShelf(team=team_id, number=last.number + 1 if last else 0)
    last.entries += 1
    last.save()
    return last.number
