"""The frame of a job's page and its Details tab."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def job_header(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_info(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404
