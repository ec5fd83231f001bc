"""`/health/`: whether this portal can serve, for health checks and load balancers."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from jobs.reconnecting import asked_again_if_dead


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 when web works and its database answers, else 503. Says nothing that a stranger may not know."""
    try:
        asked_again_if_dead(_ask)
    except DatabaseError:
        return JsonResponse({"error": "The database does not answer."}, status=503)
    return JsonResponse({"status": "ok"})


def _ask() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
