"""What the runner reports of its script: that it started, and how it ended. Facts are written once."""

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from clusters.failpoints import failpoint
from jobs import hints
from jobs.intake.bearer import IntakeRefused
from jobs.models import Attempt
from jobs.output import outputlog

REASONS = frozenset({"", "time_limit", "out_of_memory", "stopped", "cpu_limit", "file_limit"})
LONGEST_MESSAGE = 1000


def report_started(attempt: Attempt) -> None:
    """The script's process is about to start. A repeat changes nothing."""
    if attempt.started_at is None:
        with transaction.atomic():
            tell(attempt)
            Attempt.objects.filter(pk=attempt.pk, started_at=None).update(started_at=Now())


def report_ended(attempt: Attempt, facts: dict[str, Any]) -> None:
    """The script has ended. A repeat changes nothing; another end is refused. Raises IntakeRefused (400, 409)."""
    values = _end_of(facts)
    said = str(facts.get("message") or "").replace("\0", "\\0")[:LONGEST_MESSAGE]
    if attempt.ended_at is None:
        with transaction.atomic():
            tell(attempt, "intake.ended.after_commit")
            open_row = Attempt.objects.filter(pk=attempt.pk, ended_at=None)
            open_row.update(**values, **_times(attempt, facts), end_message=said)
        _note_sizes(attempt, facts)
    attempt.refresh_from_db(fields=list(values))
    if any(getattr(attempt, name) != value for name, value in values.items()):
        raise IntakeRefused(409, "Another end of this script is known already.")


def tell(attempt: Attempt, point: str = "") -> None:
    """Make the job due in this transaction; after it wake a worker and the open pages.

    To be called first: whoever locks rows of both locks the job before the attempt, or two would wait for each other.
    """
    hints.poke(attempt.job_id)
    if point:
        transaction.on_commit(partial(failpoint, point))
    transaction.on_commit(partial(hints.hint_cluster, attempt.job.cluster_id), robust=True)
    transaction.on_commit(partial(hints.announce, attempt.job_id, "status"), robust=True)


def _end_of(facts: dict[str, Any]) -> dict[str, Any]:
    """The columns of an end. Raises IntakeRefused (400) for what no runner sends."""
    exit_code, number, reason = facts.get("exit_code"), facts.get("signal"), facts.get("reason")
    known = (
        reason in REASONS
        and _is_number(exit_code, 0, 255)
        and _is_number(number, 1, 128)
        and (exit_code is None or number is None)
        and (reason == "stopped" or exit_code is not None or number is not None)
    )
    if not known:
        raise IntakeRefused(400, "This is no end of a script: exit_code, signal and reason do not fit.")
    return {"exit_code": exit_code, "signal": number, "end_reason": reason}


def _note_sizes(attempt: Attempt, facts: dict[str, Any]) -> None:
    """How much the script wrote: what never arrives of it can be told with its size. Best effort, as is its disk."""
    told = {stream: facts.get(f"{stream}_size") for stream in outputlog.STREAMS}
    sizes = {
        stream: size for stream, size in told.items() if _is_number(size, 0, 1 << 62) and size is not None
    }
    if len(sizes) == len(told):
        with suppress(OSError):
            outputlog.note_end(attempt.pk, sizes)


def _is_number(value: object, least: int, most: int) -> bool:
    return value is None or (
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    )


def _times(attempt: Attempt, facts: dict[str, Any]) -> dict[str, Any]:
    """When it ended by the runner's clock, as far as that can be true: after the claim and not in the future."""
    now = timezone.now()
    told = facts.get("ended_at")
    ended_at = now
    if isinstance(told, (int, float)) and 0 < told < now.timestamp():
        ended_at = datetime.fromtimestamp(told, UTC)
    earliest = attempt.started_at or attempt.claimed_at or ended_at
    return {"ended_at": max(ended_at, earliest)}
