"""Walking the chain of the audit log: every entry hashed anew, without asking the database for its opinion."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

BATCH = 2000
# In the order in which the trigger hashes them (migration 0004_audit). Texts of JSON are taken as the database writes
# them: keys in its own order, so that both sides hash the same characters.
SEALED_SQL = """
SELECT s.position, s.event_id, s.previous, s.hash, e.id IS NOT NULL,
       e.id::text, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       e.actor_id::text, e.actor_name, e.action, e.target_kind, e.target_id, e.target_name,
       e.team_id::text, e.team_name, e.address, e.request_id, e.old::text, e.new::text
FROM teams_auditseal s LEFT JOIN teams_auditevent e ON e.id = s.event_id
WHERE s.position > %s ORDER BY s.position LIMIT %s
"""
UNSEALED_SQL = """
SELECT e.id FROM teams_auditevent e LEFT JOIN teams_auditseal s ON s.event_id = e.id
WHERE s.position IS NULL ORDER BY e.id LIMIT 1
"""


@dataclass(frozen=True)
class Verdict:
    """`count` entries hold, the last of them with the hash `head`; `trouble` says what is wrong with the next."""

    count: int
    head: str
    trouble: str = ""


def verify(expected: str = "") -> Verdict:
    """Walk the whole chain in one view of the database. `expected`: a hash noted earlier, which must still be in it."""
    is_own = not connection.in_atomic_block
    with transaction.atomic():
        if is_own:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _walk(expected)


def hash_of(previous: str, position: int, values: list[str | None]) -> str:
    """The seal of an entry at its place, after the one before. `values` in the order of SEALED_SQL."""
    canonical = json.dumps([previous, str(position), *values], ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _walk(expected: str) -> Verdict:
    head, count, is_met = "", 0, not expected
    for position, event_id, previous, sealed, is_there, *values in _sealed():
        if position != count + 1:
            return Verdict(
                count, head, f"Place {count + 1} of the chain is missing; the next one is {position}."
            )
        if not is_there:
            return Verdict(count, head, f"Entry {event_id} was deleted: place {position} has its seal alone.")
        if previous != head:
            return Verdict(count, head, f"Entry {event_id} does not follow the one before: place {position}.")
        if hash_of(head, position, values) != sealed:
            return Verdict(count, head, f"Entry {event_id} was changed: its content does not fit its seal.")
        head, count = sealed, position
        is_met = is_met or head == expected
    if (unsealed := _unsealed()) is not None:
        return Verdict(
            count, head, f"Entry {unsealed} was never sealed: it was put in past the database's rules."
        )
    if not is_met:
        return Verdict(count, head, f"No entry has the hash {expected}: the chain was cut off or made anew.")
    return Verdict(count, head)


def _sealed() -> Iterator[tuple[Any, ...]]:
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(SEALED_SQL, [last, BATCH])
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < BATCH:
            return
        last = rows[-1][0]


def _unsealed() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(UNSEALED_SQL)
        row = cursor.fetchone()
    return row[0] if row else None
