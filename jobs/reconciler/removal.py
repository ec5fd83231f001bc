"""When the work of a job that is over is removed: not while somebody may need it, and together with others'."""

import math
from datetime import timedelta

from clusters.driver import State
from jobs.models import Attempt, Job

# What was seen and is over is seen to be over soon; only then it is asked for whether it is.
END_IS_SEEN_SECONDS = 30.0
# What ended within so many seconds is removed together.
REMOVAL_EVERY = 5.0
# While many jobs wait for their pods, what is over is not removed: the cluster has better things to do.
KEPT_IN_A_RUSH, LOOK_IN_A_RUSH = 60.0, 10.0


def is_end_seen(attempt: Attempt) -> bool:
    """Nothing of it runs at the cluster, as far as watch has seen anything of it."""
    return attempt.seen_state in ("", State.ENDED) or attempt.is_absent


def seconds_left(job: Job, attempt: Attempt, over_for: timedelta, remove_after: float) -> float:
    """Until the work may be removed; 0 or less: now. `over_for`: since the job's end, by the database's clock.

    What ended and was seen to have ended `remove_after` seconds ago goes at the next full REMOVAL_EVERY seconds, all
    of it with one request: pods end some seconds after their jobs, each when it likes.
    """
    if job.finished_at is None:
        return 0.0
    if not is_end_seen(attempt):
        return END_IS_SEEN_SECONDS - over_for.total_seconds()
    seen_at = attempt.seen_at if attempt.seen_state == State.ENDED else None
    since = max(job.finished_at, seen_at or job.finished_at).timestamp() + remove_after
    return math.ceil(since / REMOVAL_EVERY) * REMOVAL_EVERY - (job.finished_at + over_for).timestamp()
