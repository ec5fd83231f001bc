"""What is not in the sums yet: jobs whose script runs now, and those that ended a moment ago. Few."""

from django.db.models import Q
from django.utils import timezone

from jobs.models import Job
from jobs.usage.counting import portal_zone
from jobs.usage.parts import COLUMNS, Sums, Used, summed

# While a long history is counted for the first time, a page does not do that work alone.
MOST_ENDED = 500


def live_jobs(allowed: Q) -> list[Used]:
    """Two statements, each over a small index of its own."""
    running = Job.objects.filter(allowed, running_at__isnull=False, finished_at=None)
    ended = Job.objects.filter(allowed, finished_at__isnull=False, usage_counted_at=None).order_by(
        "-finished_at"
    )
    rows = [*running.values_list(*COLUMNS), *ended.values_list(*COLUMNS)[:MOST_ENDED]]
    return [Used(*row) for row in rows]


def live_sums(jobs: list[Used]) -> Sums:
    """What they used until now."""
    return summed(jobs, portal_zone(), timezone.now())
