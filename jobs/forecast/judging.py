"""First estimates are kept, and compared with what came: how good they are is measured, not hoped."""

from collections.abc import Collection
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from jobs.forecast.estimate import plan_of
from jobs.lifecycle import TERMINAL
from jobs.models import StartEstimate, TeamQueue

# Teams that wait and are estimated in one round; which ones changes from round to round.
TEAMS_A_ROUND = 10
KEPT_DAYS = 90


def note_and_judge() -> None:
    """Level-triggered: judge what started, then note the first estimate of each job that waits for quota."""
    judge()
    waiting = TeamQueue.objects.exclude(blocked=[]).order_by("?").values_list("team_id", flat=True)
    note_first(list(waiting[:TEAMS_A_ROUND]))


def note_first(team_ids: Collection[int]) -> None:
    """Write the range of each of the teams' jobs that has one and had none before; one without an end is no range."""
    for team_id in team_ids:
        told = {
            job: each for job, each in plan_of(team_id).items() if each.cause and each.late_at is not None
        }
        StartEstimate.objects.bulk_create(
            [
                StartEstimate(
                    job_id=job, team_id=team_id, cause=each.cause, made_at=each.made_at, early=each.early_at,
                    late=each.late_at or each.early_at,
                )
                for job, each in told.items()
            ],
            ignore_conflicts=True,
        )  # fmt: skip


def judge() -> None:
    """Of jobs that left the queue: was it within the range? Those that never started leave no judgement."""
    with connection.cursor() as cursor:
        cursor.execute(JUDGE)
    open_ones = StartEstimate.objects.filter(is_right=None)
    open_ones.filter(job__status__in=[str(each) for each in TERMINAL], job__starting_at=None).delete()
    StartEstimate.objects.filter(made_at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()


# By the index estimate_unjudged: no more than what waits.
JUDGE = """
UPDATE jobs_startestimate estimate
SET started_at = job.starting_at, is_right = job.starting_at BETWEEN estimate.early AND estimate.late
FROM jobs_job job
WHERE estimate.is_right IS NULL AND job.id = estimate.job_id AND job.starting_at IS NOT NULL
"""
