"""Every address of the intake process: what the runners of jobs call, and its health.

It has no pages, so what goes wrong before a view is told in JSON, as the views themselves do it.
"""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from portal.health import health

urlpatterns = [
    path("health/", health, name="health"),
    path("intake/", include("jobs.intake.urls")),
]


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Such as a host that is not allowed."""
    return JsonResponse({"error": "The portal cannot read this request."}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """No view has this address."""
    return JsonResponse({"error": "There is no such call."}, status=404)


def server_error(request: HttpRequest, *_: Any) -> JsonResponse:
    """A defect: the log has it."""
    return JsonResponse({"error": "The portal made a mistake; its log says which."}, status=500)


handler400 = "portal.urls_intake.bad_request"
handler404 = "portal.urls_intake.not_found"
handler500 = "portal.urls_intake.server_error"
