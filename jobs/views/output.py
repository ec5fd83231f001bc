"""The Output tab and the output as a download."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def job_detail(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404


def job_output_download(request: HttpRequest, **values: Any) -> HttpResponse:
    """Not written yet."""
    raise Http404
