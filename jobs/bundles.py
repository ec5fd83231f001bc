"""Content of uploaded files and drafts: stored once, swept when nobody needs it."""

from collections.abc import Iterator
from datetime import timedelta

from django.core.files.storage import default_storage

from jobs.models import Bundle
from jobs.uploads.tarstream import StreamedFile


def streamed_files(bundle: Bundle) -> Iterator[StreamedFile]:
    """The bundle's files as (path, size, open), sorted by path."""
    for file in bundle.files.select_related("blob"):
        key = file.blob.key
        yield file.path, file.size, lambda key=key: default_storage.open(key, "rb")  # type: ignore[misc]


def sweep_drafts() -> None:
    """Not written yet."""


def sweep_blobs(age: timedelta) -> None:
    """Not written yet."""


def sweep_orphan_content(age: timedelta) -> None:
    """Not written yet."""
