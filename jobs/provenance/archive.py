"""A capsule as one .zip: `capsule.json`, and the job's files below `files/`."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, cast

from django.db import close_old_connections
from django.utils import timezone

from jobs.bundles import streamed_files
from jobs.models import Job
from jobs.provenance.capsule import FILE, FOLDER, written
from jobs.uploads.tarstream import StreamedFile, zip_stream


def archive_of(job: Job, capsule: dict[str, Any]) -> Iterator[bytes]:
    """In constant memory, while it is sent. Breaks off where a file has vanished or changed its size."""
    files = [_capsule_file(written(capsule)), *_below(job)]
    # A slow reader must not keep one of the few connections to the database.
    close_old_connections()
    yield from zip_stream(files, timezone.localtime(job.created_at).replace(tzinfo=None))


def _capsule_file(content: bytes) -> StreamedFile:
    return FILE, len(content), lambda: cast(Any, BytesIO(content))


def _below(job: Job) -> Iterator[StreamedFile]:
    for path, size, opened in streamed_files(job.bundle):
        yield FOLDER + path, size, opened
