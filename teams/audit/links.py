"""Pages of what entries name, where it is still there. Models of the apps above are known by their names alone."""

from collections import defaultdict
from collections.abc import Iterable

from django.apps import apps
from django.db.models import Model

from teams.models import AuditEvent

Key = tuple[str, str]
GONE = ("deleted_at", "removed_at")


def key_of(event: AuditEvent) -> Key:
    """What an entry is about."""
    return event.target_kind, event.target_id


def find_urls(events: Iterable[AuditEvent]) -> dict[Key, str]:
    """By target; without those that are gone or have no page. One statement for each kind."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.target_kind and event.target_id:
            wanted[event.target_kind].add(event.target_id)
    return {
        (kind, str(row.pk)): row.get_absolute_url()  # type: ignore[attr-defined]
        for kind, ids in wanted.items()
        for row in _still_there(kind, ids)
    }


def _still_there(kind: str, ids: set[str]) -> Iterable[Model]:
    try:
        model = apps.get_model(kind)
    except (LookupError, ValueError):
        return []
    if not hasattr(model, "get_absolute_url") or not all(number.isdigit() for number in ids):
        return []
    names = {field.name for field in model._meta.get_fields()}
    found = model._default_manager.filter(pk__in=ids, **{name: None for name in GONE if name in names})
    # The pages of what belongs to a cluster are below the cluster's.
    return found.select_related("cluster") if "cluster" in names else found
