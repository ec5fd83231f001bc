"""What the runner sends in bulk: pieces of the output, and result files of any size in constant memory."""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import disk_usage
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Now
from django.http import HttpRequest

from clusters.failpoints import failpoint
from jobs import hints
from jobs.intake.bearer import IntakeRefused, length_of
from jobs.models import Artifact, Attempt
from jobs.output import landmarks, outputlog
from jobs.uploads.incoming import NewFile, Receiver
from jobs.uploads.paths import clean_path
from jobs.uploads.refusal import UploadRefused

CHUNK_MAX_BYTES = 1024 * 1024
BLOCK_BYTES = 256 * 1024


def take_output(attempt: Attempt, stream: str, offset: int, request: HttpRequest) -> int:
    """Store a piece of the output; the stream's size afterwards. Raises IntakeRefused (409, 411, 413, 503, 507)."""
    length = length_of(request)
    if length > CHUNK_MAX_BYTES:
        raise IntakeRefused(413, f"A piece of output may have {CHUNK_MAX_BYTES} bytes at most.")
    if offset + length > settings.OUTPUT_MAX_BYTES:
        raise IntakeRefused(413, f"{stream} may have {settings.OUTPUT_MAX_BYTES} bytes at most.")
    _check_space(length)
    data = request.read(length)
    told = request.headers.get("X-Content-SHA256", "")
    if len(data) != length or hashlib.sha256(data).hexdigest() != told.lower():
        raise IntakeRefused(503, "The piece of output arrived damaged; send it again.")
    with _no_space_is_507():
        try:
            size = outputlog.append(attempt.pk, stream, offset, data)
        except outputlog.Gap as gap:
            raise IntakeRefused(409, "Bytes before these are missing.", size=gap.size) from gap
    failpoint("intake.output.stored")
    column = f"{stream}_size"
    if Attempt.objects.filter(pk=attempt.pk, **{f"{column}__lt": size}).update(**{column: size}):
        hints.announce(attempt.job_id, "output")
    landmarks.note(attempt.pk)
    return size


def take_result(attempt: Attempt, path: str, request: HttpRequest) -> dict[str, Any]:
    """Store one result file, in place of an earlier one of that path; its sha256 and size.

    Raises IntakeRefused (400 bad path, 411, 413, 503, 507).
    """
    path = result_path(path)
    length = length_of(request)
    _check_limits(attempt, path, length)
    _check_space(length)
    arrived = _receive(request, length)
    try:
        with _no_space_is_507():
            key = _keep(arrived.place, attempt.pk)
    finally:
        arrived.discard()
    _record(attempt, path, {"size": length, "sha256": arrived.sha256, "key": key})
    return {"sha256": arrived.sha256, "size": length}


def result_path(raw: str) -> str:
    """The path under which a result is kept. Raises IntakeRefused (400)."""
    try:
        return clean_path(raw)
    except UploadRefused as refused:
        raise IntakeRefused(400, refused.sentence) from refused


def _check_limits(attempt: Attempt, path: str, length: int) -> None:
    others = attempt.artifacts.exclude(path=path).aggregate(files=Count("pk"), size=Sum("size"))
    if others["files"] >= settings.RESULT_MAX_FILES:
        raise IntakeRefused(413, f"a job may have at most {settings.RESULT_MAX_FILES} result files")
    if (others["size"] or 0) + length > settings.RESULT_MAX_BYTES:
        raise IntakeRefused(
            413, f"a job's results may have at most {settings.RESULT_MAX_BYTES} bytes together"
        )


def _check_space(length: int) -> None:
    if disk_usage(settings.MEDIA_ROOT).free - length < settings.STORAGE_RESERVE_BYTES:
        raise IntakeRefused(507, "The portal's disk is full; an admin has to make room.")


def _receive(request: HttpRequest, length: int) -> NewFile:
    """The body in a file beside the storage, and its hash. Raises IntakeRefused (503, 507)."""
    receiver = Receiver()
    left = length
    try:
        while left and (block := request.read(min(left, BLOCK_BYTES))):
            with _no_space_is_507():
                receiver.write(block)
            left -= len(block)
        with _no_space_is_507():
            arrived = receiver.finish("")
    except BaseException:
        receiver.abandon()
        raise
    told = request.headers.get("X-Content-SHA256", "").lower()
    if left or (told and told != arrived.sha256):
        arrived.discard()
        raise IntakeRefused(503, "The file arrived damaged; send it again.")
    return arrived


class _Arrived(File):
    """A finished file that the storage may move instead of copying it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self._path = path

    def temporary_file_path(self) -> str:
        return str(self._path)


def _keep(path: Path, attempt_id: int) -> str:
    """Into the storage, under a key that is never used again."""
    with _Arrived(path) as content:
        return default_storage.save(f"results/{attempt_id}/{uuid.uuid4().hex}", content)


def _record(attempt: Attempt, path: str, values: dict[str, Any]) -> None:
    """The row of the file, in place of an earlier one, whose content goes when this is committed."""
    with transaction.atomic():
        Attempt.objects.select_for_update(no_key=True).get(pk=attempt.pk)
        old = Artifact.objects.filter(attempt=attempt, path=path).first()
        if old is None:
            Artifact.objects.create(attempt=attempt, path=path, **values)
            return
        Artifact.objects.filter(pk=old.pk).update(**values, stored_at=Now())
        transaction.on_commit(partial(default_storage.delete, old.key), robust=True)


@contextmanager
def _no_space_is_507() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IntakeRefused(507, f"The portal cannot store this: {error.strerror}.") from error
