"""New job, run again, run with changes, examples."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def job_new(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_run_again(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_run_with_changes(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def example_run(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404
