"""Credentials at rest: unreadable without the key, bound to their row, and moved to a new key by a command."""

import stat
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection as database

from clusters import encryption
from clusters.kubernetes.connection import Connection
from clusters.models import Cluster, KubernetesConnection
from tests.clusters.certificates import make_ca

CANARY = "canary-token-5f1d"


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path) -> Path:
    settings.CREDENTIAL_KEYS = []
    settings.CREDENTIAL_KEY_FILE = tmp_path / "credential-keys"
    encryption.write_keys([encryption.new_key()])
    return settings.CREDENTIAL_KEY_FILE


@pytest.fixture
def stored(db) -> KubernetesConnection:
    return store("Lab")


def store(name: str) -> KubernetesConnection:
    cluster = Cluster.objects.create(name=name, slug=name.lower(), driver="kubernetes")
    row = KubernetesConnection(cluster=cluster, namespace="jobs", runner_image="python:3.11")
    row.take(Connection("https://10.0.0.1:6443", make_ca(), CANARY))
    return row


def test_what_was_stored_comes_back_for_the_driver(stored):
    found = KubernetesConnection.objects.get().connection
    assert (found.token, found.server) == (CANARY, "https://10.0.0.1:6443")


def test_the_database_holds_no_secret_in_plain(stored):
    with database.cursor() as cursor:
        cursor.execute("SELECT c::text FROM clusters_kubernetesconnection c")
        assert CANARY not in cursor.fetchone()[0]
    assert CANARY not in repr(stored) + str(vars(stored))


def test_a_secret_that_was_moved_to_another_row_is_refused(stored):
    other = store("Other")
    KubernetesConnection.objects.filter(pk=other.pk).update(encrypted=stored.encrypted)
    with pytest.raises(encryption.Undecryptable, match="another cluster"):
        _ = KubernetesConnection.objects.get(pk=other.pk).connection


def test_without_the_key_there_is_a_sentence_and_no_secret(stored, key_file):
    encryption.write_keys([encryption.new_key()])
    with pytest.raises(encryption.Undecryptable) as failed:
        _ = stored.connection
    assert CANARY not in str(failed.value)
    key_file.unlink()
    with pytest.raises(encryption.NoKey, match="CREDENTIAL_KEYS"):
        _ = stored.connection
    encryption.write_keys(["short"])
    with pytest.raises(encryption.NoKey, match="no key"):
        _ = stored.connection


def test_a_rotation_needs_no_restart_and_old_backups_stay_readable(stored, key_file):
    old_text, (old_key,) = stored.encrypted, encryption.read_keys()
    call_command("rotate_credentials")
    assert encryption.read_keys()[1:] == [old_key]
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    row = KubernetesConnection.objects.get()
    assert row.encrypted != old_text
    assert row.connection.token == CANARY
    encryption.write_keys(encryption.read_keys()[:1])
    assert row.connection.token == CANARY


def test_a_rotation_can_forget_the_old_keys(stored):
    (old_key,) = encryption.read_keys()
    call_command("rotate_credentials", forget=True)
    assert old_key not in encryption.read_keys()
    assert KubernetesConnection.objects.get().connection.token == CANARY


def test_a_rotation_that_cannot_read_one_of_them_changes_none(stored):
    other = store("Other")
    KubernetesConnection.objects.filter(pk=other.pk).update(encrypted="damaged")
    with pytest.raises(CommandError, match="fit none"):
        call_command("rotate_credentials", forget=True)
    assert KubernetesConnection.objects.get(pk=stored.pk).encrypted == stored.encrypted
    assert stored.connection.token == CANARY


def test_keys_from_the_environment_are_used_as_they_are(stored, settings, capsys):
    (old,), fresh = encryption.read_keys(), encryption.new_key()
    settings.CREDENTIAL_KEYS = [fresh, old]
    call_command("rotate_credentials")
    assert "CREDENTIAL_KEYS" in capsys.readouterr().out
    settings.CREDENTIAL_KEYS = [fresh]
    assert KubernetesConnection.objects.get().connection.token == CANARY
