"""What happens to a job's output while it is looked at: it grows as the intake lets it grow, and the job ends."""

from django.utils import timezone

from jobs import hints
from jobs.models import Attempt, Job
from jobs.output import outputlog

PIECE = 1024 * 1024


def store(attempt, data, stream="stdout", told=outputlog.NOTHING_TOLD):
    """As the intake does: store (a text, or bytes) in pieces, then tell."""
    data = data if isinstance(data, bytes) else data.encode()
    for at in range(0, max(1, len(data)), PIECE):
        offset = getattr(outputlog.sizes(attempt.pk), stream)
        outputlog.append(attempt.pk, stream, offset, data[at : at + PIECE], told)
    hints.announce(attempt.job_id, "output")


def finish(job, exit_code=None):
    """It ended just now; with an exit code its attempt says so, too."""
    now = timezone.now()
    if exit_code is not None:
        Attempt.objects.filter(job=job).update(ended_at=now, collected_at=now, exit_code=exit_code)
    status = "failed" if exit_code else "succeeded"
    Job.objects.filter(pk=job.pk).update(status=status, finished_at=now, next_look_at=None)
    hints.announce(job.pk, "status")
