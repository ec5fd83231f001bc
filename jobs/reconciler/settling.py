"""The output of an attempt of which nothing more will come: what was only shown of it becomes a part of it."""

import logging
from collections.abc import Sequence

from django.db import Error

from clusters.failpoints import failpoint
from jobs import hints
from jobs.metrics import pickup
from jobs.models import Attempt
from jobs.output import growth, landmarks, outputlog
from jobs.output.tails import MOST_BYTES
from jobs.reconciler.arrived import list_arrived

log = logging.getLogger(__name__)


def settle_outputs(attempts: Sequence[Attempt]) -> None:
    """To be called when their works are proven over, before their jobs' ends are told: who watches gets it as output.

    May be repeated, and goes on wherever it was killed. A runner that is there nevertheless is refused what does not
    fit. Where the disk takes nothing the end is not kept: that stops no job.
    """
    unfinished = [attempt.pk for attempt in attempts if attempt.collected_at is None]
    rows = (
        Attempt.objects.filter(pk__in=unfinished, collected_at=None) if unfinished else Attempt.objects.none()
    )
    uncollected = set(rows.values_list("pk", flat=True))
    for attempt in attempts:
        if outputlog.streams_with_tails(attempt.pk):
            _settle_tails(attempt, is_collected=attempt.pk not in uncollected)
    # No manifest does it, and an intake that was killed may not have come to it.
    try:
        growth.write_stored(uncollected)
    except Error as error:
        log.warning("the sizes of %s outputs are not written: %s", len(uncollected), type(error).__name__)
    list_arrived(uncollected)


def _settle_tails(attempt: Attempt, *, is_collected: bool) -> None:
    if not is_collected:
        try:
            _adopt(attempt)
        except OSError as error:
            log.warning("the end of the output of attempt %s is not kept: %s", attempt.pk, error)
            return
    outputlog.forget_tails(attempt.pk)


def _adopt(attempt: Attempt) -> None:
    for stream in outputlog.streams_with_tails(attempt.pk):
        outputlog.adopt_tail(attempt.pk, stream)
    failpoint("tail.stored")
    stored = outputlog.sizes(attempt.pk)
    pickup.after_output(attempt, "stdout", max(0, stored.stdout - MOST_BYTES), stored.stdout)
    landmarks.note(attempt.pk)
    hints.announce(attempt.job_id, "output")
