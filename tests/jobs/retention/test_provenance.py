"""Where a result came from, when a rule has deleted the inputs: hashes stay, and nothing is sent by half."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from jobs import bundles
from jobs.models import Blob, BundleFile, Draft, Job
from jobs.provenance import archive as capsule_archive
from jobs.reconciler import tidy
from jobs.retention.deleting import delete_by_rules

FILES = {"main.py": b"print(1)\n", "data/a.csv": b"a\n1\n"}
BIG = {f"{number}.bin": bytes([number]) * 3_000_000 for number in range(4)}


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    monkeypatch.setattr(capsule_archive, "close_old_connections", lambda: None)


@pytest.fixture
def gone(ended, rule):
    """A job whose inputs a rule has deleted."""
    job = ended(31, files=FILES, name="old")
    rule("inputs", days=30)
    delete_by_rules()
    assert not BundleFile.objects.exists()
    return job


@pytest.fixture
def client(client_of, alice):
    return client_of(alice)


def archive(client, job) -> bytes:
    answer = client.get(f"/jobs/{job.pk}/capsule.zip")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_the_page_still_names_files_by_their_hashes_and_says_what_went(client, gone):
    page = client.get(f"/jobs/{gone.pk}/capsule/").content.decode()
    for sha256 in Blob.objects.values_list("sha256", flat=True):
        assert sha256 in page
    assert "The input files (2 files, 13 B) were deleted on " in page
    assert "to run exactly this again" not in page


def test_the_archive_says_it_too_and_does_not_pretend_to_run_again(client, gone):
    content = archive(client, gone)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.namelist() == ["capsule.json"]
        told = json.loads(packed.read("capsule.json"))
    assert [(file["path"], file["size"]) for file in told["files"]] == [("data/a.csv", 4), ("main.py", 9)]
    assert told["files_gone"].startswith("The input files (2 files, 13 B) were deleted on ")
    page = client.post("/new/capsule/", {"capsule": SimpleUploadedFile("c.zip", content)}, follow=True)
    assert "A rule had deleted its files before: it has their hashes alone." in page.content.decode()
    assert not Draft.objects.exists()


def test_the_same_files_are_the_same_also_when_they_are_gone(client, gone, make_job):
    again = make_job(files=FILES, name="new", status="succeeded")
    page = client.get(f"/jobs/{again.pk}/changes/?since={gone.pk}").content.decode()
    assert "All files are the same." in page
    assert "were deleted on" in page
    assert "Script’s hash" not in page
    compared = client.get(f"/jobs/compare/?ids={gone.pk},{again.pk}").content.decode()
    script = Blob.objects.get(files__bundle=again.bundle_id, files__path="main.py").sha256
    assert compared.count(script[:12]) == 2


def test_what_differs_from_gone_files_is_told_by_hashes(client, gone, make_job):
    again = make_job(files=FILES | {"main.py": b"print(2)\n"}, name="new", status="succeeded")
    page = client.get(f"/jobs/{again.pk}/changes/?since={gone.pk}").content.decode()
    assert "Its lines are no longer kept: it is told by its hashes." in page
    assert "1 other file is the same." in page


def test_a_team_whose_inputs_went_does_not_read_those_that_another_one_keeps(
    client, ended, rule, make_job, team
):
    old = ended(31, files=FILES)
    kept = make_job(files=FILES, name="kept", status="running")
    assert kept.bundle_id != old.bundle_id
    rule("inputs", days=30)
    delete_by_rules()
    with zipfile.ZipFile(io.BytesIO(archive(client, kept))) as packed:
        assert packed.testzip() is None
        assert set(packed.namelist()) == {"capsule.json", "files/main.py", "files/data/a.csv"}
    with zipfile.ZipFile(io.BytesIO(archive(client, old))) as packed:
        assert packed.namelist() == ["capsule.json"]


def delete_by_a_rule(job, rule):
    rule("inputs", days=30)
    delete_by_rules()


def delete_by_hand(job, rule):
    Job.objects.update(deleted_at=timezone.now() - tidy.DELETED_AGE * 2)
    tidy.delete_jobs()
    assert not Job.objects.exists()


@pytest.mark.parametrize("delete", [delete_by_a_rule, delete_by_hand])
def test_nothing_goes_under_an_archive_that_is_being_sent(client, ended, rule, delete):
    job = ended(31, files=BIG)
    Blob.objects.update(touched_at=timezone.now() - timedelta(days=31))
    answer = client.get(f"/jobs/{job.pk}/capsule.zip")
    pieces = iter(answer.streaming_content)
    content = next(pieces) + next(pieces)
    delete(job, rule)
    bundles.sweep_blobs(tidy.CONTENT_AGE)
    with zipfile.ZipFile(io.BytesIO(content + b"".join(pieces))) as packed:
        assert packed.testzip() is None
        assert len(packed.namelist()) == len(BIG) + 1
    Blob.objects.update(touched_at=timezone.now() - timedelta(days=31))
    bundles.sweep_blobs(tidy.CONTENT_AGE)
    assert not Blob.objects.exists()


def test_a_reader_that_takes_more_than_a_day_keeps_the_content(client, ended, rule, monkeypatch):
    monkeypatch.setattr(capsule_archive, "HELD_ANEW_EVERY", 0.0)
    job = ended(31, files=BIG)
    answer = client.get(f"/jobs/{job.pk}/capsule.zip")
    pieces = iter(answer.streaming_content)
    next(pieces)
    delete_by_a_rule(job, rule)
    Blob.objects.update(touched_at=timezone.now() - timedelta(days=31))
    next(pieces)
    bundles.sweep_blobs(tidy.CONTENT_AGE)
    assert Blob.objects.count() == len(BIG)
