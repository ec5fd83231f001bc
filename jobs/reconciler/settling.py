"""The output of an attempt of which nothing more will come: what was only shown of it becomes a part of it."""

import logging

from django.db import OperationalError
from django.db.models import F
from django.db.models.functions import Greatest

from clusters.failpoints import failpoint
from jobs import hints
from jobs.metrics import pickup
from jobs.models import Attempt
from jobs.output import landmarks, outputlog
from jobs.output.outputlog import Place
from jobs.output.tails import MOST_BYTES

log = logging.getLogger(__name__)


def settle_output(attempt: Attempt) -> None:
    """To be called when its work is proven over, before its job's end is told: who watches gets it as output.

    May be repeated, and goes on wherever it was killed. A runner that is there nevertheless is refused what does not
    fit. Where the disk takes nothing the end is not kept: that stops no job.
    """
    has_tails = bool(outputlog.streams_with_tails(attempt.pk))
    if attempt.collected_at is None and Attempt.objects.filter(pk=attempt.pk, collected_at=None).exists():
        try:
            _adopt(attempt) if has_tails else _write_sizes(attempt)
        except (OSError, OperationalError) as error:
            log.warning("the end of the output of attempt %s is not kept: %s", attempt.pk, error)
            return
    if has_tails:
        outputlog.forget_tails(attempt.pk)


def _adopt(attempt: Attempt) -> None:
    for stream in outputlog.streams_with_tails(attempt.pk):
        outputlog.adopt_tail(attempt.pk, stream)
    failpoint("tail.stored")
    stored = _write_sizes(attempt)
    pickup.after_output(attempt, "stdout", max(0, stored.stdout - MOST_BYTES), stored.stdout)
    landmarks.note(attempt.pk)
    hints.announce(attempt.job_id, "output")


def _write_sizes(attempt: Attempt) -> Place:
    """No manifest does it, and an intake that was killed may not have come to it (jobs/intake/growth.py)."""
    stored = outputlog.sizes(attempt.pk)
    sizes = {
        "stdout_size": Greatest(F("stdout_size"), stored.stdout),
        "stderr_size": Greatest(F("stderr_size"), stored.stderr),
    }
    Attempt.objects.filter(pk=attempt.pk).update(**sizes)
    return stored
