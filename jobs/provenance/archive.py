"""A capsule as one .zip: `capsule.json`, and the job's files below `files/`."""

import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any, cast

from django.core.files.storage import default_storage
from django.db import close_old_connections
from django.utils import timezone

from jobs.models import Job
from jobs.provenance.capsule import FILE, FOLDER, written
from jobs.provenance.inputs import Inputs
from jobs.uploads.tarstream import StreamedFile, zip_stream

# Content that is held stays for a day: a reader may take longer.
HELD_ANEW_EVERY = 3600.0


def archive_of(job: Job, capsule: dict[str, Any], inputs: Inputs) -> Iterator[bytes]:
    """In constant memory, while it is sent; `inputs` stay held. Breaks off where a file has changed its size."""
    files = [_capsule_file(written(capsule))]
    files += [] if inputs.gone else [_below(file.path, file.size, file.key) for file in inputs.files]
    # A slow reader must not keep one of the few connections to the database.
    close_old_connections()
    held_at = time.monotonic()
    for piece in zip_stream(files, timezone.localtime(job.created_at).replace(tzinfo=None)):
        yield piece
        if time.monotonic() - held_at > HELD_ANEW_EVERY:
            held_at = time.monotonic()
            inputs.hold()
            close_old_connections()


def _capsule_file(content: bytes) -> StreamedFile:
    return FILE, len(content), lambda: cast(Any, BytesIO(content))


def _below(path: str, size: int, key: str) -> StreamedFile:
    return FOLDER + path, size, lambda: cast(Any, default_storage.open(key, "rb"))
