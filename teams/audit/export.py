"""The log as a table for a spreadsheet; teams/csv_export.py makes the file."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from teams.audit.words import whole_sentence
from teams.models import AuditEvent

COLUMNS = (
    *("id", "at", "who", "account id", "action", "sentence"),
    *("kind", "target id", "target", "team id", "team"),
    *("address", "request id", "old", "new"),
)


def export_rows(events: Iterable[AuditEvent]) -> Iterator[tuple[Any, ...]]:
    """A row for each entry, with a value for each of COLUMNS."""
    for event in events:
        yield (
            *(event.pk, event.at, event.actor_name, event.actor_id, event.action, whole_sentence(event)),
            *(event.target_kind, event.target_id, event.target_name, event.team_id, event.team_name),
            *(event.address, event.request_id, _json(event.old), _json(event.new)),
        )


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) if values else ""
