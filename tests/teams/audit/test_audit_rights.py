"""The log is append-only by the database's own rules: triggers for the owner, no right at all for the portal's role."""

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from teams.audit import record_by
from teams.audit.chain import verify
from teams.audit.grants import RoleIsOwner, grant
from teams.models import AuditEvent, AuditSeal, Team

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = ("teams_auditevent", "teams_auditseal")
ROLE = "stellwerk_app_of_tests"


def run(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def entry():
    return record_by("command", "team.changed", None)


@pytest.fixture
def app_role():
    """A role without rights of its own; `sql` runs as it, on a connection of its own."""
    run(f"DROP ROLE IF EXISTS {ROLE}")
    run(f"CREATE ROLE {ROLE}")
    yield ROLE
    run(f"DROP OWNED BY {ROLE}")
    run(f"DROP ROLE {ROLE}")


def as_role(role: str, sql: str) -> None:
    with psycopg.connect(**_where()) as own:
        own.execute(f"SET SESSION AUTHORIZATION {role}")
        own.execute(sql)


def _where() -> dict[str, object]:
    params = connection.get_connection_params()
    return {key: params[key] for key in ("dbname", "user", "password", "host", "port") if params.get(key)}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE teams_auditevent SET actor_name = 'x'",
        "DELETE FROM teams_auditevent",
        "UPDATE teams_auditseal SET hash = 'x'",
        "DELETE FROM teams_auditseal",
    ],
)
def test_not_even_the_owner_changes_an_entry(entry, sql):
    with pytest.raises(ProgrammingError, match="The audit log is append-only"):
        run(sql)
    assert verify().count == 1


def test_the_orm_is_refused_too(entry):
    entry.actor_name = "x"
    with pytest.raises(ProgrammingError, match="append-only"):
        entry.save()
    with pytest.raises(ProgrammingError, match="append-only"):
        AuditSeal.objects.all().delete()


@pytest.mark.parametrize("table", TABLES)
def test_nobody_empties_the_log(entry, table):
    try:
        run(f"ALTER TABLE {table} ENABLE TRIGGER teams_audit_no_truncate")  # as `migrate` leaves it
        with pytest.raises(ProgrammingError, match="append-only: TRUNCATE"):
            run(f"TRUNCATE {table} CASCADE")
    finally:
        run(f"ALTER TABLE {table} DISABLE TRIGGER teams_audit_no_truncate")


def test_the_portals_own_role_writes_and_reads_and_its_entries_are_sealed(app_role):
    grant(app_role)
    as_role(app_role, "INSERT INTO teams_team (name, slug, shares_quota) VALUES ('A', 'a', false)")
    as_role(
        app_role,
        "INSERT INTO teams_auditevent (actor_name, action, target_kind, target_id, target_name, team_name, address,"
        " request_id, old, new) VALUES ('app', 'team.added', '', '', '', '', '', '', '{}', '{}')",
    )
    as_role(app_role, "SELECT * FROM teams_auditevent JOIN teams_auditseal ON event_id = id")
    as_role(app_role, "UPDATE teams_team SET name = 'B'")
    assert Team.objects.get().name == "B"
    assert verify().count == AuditSeal.objects.count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE teams_auditevent SET actor_name = 'x'",
        "DELETE FROM teams_auditevent",
        "TRUNCATE teams_auditevent CASCADE",
        "UPDATE teams_auditseal SET hash = 'x'",
        "DELETE FROM teams_auditseal",
        "INSERT INTO teams_auditseal (position, event_id, previous, hash) VALUES (9, 9, '', '')",
        "ALTER TABLE teams_auditevent DISABLE TRIGGER ALL",
        "DROP TABLE teams_auditseal",
        "SET session_replication_role = replica",
    ],
)
def test_the_portals_own_role_changes_no_entry_even_where_the_triggers_are_gone(entry, app_role, sql):
    grant(app_role)
    for table in TABLES:
        run(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(app_role, sql)
    finally:
        for table in TABLES:
            run(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
            run(f"ALTER TABLE {table} DISABLE TRIGGER teams_audit_no_truncate")
    assert AuditEvent.objects.get().actor_name == "command"


def test_a_table_of_the_same_name_does_not_lead_the_seal_astray(app_role):
    grant(app_role)
    as_role(
        app_role,
        "CREATE TEMP TABLE teams_auditseal (position bigint, event_id bigint, previous text, hash text);"
        " INSERT INTO teams_auditevent (actor_name, action, target_kind, target_id, target_name, team_name, address,"
        " request_id, old, new) VALUES ('app', 'team.added', '', '', '', '', '', '', '{}', '{}')",
    )
    assert verify().count == 1


def test_migrate_grants_the_role_that_the_setting_names(app_role, settings):
    settings.DATABASE_APP_ROLE = app_role
    call_command("migrate", verbosity=0)
    as_role(app_role, "SELECT 1 FROM teams_auditevent")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(app_role, "DELETE FROM teams_auditevent")


def test_a_role_from_which_nothing_can_be_taken_is_refused(app_role):
    with pytest.raises(RoleIsOwner, match="owns the tables"):
        grant(connection.settings_dict["USER"])
    with pytest.raises(RoleIsOwner, match="does not exist"):
        grant("nobody_of_this_name")
