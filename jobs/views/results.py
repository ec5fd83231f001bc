"""The Results tab, previews, downloads."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def job_results(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_results_zip(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def artifact_detail(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def artifact_raw(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def artifact_download(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404
