"""The history: the list of jobs, its rows and counts."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def job_list(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_row(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404
