"""How a job moves: statuses, what can be seen of its work, what is wished, and the next step. Pure.

The diagram in docs/lifecycle.md is generated from `next_step` by `python -m jobs.lifecycle_diagram`.
"""

from dataclasses import dataclass
from enum import StrEnum

from clusters.causes import INTERRUPTIONS


class Status(StrEnum):
    """Few statuses drive; a reason explains (see jobs/catalogue/)."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHING = "finishing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ERROR = "error"


TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.ERROR})
ACTIVE = tuple(status for status in Status if status not in TERMINAL)
MOVES: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.STARTING, Status.CANCELLED, Status.ERROR}),
    Status.STARTING: frozenset({Status.RUNNING, Status.FINISHING, Status.CANCELLED, Status.ERROR}),
    Status.RUNNING: frozenset({Status.FINISHING, Status.CANCELLED, Status.ERROR}),
    Status.FINISHING: frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.ERROR}),
    **{status: frozenset() for status in TERMINAL},
}


class Wish(StrEnum):
    """What the people want; written by views."""

    RUN = "run"
    CANCEL = "cancel"


class Sight(StrEnum):
    """What is known of the attempt's work, from the cluster and from the runner's own reports together."""

    NOTHING = "nothing"  # never confirmed as created, nor seen
    UNCONFIRMED = (
        "unconfirmed"  # seen at the cluster, but perhaps only a part: its worker died while it made it
    )
    PENDING = "pending"  # created; the script has not started
    RUNNING = "running"  # the script was started
    ORPHANED = "orphaned"  # it may run on although somebody deleted what held it to its limits
    EXITED_OK = "exited ok"  # the script ended with 0; output and results still come in
    EXITED_BAD = "exited bad"  # the script ended otherwise; output and results still come in
    EXITED_STOPPED = "exited stopped"  # the script was ended by a stop; output and results still come in
    DONE_OK = "done ok"  # as above, and nothing more will come
    DONE_BAD = "done bad"
    DONE_STOPPED = "done stopped"
    REFUSED = "refused"  # the work is over and the script was never started
    LOST = "lost"  # the work is over or proven absent and nobody knows how the script ended


EXITED = frozenset({Sight.EXITED_OK, Sight.EXITED_BAD, Sight.EXITED_STOPPED})
DONE = frozenset({Sight.DONE_OK, Sight.DONE_BAD, Sight.DONE_STOPPED})
OVER = DONE | {Sight.REFUSED, Sight.LOST}


class Act(StrEnum):
    """What a worker does at the cluster; each one is idempotent."""

    NOTHING = "nothing"
    ADMIT = "admit"
    CREATE = "create"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True)
class Step:
    """One act at the cluster, then one move of the status (None: stays)."""

    act: Act = Act.NOTHING
    to: Status | None = None


STAY = Step()


def next_step(status: Status, sight: Sight, wish: Wish) -> Step:
    """The one next step. Total: every combination has an answer, and facts beat wishes."""
    if status in TERMINAL:
        return _after_the_end(sight)
    if status is Status.QUEUED:
        return _from_queued(sight, wish)
    if status is Status.FINISHING:
        return _from_finishing(sight, wish)
    return _from_started(status, sight, wish)


def _after_the_end(sight: Sight) -> Step:
    """A ghost that still lives is stopped; what is over is removed."""
    return Step(Act.REMOVE if sight in OVER or sight is Sight.NOTHING else Act.STOP)


def _from_queued(sight: Sight, wish: Wish) -> Step:
    if sight is not Sight.NOTHING:
        return Step(to=Status.STARTING)
    return Step(to=Status.CANCELLED) if wish is Wish.CANCEL else Step(Act.ADMIT, Status.STARTING)


def _from_started(status: Status, sight: Sight, wish: Wish) -> Step:
    """From starting or running."""
    if sight in EXITED or sight in DONE:
        return Step(to=Status.FINISHING)
    if sight in OVER:
        return Step(to=Status.CANCELLED if wish is Wish.CANCEL else Status.ERROR)
    if sight is Sight.ORPHANED:
        return Step(Act.STOP)
    if status is Status.STARTING and sight in (Sight.NOTHING, Sight.UNCONFIRMED):
        # A create may still arrive late, or be completed. Its claim is refused, so the wish can be granted now.
        return Step(Act.STOP, Status.CANCELLED) if wish is Wish.CANCEL else Step(Act.CREATE)
    to = Status.RUNNING if status is Status.STARTING and sight is Sight.RUNNING else None
    return Step(Act.STOP if wish is Wish.CANCEL else Act.NOTHING, to)


def _from_finishing(sight: Sight, wish: Wish) -> Step:
    ends = {
        Sight.DONE_OK: Status.SUCCEEDED,
        Sight.DONE_BAD: Status.FAILED,
        Sight.DONE_STOPPED: Status.CANCELLED if wish is Wish.CANCEL else Status.ERROR,
        Sight.REFUSED: Status.ERROR,
        Sight.LOST: Status.ERROR,
    }
    return Step(to=ends[sight]) if sight in ends else STAY


@dataclass(frozen=True)
class Facts:
    """Everything that was reported about an attempt; `sight` reads it."""

    is_created: bool = False
    is_seen: bool = False
    is_started: bool = False
    has_ended: bool = False
    exit_code: int | None = None
    reason: str = ""
    is_collected: bool = False
    is_work_over: bool = False
    is_absent: bool = False
    is_orphaned: bool = False


def sight(facts: Facts) -> Sight:
    """What the facts amount to. An outcome the runner reported outlives the pod that had it."""
    over = facts.is_work_over or facts.is_absent
    if facts.has_ended:
        return _ended(facts, is_done=facts.is_collected or over)
    if over:
        return Sight.LOST if facts.is_started or facts.is_absent or facts.reason == "lost" else Sight.REFUSED
    if facts.is_orphaned:
        return Sight.ORPHANED
    if facts.is_started:
        return Sight.RUNNING
    if facts.is_created:
        return Sight.PENDING
    return Sight.UNCONFIRMED if facts.is_seen else Sight.NOTHING


def _ended(facts: Facts, *, is_done: bool) -> Sight:
    if facts.reason in INTERRUPTIONS:
        return Sight.DONE_STOPPED if is_done else Sight.EXITED_STOPPED
    if facts.exit_code == 0 and not facts.reason:
        return Sight.DONE_OK if is_done else Sight.EXITED_OK
    return Sight.DONE_BAD if is_done else Sight.EXITED_BAD
