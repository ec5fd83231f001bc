"""`manage.py retention` and `retention_audit`, and the lines on /metrics."""

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from jobs.models import Artifact, StoredSum
from jobs.retention.sums import add_up
from tests.jobs.retention.conftest import has_logs


def test_a_dry_run_says_what_would_go_and_a_run_deletes_it(ended, rule, team, capsys):
    job = ended(31, logs=b"x" * 2048)
    rule("logs", days=30)
    call_command("retention", "--dry-run")
    assert capsys.readouterr().out.startswith(f"{team.name}: 1 job's output, 2 KiB, ended on ")
    assert has_logs(job)
    call_command("retention", "--team", team.slug)
    assert capsys.readouterr().out == f"{team.name}: output: 1 deleted, 2 KiB\n"
    assert not has_logs(job)
    call_command("retention")
    assert capsys.readouterr().out == "Nothing to delete.\n"
    with pytest.raises(CommandError, match="no team"):
        call_command("retention", "--team", "nobody")


def test_the_audit_finds_a_wrong_amount_and_a_broken_promise(ended, capsys):
    ended(1)
    add_up()
    call_command("retention_audit", "--files")
    sums = StoredSum.objects.filter(kind="logs")
    right = sums.get().bytes
    sums.update(bytes=right + 1)
    with pytest.raises(CommandError, match="1 amounts are not what is stored"):
        call_command("retention_audit")
    assert f"counted are {right + 1} bytes, stored are {right}" in capsys.readouterr().err
    sums.update(bytes=right)
    default_storage.delete(Artifact.objects.get().key)
    with pytest.raises(CommandError):
        call_command("retention_audit", "--files")
    assert "its 10 bytes are not there" in capsys.readouterr().err


def test_metrics_tell_what_is_kept_and_what_went(ended, rule, client, settings):
    ended(31, logs=b"x" * 2048)
    rule("logs", days=30)
    call_command("retention")
    settings.METRICS_TOKEN = "open sesame"
    page = client.get("/metrics", headers={"Authorization": "Bearer open sesame"}).content.decode()
    assert 'stellwerk_stored_bytes{kind="logs"} 0.0' in page
    assert 'stellwerk_stored_bytes{kind="results"} 10.0' in page
    assert 'stellwerk_retention_deleted_bytes_total{kind="logs"} 2048.0' in page
