"""When a queued job is likely to start, for pages: worked out once for a team, and kept for some seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from jobs.forecast.playing import MOST_WAITING, forecast
from jobs.forecast.ranges import Range
from jobs.forecast.reading import BY_QUOTA, read_state
from jobs.lifecycle import Status
from jobs.models import Job

KEPT_SECONDS = 10
# A list of many teams' jobs works out so many teams anew; of the others it shows what is known.
TEAMS_AT_ONCE = 3
# In a plan: what can be said of those behind its last job.
BEHIND = 0
# Counting stops here: further back the number says nothing.
MOST_BEFORE = 1_000


@dataclass(frozen=True)
class Told:
    """A range of one job, made at a moment, with what the job waits for."""

    range: Range
    made_at: datetime
    cause: str = ""

    @property
    def words(self) -> str:
        """ "10–25 min"."""
        return self.range.words

    @property
    def early_at(self) -> datetime:
        """The earliest likely start."""
        return self.made_at + timedelta(seconds=self.range.early)

    @property
    def late_at(self) -> datetime | None:
        """The latest likely one; None where it cannot be said."""
        return None if self.range.late is None else self.made_at + timedelta(seconds=self.range.late)

    @property
    def about(self) -> str:
        """By the portal's clock: "14:35–14:50"; with the day where that is another; "" where no end is known."""
        if self.late_at is None:
            return ""
        early, late = _clock(self.early_at, self.made_at), _clock(self.late_at, self.made_at)
        return early if early == late else f"{early}–{late}"


def _clock(moment: datetime, now: datetime) -> str:
    local, today = timezone.localtime(moment), timezone.localtime(now)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%a %H:%M}" if (local.date() - today.date()).days < 7 else f"{local.day} {local:%b %H:%M}"


@dataclass(frozen=True)
class Outlook:
    """What a queued job's page says: its place in the team's queue (1 is the first) and its likely start."""

    place: int
    told: Told | None

    @property
    def place_words(self) -> str:
        """ "7th in the team's queue"."""
        if self.place > MOST_BEFORE:
            return f"More than {MOST_BEFORE:,} jobs are before it in the team's queue"
        return f"{'First' if self.place == 1 else _ordinal(self.place)} in the team's queue"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def outlook_of(job: Job) -> Outlook | None:
    """None for a job that does not wait in its team's queue any more."""
    if not _is_waiting(job):
        return None
    place, plan = before(job.team_id, job.priority, job.pk) + 1, plan_of(job.team_id)
    told = plan.get(job.pk)
    if told is None and place > MOST_WAITING and (job.queue_block or {}).get("reason") in BY_QUOTA:
        told = plan.get(BEHIND)
    return Outlook(place, told)


def tell_all(jobs: Iterable[Job]) -> None:
    """Give each that waits its `told_start` for a row. Few teams are worked out anew."""
    waiting = [job for job in jobs if _is_waiting(job)]
    teams = list(dict.fromkeys(job.team_id for job in waiting))
    if not teams:
        return
    kept = {team: cache.get(_key(team)) for team in teams}
    plans = {team: plan for team, plan in kept.items() if plan is not None}
    for team in [team for team in teams if team not in plans][:TEAMS_AT_ONCE]:
        plans[team] = _make_plan(team)
    for job in waiting:
        job.told_start = plans.get(job.team_id, {}).get(job.pk)


def _is_waiting(job: Job) -> bool:
    return job.status == Status.QUEUED and not job.is_cancelling


def plan_of(team_id: int) -> dict[int, Told]:
    """What can be said of the team's first jobs that wait, by job; at most KEPT_SECONDS old."""
    kept = cache.get(_key(team_id))
    return _make_plan(team_id) if kept is None else kept


def _make_plan(team_id: int) -> dict[int, Told]:
    state, now, plan = read_state(team_id), timezone.now(), {}
    if state is not None:
        causes = {job.id: state.cause_of(job) for job in state.situation.queued}
        ranges = forecast(state.situation, team_id)
        plan = {job: Told(each, now, causes[job]) for job, each in ranges.items()}
        if len(plan) == MOST_WAITING:
            plan[BEHIND] = Told(Range(max(each.early for each in ranges.values()), None), now)
    cache.set(_key(team_id), plan, KEPT_SECONDS)
    return plan


def _key(team_id: int) -> str:
    return f"forecast:{team_id}"


def before(team_id: int, priority: int, job_id: int) -> int:
    """How many of the team come before such a job in their order, counted up to MOST_BEFORE and one."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE, [team_id, priority, MOST_BEFORE, team_id, priority, job_id, MOST_BEFORE])
        return min(int(cursor.fetchone()[0]), MOST_BEFORE)


# Two ranges of the index job_queue_order, each bounded; its condition word for word.
WAITS = "status = 'queued' AND cancel_requested_at IS NULL AND deleted_at IS NULL"
BEFORE = f"""
SELECT (SELECT count(*) FROM (
    SELECT 1 FROM jobs_job WHERE team_id = %s AND priority > %s AND {WAITS} LIMIT %s) higher)
+ (SELECT count(*) FROM (
    SELECT 1 FROM jobs_job WHERE team_id = %s AND priority = %s AND id < %s AND {WAITS} LIMIT %s) older)
"""
