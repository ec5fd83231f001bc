"""The audit log's own database, where entries are sealed at a commit, and what was recorded."""

import pytest
from django.db import connection

from teams.models import AuditEvent

LOG_TABLES = ("teams_auditevent", "teams_auditseal")


@pytest.fixture
def recorded(db):
    """`recorded()`: the entries since the test began to look, without sign-ins that a test client makes."""
    started = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def entries(*actions: str) -> list[AuditEvent]:
        found = AuditEvent.objects.filter(pk__gt=started).order_by("pk")
        if actions:
            return list(found.filter(action__in=actions))
        return list(found.exclude(action="account.signed_in"))

    return entries


@pytest.fixture
def behind_the_back(transactional_db):
    """`behind_the_back(sql, *values)`: as the owner of the tables, with the triggers taken away meanwhile."""

    def run(sql: str, *values: object) -> None:
        with connection.cursor() as cursor:
            for table in LOG_TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            try:
                cursor.execute(sql, values or None)
            finally:
                for table in LOG_TABLES:
                    cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
                    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER teams_audit_no_truncate")

    return run
