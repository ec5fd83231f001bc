"""What the runner talks to (contract: docs/architecture.md)."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def claim(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def inputs(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def started(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def output(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def ended(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def results(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def collected(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404
