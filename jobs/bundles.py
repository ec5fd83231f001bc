"""Content of uploaded files and drafts: stored once, swept when nobody needs it."""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from jobs.models import Blob, Bundle, BundleFile, Draft
from jobs.uploads import incoming
from jobs.uploads.incoming import NewFile
from jobs.uploads.tarstream import StreamedFile

log = logging.getLogger(__name__)
FOLDER = "blobs"
AT_ONCE = 500


class ContentGone(Exception):
    """Content that was to be shared was swept meanwhile."""


def streamed_files(bundle: Bundle) -> Iterator[StreamedFile]:
    """The bundle's files as (path, size, open), sorted by path."""
    for file in bundle.files.select_related("blob"):
        key = file.blob.key
        yield file.path, file.size, lambda key=key: default_storage.open(key, "rb")  # type: ignore[misc]


def read_head(key: str, size: int) -> bytes:
    """The first `size` bytes of the content under `key`. A network call where the storage is one."""
    with default_storage.open(key, "rb") as file:
        head: bytes = file.read(size)
        return head


def store(files: Iterable[NewFile]) -> dict[str, Blob]:
    """The blobs of all `files`, by sha256; content that is not there yet is moved into the storage.

    Content first, rows second: a crash between leaves content that the sweep finds. Not within a transaction.
    """
    by_hash = {file.sha256: file for file in files}
    blobs = touched(by_hash)
    missing = [file for sha256, file in by_hash.items() if sha256 not in blobs]
    for start in range(0, len(missing), AT_ONCE):
        blobs |= _store_new(missing[start : start + AT_ONCE])
    return blobs


def touched(hashes: Iterable[str]) -> dict[str, Blob]:
    """Those of the blobs that exist, safe from the sweep from now on for as long as an upload takes."""
    known = list(hashes)
    Blob.objects.filter(sha256__in=known).update(touched_at=Now())
    return {blob.sha256: blob for blob in Blob.objects.filter(sha256__in=known)}


def _store_new(files: list[NewFile]) -> dict[str, Blob]:
    keys = {file.sha256: _move_in(file) for file in files}
    now = timezone.now()
    Blob.objects.bulk_create(
        (Blob(sha256=file.sha256, size=file.size, key=keys[file.sha256], touched_at=now) for file in files),
        ignore_conflicts=True,
    )
    blobs = touched(keys)
    for sha256, key in keys.items():
        if blobs[sha256].key != key:  # somebody stored the same content at the same moment
            default_storage.delete(key)
    return blobs


def _move_in(file: NewFile) -> str:
    with file.place.open("rb") as content:
        key: str = default_storage.save(
            f"{FOLDER}/{file.sha256[:2]}/{file.sha256}", _Arrived(content, file.place)
        )
    return key


class _Arrived(File):
    """Tells the storage on this machine's disk that it may take the file itself."""

    def __init__(self, content: IO[bytes], place: Path) -> None:
        super().__init__(content, place.name)
        self._place = place

    def temporary_file_path(self) -> str:
        return str(self._place)


def share_files(source: Bundle, target: Bundle) -> None:
    """Give `target` the same files. Within a transaction. Raises ContentGone."""
    files = list(source.files.values_list("path", "size", "blob_id"))
    wanted = {blob_id for _, _, blob_id in files}
    if Blob.objects.filter(pk__in=wanted).update(touched_at=Now()) != len(wanted):
        raise ContentGone
    BundleFile.objects.bulk_create(
        BundleFile(bundle=target, path=path, size=size, blob_id=blob_id) for path, size, blob_id in files
    )


def sweep_drafts() -> None:
    """Forget forms that nobody touched for `DRAFT_DAYS`, with their files. Content goes with the other sweeps."""
    oldest = Now() - timedelta(days=settings.DRAFT_DAYS)
    for pk in Draft.objects.filter(updated_at__lt=oldest).values_list("pk", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            # Whoever works on it now holds the row, and touches it.
            draft = (
                Draft.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("bundle")
                .filter(pk=pk, updated_at__lt=oldest)
                .first()
            )
            if draft:
                delete_draft(draft)


def delete_draft(draft: Draft) -> None:
    """The draft and its files. A bundle that a job has stays."""
    bundle = draft.bundle
    draft.delete()
    if not bundle.is_frozen and not bundle.jobs.exists():
        bundle.delete()


def sweep_blobs(age: timedelta) -> None:
    """Remove content that no bundle refers to and nobody touched for `age`: the row first, then the content."""
    is_used = Exists(BundleFile.objects.filter(blob=OuterRef("pk")))
    old = Blob.objects.filter(~is_used, touched_at__lt=Now() - age).order_by("touched_at")
    for pk in old.values_list("pk", flat=True)[: 4 * AT_ONCE]:
        with transaction.atomic():
            # The lock makes whoever touches it wait; then they find no row and store the content anew.
            blob = Blob.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if blob is None or not old.filter(pk=pk).exists():
                continue
            blob.delete()
        default_storage.delete(blob.key)


def sweep_orphan_content(age: timedelta) -> None:
    """Remove what a crash left: content without a row, and uploads that never became content."""
    oldest = timezone.now() - age
    for folder in _listed(FOLDER)[0]:
        keys = [f"{FOLDER}/{folder}/{name}" for name in _listed(f"{FOLDER}/{folder}")[1]]
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            known = set(Blob.objects.filter(key__in=some).values_list("key", flat=True))
            for key in some:
                if key not in known and _modified_before(key, oldest):
                    default_storage.delete(key)
    for place in incoming.folder().glob(f"{incoming.PREFIX}*"):
        try:
            if place.stat().st_mtime < oldest.timestamp():
                place.unlink()
        except FileNotFoundError:
            continue


def _listed(folder: str) -> tuple[list[str], list[str]]:
    try:
        folders, files = default_storage.listdir(folder)
    except (FileNotFoundError, SuspiciousFileOperation):
        return [], []
    return folders, files


def _modified_before(key: str, moment: datetime) -> bool:
    try:
        return bool(default_storage.get_modified_time(key) < moment)
    except FileNotFoundError:
        return False
