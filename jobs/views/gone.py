"""410: what was asked for was there, and a rule deleted it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jobs.models import Job, Kind
from jobs.retention.gone import gone_of


def gone_answer(request: HttpRequest, job: Job, kind: Kind) -> HttpResponse | None:
    """The page that says what became of it; None: no rule deleted it."""
    gone = gone_of(job).get(kind)
    if gone is None:
        return None
    return render(request, "jobs/gone.html", {"job": job, "sentence": gone.sentence}, status=410)
