"""A job's output as its tests handle it: written as the intake does, ended, looked at."""

from django.utils import timezone

from jobs import hints
from jobs.models import Job
from jobs.output import outputlog

PIECE = 1024 * 1024


def write(attempt, text, stream="stdout"):
    """As the intake does: store in pieces, then tell."""
    data = text if isinstance(text, bytes) else text.encode()
    for at in range(0, len(data), PIECE):
        offset = getattr(outputlog.sizes(attempt.pk), stream)
        outputlog.append(attempt.pk, stream, offset, data[at : at + PIECE])
    hints.announce(attempt.job_id, "output")


def finish(job):
    """It succeeded just now."""
    Job.objects.filter(pk=job.pk).update(status="succeeded", finished_at=timezone.now(), next_look_at=None)
    hints.announce(job.pk, "status")


def open_output(page, job, rest=""):
    """The job's page, with its script at work."""
    page.goto(f"/jobs/{job.pk}/{rest}", wait_until="domcontentloaded")
    page.wait_for_function("() => document.querySelector('[data-output-url]').viewer !== undefined")
    return page
