"""The log as a table for a spreadsheet, whose cells stay what they are: text."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils import timezone

from teams.audit.words import whole_sentence
from teams.models import AuditEvent

COLUMNS = (
    *(
        "id",
        "at",
        "who",
        "account id",
        "action",
        "sentence",
        "kind",
        "target id",
        "target",
        "team id",
        "team",
    ),
    *("address", "request id", "old", "new"),
)
# A spreadsheet takes a cell that begins so for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What csv.writer writes to: the line is handed back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    """Line by line, the names of the columns first."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for event in events:
        yield writer.writerow([cell(value) for value in _values(event)])


def cell(value: Any) -> str:
    """As text that no spreadsheet computes."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _values(event: AuditEvent) -> tuple[Any, ...]:
    at = timezone.localtime(event.at).isoformat()
    return (
        *(event.pk, at, event.actor_name, event.actor_id, event.action, whole_sentence(event)),
        *(event.target_kind, event.target_id, event.target_name, event.team_id, event.team_name),
        *(event.address, event.request_id, _json(event.old), _json(event.new)),
    )


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) if values else ""
