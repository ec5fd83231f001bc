"""Cancel and delete, one job or many."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def job_cancel(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_delete(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_bulk(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404
