"""When a cluster is asked why a job waits: ever less often for each, and not too often for all of them.

Each inquiry costs the cluster a few requests. Who is in trouble it has noted itself in warnings, and one request reads
those of a whole namespace: about a job without one nobody asks before some patience is over, and then about few.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from clusters.causes import Wait
from jobs.models import Attempt, Job

# Seconds after the create at which an inquiry is worth its requests; clusters/kubernetes/waits.py judges by age.
AGES = (6.0, 12.0, 16.0, 24.0, 40.0, 60.0)
LATER, WHILE_OPEN = 60.0, 15.0
# After news of watch, before the events that belong to it are asked for.
SETTLED = 2.0
# So long all is well although nothing happens, if the cluster has noted no trouble.
PATIENCE = 12.0
# The warnings of a namespace are read this often at most, while something waits there; less where they cannot be read.
WARNED_SECONDS, UNREADABLE_SECONDS = 3.0, 30.0
MOST_REMEMBERED = 10_000
# Only an inquiry finds them, so only another one takes them back.
INQUIRED = frozenset(
    {
        Wait.QUOTA,
        Wait.LIMIT_RANGE,
        Wait.ADMISSION,
        Wait.POD_REFUSED,
        Wait.SCHEDULER_SILENT,
        Wait.CONTROLLERS_SILENT,
        Wait.PULL_SECRET_MISSING,
        Wait.VOLUME,
        Wait.PREPARING,
        Wait.GATED,
    }
)


class Budget(NamedTuple):
    """Inquiries to one cluster from one process, whatever waits there."""

    per_second: float
    burst: float


# Some of them are left for those without any reason.
TROUBLED, RESERVE = Budget(1.0, 16.0), 8.0
# What keeps many waiting who are in no trouble keeps them all: a few of them tell it.
QUIET = Budget(0.1, 4.0)


class Asked(NamedTuple):
    """The last inquiry into an attempt, or the last look that found no need for one.

    How old it was, and what watch had said by then.
    """

    age: float
    reason: str
    is_quiet: bool = False


class Inquiries:
    """Which inquiries are due. What it remembers may be lost: then one is made too many. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[int, Asked] = {}
        self._left: dict[tuple[int, Budget], tuple[float, float]] = {}
        self._warned: dict[tuple[int, str], tuple[float, set[str] | None]] = {}

    def is_due(self, attempt: Attempt, age: float, open_reason: str) -> bool:
        """Whether to ask now."""
        return self.next_age(attempt, age, open_reason) <= age

    def next_age(self, attempt: Attempt, age: float, open_reason: str) -> float:
        """How old the attempt will be when an inquiry is due."""
        last = self._asked.get(attempt.pk)
        if attempt.seen_reason and (last is None or last.reason != attempt.seen_reason):
            return max(SETTLED, last.age + SETTLED if last else 0.0)
        if last is None:
            return AGES[0]
        if last.is_quiet:
            return min(PATIENCE, last.age + WARNED_SECONDS)
        pause = WHILE_OPEN if open_reason in INQUIRED else LATER
        return next((each for each in AGES if each > last.age), last.age + pause)

    def is_quiet(self, job: Job, attempt: Attempt, read: Callable[[], set[str] | None]) -> bool:
        """Nothing tells of any trouble of it, the cluster's warnings included, which `read` reads."""
        if attempt.seen_reason or job.reason in INQUIRED:
            return False
        place, now = (job.cluster_id, attempt.space), time.monotonic()
        at, names = self._warned.get(place, (-UNREADABLE_SECONDS, None))
        if now - at >= (UNREADABLE_SECONDS if names is None else WARNED_SECONDS):
            names = read()
            self._warned[place] = (now, names)
        return names is not None and attempt.name not in names

    def take(self, cluster_id: int, attempt: Attempt, age: float, *, is_quiet: bool = False) -> bool:
        """Note an inquiry that is made now. False: there is no need for one, or there were enough for the moment."""
        with self._lock:
            if is_quiet and age < PATIENCE:
                self._note(attempt, age, is_quiet=True)
                return False
            # Of an image that does not come an inquiry may find the cause; of other reasons only the events.
            is_known = attempt.seen_reason and not attempt.seen_reason.startswith("image_")
            if not self._spend(cluster_id, QUIET if is_quiet else TROUBLED, RESERVE if is_known else 0.0):
                return False
            self._note(attempt, age)
            return True

    def _spend(self, cluster_id: int, budget: Budget, reserve: float) -> bool:
        now = time.monotonic()
        left, at = self._left.get((cluster_id, budget), (budget.burst, now))
        left = min(budget.burst, left + (now - at) * budget.per_second)
        if left < 1.0 + reserve:
            return False
        self._left[cluster_id, budget] = (left - 1.0, now)
        return True

    def _note(self, attempt: Attempt, age: float, *, is_quiet: bool = False) -> None:
        if len(self._asked) > MOST_REMEMBERED:
            self._asked.clear()
        self._asked[attempt.pk] = Asked(age, attempt.seen_reason, is_quiet)
