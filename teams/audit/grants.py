"""What the role that the portal runs as may do, where another role owns the tables (STELLWERK_DB_APP_ROLE)."""

from typing import Any

from django.conf import settings
from django.db import connection

LOG_TABLES = ("teams_auditevent", "teams_auditseal")
GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    # The log: read it and add to it. Seals are written by the trigger, with its owner's rights.
    "REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {log} FROM {role}, PUBLIC",
    "REVOKE INSERT ON {seals} FROM {role}, PUBLIC",
)


class RoleIsOwner(Exception):
    """The role that was to have few rights owns the tables, or is a superuser: no right can be taken from it."""


def grant_after_migrate(**signal: Any) -> None:
    """Once all tables are there. Without the setting nothing is granted: then one role is owner and portal."""
    if settings.DATABASE_APP_ROLE:
        grant(settings.DATABASE_APP_ROLE)


def grant(role: str) -> None:
    """Everything to the role that the portal needs, and nothing that would change the audit log. Raises RoleIsOwner."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR pg_has_role(oid, (SELECT relowner FROM pg_class WHERE oid = %s::regclass), 'MEMBER')"
            " FROM pg_roles WHERE rolname = %s",
            [LOG_TABLES[0], role],
        )
        row = cursor.fetchone()
        if row is None or row[0]:
            what = "does not exist" if row is None else "owns the tables, or may act as their owner"
            raise RoleIsOwner(
                f"STELLWERK_DB_APP_ROLE is {role}, which {what}. Make it as docs/deployment.md says."
            )
        cursor.execute("SELECT quote_ident(current_schema()), quote_ident(%s)", [role])
        schema, quoted = cursor.fetchone()
        log = ", ".join(f"{schema}.{table}" for table in LOG_TABLES)
        for statement in GRANTS:
            cursor.execute(
                statement.format(schema=schema, role=quoted, log=log, seals=f"{schema}.{LOG_TABLES[1]}")
            )
