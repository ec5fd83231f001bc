"""Entries are chained in the order of their commits, whoever writes meanwhile; the command finds what was changed."""

import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from teams.audit import record_by
from teams.audit.chain import verify
from teams.models import AuditEvent, AuditSeal

pytestmark = pytest.mark.django_db(transaction=True)


def verified(*arguments: str) -> str:
    out = StringIO()
    call_command("audit_verify", *arguments, stdout=out)
    return out.getvalue()


def three() -> list[AuditEvent]:
    new = {
        "size": 1.5,
        "text": 'é "quoted" \\ \t\u2028 {"at": "now"}',
        "nested": {"b": [1, None], "aa": True},
    }
    return [record_by(f"command {number}", "team.changed", "Größe", new=new) for number in range(3)]


def test_an_empty_log_holds_and_three_entries_hold_too():
    assert verified() == "0 entries hold. The last hash is (none).\n"
    three()
    head = AuditSeal.objects.get(position=3).hash
    assert verified() == f"3 entries hold. The last hash is {head}.\n"
    assert AuditSeal.objects.get(position=3).previous == AuditSeal.objects.get(position=2).hash


def test_what_is_rolled_back_leaves_no_entry_and_no_gap_in_the_chain():
    three()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record_by("nobody", "team.changed", None)
        raise ZeroDivisionError
    record_by("command", "team.changed", None)
    assert verify().count == AuditEvent.objects.count() == 4


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor_name", "Somebody else"),
        ("actor_id", 1),
        ("action", "team.removed"),
        ("at", "2020-01-01T00:00:00Z"),
        ("address", "10.0.0.1"),
        ("target_name", "x"),
        ("new", '{"size": 2}'),
        ("old", "[]"),
        ("request_id", "0"),
        ("team_id", 5),
    ],
)
def test_a_changed_entry_is_found(behind_the_back, column, value):
    second = three()[1]
    behind_the_back(f"UPDATE teams_auditevent SET {column} = %s WHERE id = %s", value, second.pk)
    with pytest.raises(
        CommandError, match=f"Entry {second.pk} was changed: .* The 1 entries before it hold."
    ):
        verified()


def test_a_deleted_entry_is_found_with_and_without_its_seal(behind_the_back):
    second = three()[1]
    behind_the_back("DELETE FROM teams_auditevent WHERE id = %s", second.pk)
    with pytest.raises(CommandError, match=f"Entry {second.pk} was deleted"):
        verified()
    behind_the_back("DELETE FROM teams_auditseal WHERE event_id = %s", second.pk)
    with pytest.raises(CommandError, match="Place 2 of the chain is missing"):
        verified()


def test_an_entry_that_was_put_in_past_the_trigger_is_found(behind_the_back):
    three()
    behind_the_back(
        "INSERT INTO teams_auditevent (at, actor_name, action, target_kind, target_id, target_name, team_name,"
        " address, request_id, old, new) VALUES (now(), 'x', 'a.b', '', '', '', '', '', '', '{}', '{}')"
    )
    with pytest.raises(CommandError, match="was never sealed"):
        verified()


def test_a_seal_that_was_made_anew_breaks_the_chain_after_it(behind_the_back):
    three()
    behind_the_back("UPDATE teams_auditseal SET previous = 'x' WHERE position = 2")
    with pytest.raises(CommandError, match="does not follow the one before: place 2"):
        verified()


def test_an_end_that_was_cut_off_is_found_by_a_hash_that_was_noted(behind_the_back):
    three()
    noted = AuditSeal.objects.get(position=3).hash
    record_by("command", "team.changed", None)
    assert "4 entries hold" in verified("--expect-last", noted)  # the chain went on
    behind_the_back("DELETE FROM teams_auditseal WHERE position >= 3")
    behind_the_back("DELETE FROM teams_auditevent WHERE id NOT IN (SELECT event_id FROM teams_auditseal)")
    assert "2 entries hold" in verified()
    with pytest.raises(CommandError, match=f"No entry has the hash {noted}"):
        verified("--expect-last", noted)


def test_many_writers_make_one_chain():
    def write(name: str) -> None:
        try:
            for _ in range(10):
                with transaction.atomic():
                    record_by(name, "team.changed", None)
                    record_by(name, "team.changed", None)
        finally:
            connections["default"].close()

    writers = [threading.Thread(target=write, args=[f"writer {number}"]) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert verify() == verify(AuditSeal.objects.get(position=120).hash)
    assert verify().count == 120


def test_an_open_transaction_with_an_entry_holds_up_nobody():
    with transaction.atomic():
        slow = record_by("slow", "team.changed", None)
        quick = threading.Thread(target=_write_quickly)
        quick.start()
        quick.join(20)
        assert not quick.is_alive()
    # The slow one was written first, and committed last.
    assert [seal.event_id == slow.pk for seal in AuditSeal.objects.order_by("position")] == [False, True]
    assert verify().trouble == ""


def _write_quickly() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        record_by("quick", "team.changed", None)
    finally:
        connections["default"].close()
