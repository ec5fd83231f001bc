"""All results as one .zip: streamed, readable everywhere, never silently short."""

import io
import re
import subprocess
import tracemalloc
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from jobs import results, results_zip
from jobs.models import Artifact, Download
from jobs.results_zip import ResultsZip
from jobs.uploads.tarstream import SizeChanged
from tests.cast import new_artifact


@pytest.fixture
def job(make_job):
    return make_job(status="succeeded", name="Tränke über")


@pytest.fixture
def attempt(job, make_attempt):
    return make_attempt(job)


def zipped(attempt):
    content = ResultsZip(list(results.listed(attempt)))
    return content.read(0, content.size)


def address(job):
    return reverse("job_results_zip", args=[job.pk])


def test_it_holds_every_listed_file_under_its_path(alice, client_of, job, attempt, tmp_path):
    files = {"results/größe.csv": b"a,b\n1,2\n", "results/deep/er/plot.svg": b"<svg/>", "empty.txt": b""}
    for path, content in files.items():
        new_artifact(attempt, path, content)
    new_artifact(attempt, "unlisted.txt", is_listed=False)
    response = client_of(alice).get(address(job))
    data = b"".join(response.streaming_content)
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == files
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == (
        "attachment; filename*=utf-8''Tr%C3%A4nke-%C3%BCber-results.zip"
    )
    assert response["Content-Security-Policy"] == "sandbox"


def test_its_files_are_dated_when_the_results_came_by_the_portals_clock(attempt):
    stored_at = datetime(2026, 7, 1, 22, 30, 10, tzinfo=UTC)
    for name, at in {"a.txt": stored_at - timedelta(hours=1), "b.txt": stored_at}.items():
        Artifact.objects.filter(pk=new_artifact(attempt, name).pk).update(stored_at=at)
    with timezone.override("Europe/Berlin"):
        data = b"".join(zipped(attempt))
    dates = {info.date_time for info in zipfile.ZipFile(io.BytesIO(data)).infolist()}
    assert dates == {(2026, 7, 2, 0, 30, 10)}


def test_unzip_agrees(alice, client_of, job, attempt, tmp_path):
    new_artifact(attempt, "results/a.txt", b"hello\n")
    path = tmp_path / "results.zip"
    path.write_bytes(b"".join(client_of(alice).get(address(job)).streaming_content))
    try:
        done = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unzip on this machine")
    assert done.returncode == 0, done.stdout
    assert "No errors detected" in done.stdout


def test_a_stranger_gets_404_and_nobody_without_a_session_gets_in(charlie, client_of, client, job):
    assert client_of(charlie).get(address(job)).status_code == 404
    assert client.get(address(job)).status_code == 302


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/olute", "abs/olute"),
        ("a//./b", "a/b"),
        ("..\\..\\a", ".._.._a"),
        ("C:\\a", "C__a"),
        ("a\x00b\n\u202ec", "a_b__c"),
        ("..", "file"),
        ("plain/größe.csv", "plain/größe.csv"),
    ],
)
def test_no_name_leads_out_of_the_folder_it_is_unpacked_to(path, inside):
    assert results_zip.path_inside(path) == inside


def test_two_paths_that_become_one_name_are_both_kept(attempt):
    for path, content in {"a:b.txt": b"1", "a_b.txt": b"2"}.items():
        new_artifact(attempt, path, content)
    data = b"".join(zipped(attempt))
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert sorted(archive.namelist()) == ["a_b (2).txt", "a_b.txt"]
    assert sorted(archive.read(name) for name in archive.namelist()) == [b"1", b"2"]


@pytest.mark.parametrize("size", [3, 5])
def test_a_file_that_changed_breaks_the_download_off(attempt, size):
    new_artifact(attempt, "a.txt", b"first")
    new_artifact(attempt, "b.txt", b"four", size=size)
    taken = []
    with pytest.raises(SizeChanged):
        taken.extend(zipped(attempt))
    assert b"first" in b"".join(taken)
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(taken)))


def test_a_file_that_vanishes_under_way_breaks_the_download_off(attempt):
    new_artifact(attempt, "a.txt", b"first")
    late = new_artifact(attempt, "b.txt")
    pieces = zipped(attempt)
    default_storage.delete(late.key)
    taken = []
    with pytest.raises(FileNotFoundError):
        taken.extend(pieces)
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(taken)))


def test_what_is_lost_is_left_out_and_named_and_the_rest_comes(alice, client_of, job, attempt):
    new_artifact(attempt, "a.txt", b"first")
    lost = new_artifact(attempt, "deep/gr\u202eöße\n.csv", b"1,2\n", key="results/not/there")
    new_artifact(attempt, "MISSING.txt", b"a result of this name")
    first = client_of(alice).get(address(job))
    whole = b"".join(first.streaming_content)
    assert first["Content-Length"] == str(len(whole))
    archive = zipfile.ZipFile(io.BytesIO(whole))
    assert archive.testzip() is None
    assert archive.namelist() == ["MISSING.txt", "a.txt", "MISSING (2).txt"]
    assert archive.read("MISSING.txt") == b"a result of this name"
    said = archive.read("MISSING (2).txt").decode()
    assert "not stored any more" in said
    assert rf"deep/gr\u202eöße\x0a.csv, 4 bytes, sha256 {lost.sha256}" in said.splitlines()


@pytest.mark.django_db(transaction=True)
def test_an_archive_without_a_lost_file_goes_on_and_is_another_one_when_a_further_is_lost(
    alice, client_of, job, attempt
):
    files = [new_artifact(attempt, f"{name}.txt", name.encode() * 50) for name in "abc"]
    complete = client_of(alice).head(address(job))["ETag"]
    default_storage.delete(files[0].key)
    first = client_of(alice).get(address(job))
    whole = b"".join(first.streaming_content)
    assert first["ETag"] != complete
    rest = client_of(alice).get(address(job), headers={"Range": "bytes=90-", "If-Range": first["ETag"]})
    assert rest.status_code == 206
    assert b"".join(rest.streaming_content) == whole[90:]
    default_storage.delete(files[1].key)
    anew = client_of(alice).get(address(job), headers={"Range": "bytes=90-", "If-Range": first["ETag"]})
    assert anew.status_code == 200
    assert anew["ETag"] != first["ETag"]
    anew.close()


def test_the_memory_does_not_grow_with_the_files(attempt):
    new_artifact(attempt, "large.bin", bytes(48 * 1024**2))
    pieces = zipped(attempt)
    with peak_memory() as peak:
        size = sum(len(chunk) for chunk in pieces)
    assert size > 48 * 1024**2
    assert peak() < 6 * 1024**2


@contextmanager
def peak_memory():
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.django_db(transaction=True)
def test_head_is_not_answered_with_the_work_of_a_download(alice, client_of, job, attempt, monkeypatch):
    new_artifact(attempt, "a.txt", b"first")
    whole = b"".join(client_of(alice).get(address(job)).streaming_content)
    monkeypatch.setattr(results_zip, "zip_stream", None)
    response = client_of(alice).head(address(job))
    assert (response.status_code, response["Content-Length"]) == (200, str(len(whole)))
    assert not Download.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_download_that_was_cut_goes_on(alice, client_of, job, attempt):
    for name in ("a.txt", "größe.csv", "deep/er/b.bin"):
        new_artifact(attempt, name, name.encode() * 50)
    first = client_of(alice).get(address(job))
    whole = b"".join(first.streaming_content)
    assert first["Content-Length"] == str(len(whole))
    for at in (1, 40, len(whole) // 2, len(whole) - 1):
        headers = {"Range": f"bytes={at}-", "If-Range": first["ETag"]}
        rest = client_of(alice).get(address(job), headers=headers)
        assert rest.status_code == 206
        assert b"".join(rest.streaming_content) == whole[at:]
    part = client_of(alice).get(address(job), headers={"Range": "bytes=30-99"})
    assert b"".join(part.streaming_content) == whole[30:100]


@pytest.mark.django_db(transaction=True)
def test_programs_that_fetch_many_parts_at_once_have_to_wait(alice, client_of, job, attempt):
    """Each part reads everything before it."""
    new_artifact(attempt, "a.txt", b"first")
    part = {"Range": "bytes=30-"}
    under_way = [client_of(alice).get(address(job), headers=part) for _ in range(3)]
    refused = client_of(alice).get(address(job), headers=part)
    assert (refused.status_code, refused["Retry-After"]) == (503, "10")
    whole = client_of(alice).get(address(job))
    assert whole.status_code == 200
    for response in (whole, *under_way):
        response.close()
    assert not Download.objects.exists()
    assert client_of(alice).get(address(job), headers=part).status_code == 206


@pytest.mark.django_db(transaction=True)
def test_it_begins_anew_where_the_results_changed(alice, client_of, job, attempt):
    new_artifact(attempt, "a.txt", b"first")
    first = client_of(alice).get(address(job))
    first.close()
    new_artifact(attempt, "b.txt", b"second")
    headers = {"Range": "bytes=30-", "If-Range": first["ETag"]}
    assert client_of(alice).get(address(job), headers=headers).status_code == 200


def test_only_one_file_is_open_at_a_time(attempt, monkeypatch):
    for number in range(5):
        new_artifact(attempt, f"{number}.txt", b"x" * 10)
    open_now, most = [], []
    real = default_storage.open

    def counted(key, mode):
        file = real(key, mode)
        open_now.append(file)
        most.append(sum(not f.closed for f in open_now))
        return file

    monkeypatch.setattr(default_storage, "open", counted)
    b"".join(zipped(attempt))
    assert max(most) == 1


def test_the_page_offers_it(alice, client_of, job, attempt):
    new_artifact(attempt, "a.txt")
    html = client_of(alice).get(reverse("job_results", args=[job.pk])).content.decode()
    assert re.search(rf'href="{address(job)}"', html)
