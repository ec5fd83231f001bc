"""Where results are kept: the same contract for the portal's disk and for a real S3 server."""

import hashlib
import io
import random
import resource
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs import store
from jobs.models import Artifact, Kind
from jobs.previews.preview import SNIPPET_BYTES
from jobs.reconciler import tidy
from jobs.results import AWAY
from jobs.retention import downloads
from tests.cast import new_artifact
from tests.jobs.intake_caller import Runner, sha256
from tests.s3_server import BUCKET

MIB = 1 << 20


@pytest.fixture(params=["disk", "s3"])
def kind(request, settings, use_s3):
    """The settings name the storage that the test is for."""
    if request.param == "s3":
        use_s3(settings, request.getfixturevalue("s3"))
    return request.param


def placed(tmp_path, data):
    place = tmp_path / "arrived"
    place.write_bytes(data)
    return place


def content_of(key):
    with store.open_(key) as file:
        return file.read()


def test_what_is_saved_is_read_byte_for_byte_and_gone_when_it_is_deleted(kind, tmp_path):
    for data in (b"", b"x", random.Random(1).randbytes(20 * MIB)):
        place = placed(tmp_path, data)
        key = store.save(place, 7)
        assert not place.exists(), "the arrived file is taken over"
        assert store.exists(key)
        assert content_of(key) == data
        store.delete(key)
        store.delete(key)
        assert not store.exists(key)
        with pytest.raises(FileNotFoundError):
            content_of(key)


def test_no_key_is_given_twice_and_the_key_tells_where_the_content_is(kind, tmp_path):
    keys = [store.save(placed(tmp_path, b"same"), 7) for _ in range(3)]
    assert len(set(keys)) == 3
    assert {key.startswith(store.IN_S3) for key in keys} == {kind == "s3"}
    for key in keys:
        store.delete(key)


def test_reading_a_little_of_much_is_possible_and_reading_all_costs_no_memory(kind, tmp_path):
    size = 160 * MIB
    place = tmp_path / "big"
    digest = hashlib.sha256()
    with place.open("wb") as file:
        for number in range(size // MIB):
            block = number.to_bytes(4, "big") * (MIB // 4)
            digest.update(block)
            file.write(block)
    store.delete(store.save(placed(tmp_path, b"warm"), 7))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    key = store.save(place, 7)
    with store.open_(key) as file:
        assert file.read(8) == bytes(8)
    again = hashlib.sha256()
    with store.open_(key) as file:
        while block := file.read(MIB):
            again.update(block)
    store.delete(key)
    assert again.hexdigest() == digest.hexdigest()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_the_runners_results_are_stored_listed_shown_and_downloaded(kind, attempt, client_of, alice):
    runner = Runner(attempt)
    runner.result("results/a.txt", b"hello from a script")
    runner.result("results/b.bin", bytes(100))
    assert runner.collected().status_code == 200
    artifact = Artifact.objects.get(path="results/a.txt")
    assert artifact.key.startswith(store.IN_S3) is (kind == "s3")
    client, job = client_of(alice), attempt.job
    assert "hello from a script" in client.get(reverse("job_results", args=[job.pk])).content.decode()
    assert (
        "hello from a script"
        in client.get(reverse("artifact_detail", args=[job.pk, artifact.pk])).content.decode()
    )
    download = client.get(reverse("artifact_download", args=[job.pk, artifact.pk]))
    assert b"".join(download.streaming_content) == b"hello from a script"
    assert 'filename="a.txt"' in download["Content-Disposition"]
    archive = b"".join(client.get(reverse("job_results_zip", args=[job.pk])).streaming_content)
    assert b"hello from a script" in archive


def test_a_large_result_in_parts_is_stored_too(kind, attempt):
    data = random.Random(2).randbytes(6 * MIB)
    sent = Runner(attempt)._client
    for start in range(0, len(data), 2 * MIB):
        url = f"/intake/results?path=results/big&offset={start}&size={len(data)}"
        answer = sent.put(url, data[start : start + 2 * MIB], content_type="application/octet-stream")
        assert answer.status_code == 200
    artifact = Artifact.objects.get()
    assert artifact.sha256 == sha256(data)
    assert content_of(artifact.key) == data


@pytest.mark.parametrize("path", ["results/a.txt", "results/a.png", "results/a.bin"])
def test_a_lost_content_is_said_and_changes_nothing_else(kind, attempt, client_of, alice, path):
    runner = Runner(attempt)
    runner.result(path, b"a")
    runner.result("results/b.txt", b"still there")
    runner.collected()
    job = attempt.job
    job.status, job.finished_at = "succeeded", timezone.now()
    job.save()
    lost = Artifact.objects.get(path=path)
    store.delete(lost.key)
    client = client_of(alice)
    page = client.get(reverse("job_results", args=[job.pk])).content.decode()
    assert f"Not stored any more: {path}." in page
    assert "still there" in page
    detail = client.get(reverse("artifact_detail", args=[job.pk, lost.pk]))
    assert detail.status_code == 200
    assert "not stored any more" in detail.content.decode()
    assert client.get(reverse("artifact_download", args=[job.pk, lost.pk])).status_code == 404
    job.refresh_from_db()
    assert job.status == "succeeded"


def test_what_no_row_names_is_swept_when_it_is_old(kind, attempt, tmp_path):
    runner = Runner(attempt)
    runner.result("results/a", b"kept")
    kept = Artifact.objects.get().key
    orphan = store.save(placed(tmp_path, b"orphan"), attempt.pk)
    tidy.sweep_what_jobs_left(timedelta(hours=24))
    assert store.exists(orphan), "it may be on its way to its row"
    tidy.sweep_what_jobs_left(timedelta(seconds=-60))
    assert not store.exists(orphan)
    assert store.exists(kept)


def test_a_repeat_leaves_no_old_content(kind, attempt, django_capture_on_commit_callbacks):
    runner = Runner(attempt)
    runner.result("a.txt", b"old")
    old = Artifact.objects.get().key
    with django_capture_on_commit_callbacks(execute=True):
        runner.result("a.txt", b"newer")
    assert not store.exists(old)
    assert content_of(Artifact.objects.get().key) == b"newer"


def test_while_the_storage_is_away_the_runner_is_told_to_wait_and_pages_say_it(
    in_s3, attempt, client_of, alice, settings
):
    runner = Runner(attempt)
    assert runner.result("results/a.txt", b"a").status_code == 200
    runner.collected()
    artifact, client = Artifact.objects.get(), client_of(alice)
    in_s3.stop()
    try:
        answer = runner.result("results/b.txt", b"b")
        assert answer.status_code == 503
        assert "cannot be stored now" in answer.json()["error"]
        assert AWAY in client.get(reverse("job_results", args=[attempt.job_id])).content.decode()
        detail = client.get(reverse("artifact_detail", args=[attempt.job_id, artifact.pk])).content.decode()
        assert "The storage does not answer just now" in detail
        assert "Nothing is lost" in detail
        assert "gone from the portal's storage" not in detail
        for view in ("artifact_download", "artifact_raw"):
            is_asked_to_come_again(client.get(reverse(view, args=[attempt.job_id, artifact.pk])))
        is_asked_to_come_again(client.get(reverse("job_results_zip", args=[attempt.job_id])))
        settings.RESULT_STORE_FOR_PEOPLE = in_s3.url
        is_asked_to_come_again(client.get(reverse("artifact_download", args=[attempt.job_id, artifact.pk])))
    finally:
        in_s3.start()
    assert runner.result("results/b.txt", b"b").status_code == 200
    assert content_of(artifact.key) == b"a"


def is_asked_to_come_again(answer):
    """As a program understands it that goes on with a download."""
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert b"nothing is lost" in answer.content


def test_a_storage_that_is_away_is_asked_once_for_a_page_of_many_files(
    alice, client_of, attempt, monkeypatch
):
    asked, missing = [], store.missing

    def away(keys, *span, **spans):
        if any(key.startswith(store.IN_S3) for key in keys):
            asked.append(keys)
            raise store.StoreAway("the storage cannot be reached")
        return missing(keys)

    monkeypatch.setattr(store, "open_", away)
    monkeypatch.setattr(store, "missing", away)
    for number in range(9):
        new_artifact(attempt, f"{number}.txt", key=f"s3:results/{attempt.pk}/{number}")
    new_artifact(attempt, "lost.txt", key="results/not/there")
    page = client_of(alice).get(reverse("job_results", args=[attempt.job_id])).content.decode()
    assert len(asked) == 1
    assert page.count(AWAY) == 1
    assert "Not stored any more: lost.txt." in page


def test_a_snippet_of_a_large_file_moves_a_few_kilobytes(
    in_s3, alice, client_of, attempt, tmp_path, monkeypatch
):
    from jobs import store_s3

    key = store.save(placed(tmp_path, b"a line of many\n" * 200_000), attempt.pk)
    new_artifact(attempt, "large.txt", key=key, size=3_000_000)
    moved, real = [], store_s3._Body.readinto
    monkeypatch.setattr(store_s3._Body, "readinto", lambda *of: moved.append(real(*of)) or moved[-1])
    page = client_of(alice).get(reverse("job_results", args=[attempt.job_id])).content.decode()
    assert "a line of many" in page
    assert 0 < sum(moved) <= SNIPPET_BYTES


def test_a_parquet_table_is_shown_wherever_it_is_stored(kind, alice, client_of, attempt, tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="the extra “parquet” is not installed")
    place = tmp_path / "a.parquet"
    duckdb.connect().execute(f"COPY (SELECT 'a word' AS w FROM range(9)) TO '{place}' (FORMAT parquet)")
    size = place.stat().st_size
    artifact = new_artifact(attempt, "a.parquet", key=store.save(place, attempt.pk), size=size)
    page = (
        client_of(alice).get(reverse("artifact_detail", args=[attempt.job_id, artifact.pk])).content.decode()
    )
    assert "a word" in page
    assert "9 rows, 1 column" in page


def test_contents_that_are_not_there_are_told_among_many(kind, tmp_path):
    keys = [store.save(placed(tmp_path, b"x"), 7_000 + number // 3) for number in range(6)]
    for key in (keys[1], keys[5]):
        store.delete(key)
    assert store.missing(keys) == {keys[1], keys[5]}
    assert store.missing([]) == set()
    for key in keys:
        store.delete(key)


def test_all_results_as_one_zip_without_what_is_lost(kind, attempt, client_of, alice):
    runner = Runner(attempt)
    runner.result("results/a.txt", b"lost")
    runner.result("results/b.txt", b"still there")
    runner.collected()
    store.delete(Artifact.objects.get(path="results/a.txt").key)
    sent = client_of(alice).get(reverse("job_results_zip", args=[attempt.job_id]))
    archive = zipfile.ZipFile(io.BytesIO(b"".join(sent.streaming_content)))
    assert archive.namelist() == ["results/b.txt", "MISSING.txt"]
    assert archive.read("results/b.txt") == b"still there"


def test_what_was_kept_on_the_disk_stays_there_when_s3_is_switched_on(in_s3, settings, tmp_path, use_s3):
    settings.RESULT_STORE_BUCKET = ""
    old = store.save(placed(tmp_path, b"from before"), 7)
    use_s3(settings, in_s3)
    new = store.save(placed(tmp_path, b"new"), 7)
    assert (content_of(old), content_of(new)) == (b"from before", b"new")
    settings.RESULT_STORE_BUCKET = ""
    assert content_of(old) == b"from before"
    with pytest.raises(store.StoreAway, match="do not name any more"):
        content_of(new)
    use_s3(settings, in_s3)
    store.delete(old)
    store.delete(new)


def test_people_download_from_the_storage_itself_where_the_settings_say_that_they_reach_it(
    in_s3, settings, attempt, client_of, alice, charlie
):
    import requests

    runner = Runner(attempt)
    runner.result("results/Größe & mehr.txt", b"hello")
    runner.collected()
    settings.RESULT_STORE_FOR_PEOPLE = in_s3.url
    artifact = Artifact.objects.get()
    address = reverse("artifact_download", args=[attempt.job_id, artifact.pk])
    assert client_of(charlie).get(address).status_code == 404
    answer = client_of(alice).get(address)
    assert answer.status_code == 302
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "X-Amz-Expires=300" in answer.url
    assert downloads.is_read(attempt.job_id, Kind.RESULTS)  # no rule deletes it before the browser comes
    got = requests.get(answer.url, headers={"Range": "bytes=1-3"}, timeout=10)
    assert (got.status_code, got.content) == (206, b"ell")
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert (
        requests.get(answer.url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"), timeout=10).status_code
        == 403
    )
    other = in_s3.url + "/" + BUCKET + "/results/other"
    assert requests.get(other, timeout=10).status_code == 403
    # A picture in a page comes through the portal: its policy lets nothing else in.
    raw = client_of(alice).get(reverse("artifact_raw", args=[attempt.job_id, artifact.pk]))
    assert b"".join(raw.streaming_content) == b"hello"
