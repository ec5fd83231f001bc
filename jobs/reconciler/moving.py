"""Jobs' moves to their next statuses, with the reasons: written for all of a round at once."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models.functions import Now

from clusters.causes import End
from clusters.driver import Explained, State
from clusters.failpoints import failpoint
from jobs.admission import queues
from jobs.catalogue import Own
from jobs.hints import announce, announce_all
from jobs.lifecycle import DONE, TERMINAL, Sight, Status
from jobs.models import Attempt, Job
from jobs.models.job import Move
from jobs.reconciler.acts import GiveUp, Going
from jobs.reconciler.explaining import explain_end
from jobs.reconciler.settling import settle_outputs


def give_up(going: Going, outcome: GiveUp) -> float | None:
    """The job ends as an error; seconds until what is left of it is looked after."""
    job, attempt = going.job, going.attempt
    if attempt is not None and not outcome.is_ours:
        # Somebody else's work: nothing of ours is there to be stopped or removed.
        Attempt.objects.filter(pk=attempt.pk).update(removed_at=Now())
    reason, detail = outcome.reason, outcome.detail
    sentence = job.explained(Status.ERROR, reason, detail).sentence
    job.move_to(Status.ERROR, reason=reason, detail=detail, sentence=sentence)
    announce(job.pk, "status")
    return None if attempt is None or not outcome.is_ours else 0.0


def move_all(moving: Iterable[tuple[Going, Explained | None]]) -> list[int]:
    """Each as its step says, with what its cluster told of its end; the ids of all."""
    moves, moving = [], list(moving)
    settle_outputs([each.attempt for each, _ in moving if each.attempt and each.step.to in TERMINAL])
    for going, found in moving:
        if going.step.to:
            moves.append(_move(going.job, going.attempt, going.step.to, found))
    Job.move_all(moves)
    for _ in moves:
        failpoint("drive.moved")
    ids = [move.job.pk for move in moves]
    if ids:
        announce_all(ids, "status")
    # Where one found a node there may be one for another.
    queues.wake_after_release((), {move.job.cluster_id for move in moves if move.to is Status.RUNNING})
    return ids


def _move(job: Job, attempt: Attempt | None, to: Status, found: Explained | None) -> Move:
    times = _times(to, attempt)
    reason, detail, exit_code = _why(to, attempt)
    if to is Status.ERROR and attempt is not None:
        to, reason, detail = explain_end(job, found, reason, detail)
    sentence = job.explained(to, reason, detail, exit_code).sentence
    return Move(job, to, reason, detail, exit_code, sentence, times)


def _times(to: Status, attempt: Attempt | None) -> dict[str, datetime | None]:
    """When the phase really began: the portal may have been down while it did."""
    if attempt is None:
        return {}
    if to is Status.RUNNING:
        return {"running_at": attempt.started_at}
    if to in TERMINAL:
        # It may have run while nobody looked.
        return {"running_at": attempt.started_at}
    if to is Status.FINISHING:
        return {"running_at": attempt.started_at, "finishing_at": attempt.ended_at}
    return {}


def _why(to: Status, attempt: Attempt | None) -> tuple[str, str, int | None]:
    """Reason, the cluster's words and the exit code that go with a move."""
    if attempt is None or to not in TERMINAL:
        return "", "", None
    facts = attempt.facts
    if attempt.sight in DONE:
        code_reason = Own.SIGNAL if attempt.signal else Own.EXIT_CODE if facts.exit_code else ""
        reason = facts.reason or code_reason
        code = (
            facts.exit_code if facts.exit_code is not None else (-attempt.signal if attempt.signal else None)
        )
        words = attempt.seen_message if facts.reason == attempt.seen_reason else ""
        return reason, words, code
    if to is Status.CANCELLED:
        return "", "", None
    usual = End.LOST if attempt.sight is Sight.LOST else End.REFUSED
    is_known = attempt.seen_state == State.ENDED and not attempt.is_absent
    reason = (attempt.seen_reason if is_known else "") or usual
    return reason, attempt.seen_message, attempt.seen_exit_code
