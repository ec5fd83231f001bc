"""The results of an attempt of which no manifest will come: whole files that came are shown, nothing stays unseen."""

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial

from django.db import Error, transaction
from django.db.models.functions import Now

from jobs import store
from jobs.models import Artifact, Attempt

log = logging.getLogger(__name__)
# A call of a runner that is under way when its work is removed ends within this time.
LATE = timedelta(minutes=2)
AT_ONCE = 200


def list_left_over() -> None:
    """A round for what came after `list_arrived`, in the last moment of a token, and for what a crash kept from it."""
    over = Artifact.objects.filter(is_listed=False, attempt__removed_at__lt=Now() - LATE)
    list_arrived(list(over.order_by().values_list("attempt", flat=True).distinct()[:AT_ONCE]))


def list_arrived(attempt_ids: Collection[int]) -> None:
    """To be called when their works are proven over. Other files may be missing; how their scripts ended stays.

    May be repeated. Where the database does not take it nothing changes: that stops no job.
    """
    if not attempt_ids:
        return
    came = Artifact.objects.filter(attempt__in=attempt_ids, is_listed=False)
    try:
        for attempt_id in sorted(set(came.values_list("attempt", flat=True))):
            with transaction.atomic():
                _list(attempt_id)
    except Error as error:
        log.warning("results that came without a list are not shown: %s", type(error).__name__)


def _list(attempt_id: int) -> None:
    attempt = Attempt.objects.select_for_update(no_key=True).get(pk=attempt_id)
    listed = {artifact.path: artifact for artifact in attempt.artifacts.filter(is_listed=True)}
    rest: list[Artifact] = []
    for artifact in attempt.artifacts.filter(is_listed=False):
        kept = listed.get(artifact.path)
        if kept is not None or attempt.collected_at is not None:
            rest.append(kept if kept is not None and _is_newer(attempt, artifact) else artifact)
    Artifact.objects.filter(pk__in=[artifact.pk for artifact in rest]).delete()
    attempt.artifacts.filter(is_listed=False).update(is_listed=True)
    for artifact in rest:
        transaction.on_commit(partial(store.delete, artifact.key), robust=True)


def _is_newer(attempt: Attempt, artifact: Artifact) -> bool:
    """It came after the script's end. Before it the script may have written while the file was read."""
    if attempt.collected_at is not None or attempt.ended_at is None:
        return False
    return artifact.stored_at >= attempt.ended_at
