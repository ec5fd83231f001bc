"""What somebody was not allowed to do. A scanner fills neither the log nor the reader's day: most of it is counted."""

from datetime import timedelta

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from teams.audit.origin import origin_of
from teams.audit.recording import record
from teams.models import AuditEvent
from teams.models.audit import DENIED

# Entries of one person in a minute; what is more is counted, and the number is in that person's next entry.
MOST, SECONDS = 10, 60
COUNTED_FOR = 7 * 24 * 3600


def note_denied(request: HttpRequest, why: str) -> None:
    """An entry about a request of somebody who is signed in, or one more to the count."""
    origin = origin_of(request)
    key = f"audit-denied:{origin.actor_id}"
    recent = AuditEvent.objects.filter(
        action=DENIED, actor_id=origin.actor_id, at__gte=timezone.now() - timedelta(seconds=SECONDS)
    )
    if len(recent.values_list("pk", flat=True)[:MOST]) >= MOST:
        # A hint, as all that is in Valkey: where it is lost, the ten entries still tell.
        cache.set(key, (cache.get(key) or 0) + 1, COUNTED_FOR)
        return
    new: dict[str, object] = {"method": request.method or "", "why": why}
    if uncounted := cache.get(key):
        new["earlier_ones_not_listed"] = uncounted
        cache.delete(key)
    record(origin, DENIED, request.path, new=new)
