"""Where result files go: their limits, the room for them, the storage and their rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Now

from jobs import store
from jobs.intake.bearer import IntakeRefused
from jobs.models import Artifact, Attempt
from jobs.result_rules import rules_of
from jobs.uploads.incoming import has_room
from jobs.uploads.paths import clean_path
from jobs.uploads.refusal import UploadRefused


def result_path(raw: str) -> str:
    """The path under which a result is kept. Raises IntakeRefused (400)."""
    try:
        return clean_path(raw)
    except UploadRefused as refused:
        raise IntakeRefused(400, refused.sentence) from refused


def check_limits(attempt: Attempt, path: str, length: int) -> None:
    """What is sent between two manifests stays within the job's limits. Raises IntakeRefused (413)."""
    sent = attempt.artifacts.filter(is_listed=False).exclude(path=path)
    others = sent.aggregate(files=Count("pk"), size=Sum("size"))
    if others["files"] >= settings.RESULT_MAX_FILES:
        raise IntakeRefused(413, f"a job may have at most {settings.RESULT_MAX_FILES} result files")
    most = rules_of(attempt.job.result_rules).total_bytes
    if (others["size"] or 0) + length > most:
        raise IntakeRefused(413, f"this job's results may have at most {most} bytes together")


def check_space(length: int) -> None:
    """Raises IntakeRefused (507) where so much more would eat into the reserve."""
    if not has_room(length):
        raise IntakeRefused(507, "The portal's disk is full; an admin has to make room.")


@contextmanager
def no_space_is_507() -> Iterator[None]:
    """A write that failed is answered so that the runner waits and sends it again."""
    try:
        yield
    except store.StoreAway:
        raise
    except OSError as error:
        raise IntakeRefused(507, f"The portal cannot store this: {error.strerror}.") from error


def keep(attempt: Attempt, path: str, place: Path, facts: dict[str, Any]) -> None:
    """Store what lies at `place`; `facts` are its size and sha256. It is shown when a manifest names it.

    Raises IntakeRefused (503: the storage is away, 507).
    """
    try:
        with no_space_is_507():
            key = store.save(place, attempt.pk)
    except store.StoreAway as error:
        raise IntakeRefused(503, f"The results cannot be stored now: {error}.") from error
    record(attempt, path, {**facts, "key": key})


def record(attempt: Attempt, path: str, values: dict[str, Any]) -> None:
    """Beside the row that is listed, in place of an earlier one, whose content goes when this is committed."""
    with transaction.atomic():
        Attempt.objects.select_for_update(no_key=True).get(pk=attempt.pk)
        old = Artifact.objects.filter(attempt=attempt, path=path, is_listed=False).first()
        if old is None:
            Artifact.objects.create(attempt=attempt, path=path, **values)
            return
        if old.key == values["key"]:
            return
        Artifact.objects.filter(pk=old.pk).update(**values, stored_at=Now())
        transaction.on_commit(partial(store.delete, old.key), robust=True)
