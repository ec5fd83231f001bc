"""PUT /intake/results: one result file of any size."""

import io

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from jobs import store
from jobs.models import Artifact
from jobs.uploads import incoming
from tests.jobs.intake_caller import Runner, sha256


@pytest.fixture
def attempt(make_job, make_attempt):
    attempt = make_attempt(make_job(status="finishing"))
    Runner(attempt).run()
    return attempt


def content_of(artifact):
    with default_storage.open(artifact.key) as file:
        return file.read()


def left_over():
    return [path.name for path in incoming.folder().glob(f"{incoming.PREFIX}*")]


def test_a_result_is_stored_and_not_shown_before_the_manifest_names_it(attempt):
    data = bytes(range(256)) * 9000  # more than two blocks
    assert Runner(attempt).result("results/a b.bin", data).json() == {
        "sha256": sha256(data),
        "size": len(data),
    }
    artifact = Artifact.objects.get()
    assert (artifact.path, artifact.size, artifact.sha256) == ("results/a b.bin", len(data), sha256(data))
    assert not artifact.is_listed
    assert content_of(artifact) == data
    assert artifact.key.startswith(f"results/{attempt.pk}/")
    assert left_over() == []


def test_an_empty_result_is_one_too(attempt):
    assert Runner(attempt).result("empty", b"", **{"content-length": "0"}).json()["size"] == 0
    assert content_of(Artifact.objects.get()) == b""


def test_a_repeat_replaces_the_file_and_leaves_no_old_content(attempt, django_capture_on_commit_callbacks):
    runner = Runner(attempt)
    runner.result("a.txt", b"old")
    old = Artifact.objects.get().key
    with django_capture_on_commit_callbacks(execute=True):
        assert runner.result("a.txt", b"newer").json()["size"] == 5
    artifact = Artifact.objects.get()
    assert content_of(artifact) == b"newer"
    assert not default_storage.exists(old)


def test_the_content_is_moved_into_the_storage_and_not_copied(attempt, monkeypatch):
    moved = []
    save = store.save

    def watched(path, attempt_id):
        before = path.stat().st_ino
        key = save(path, attempt_id)
        moved.append(before == (incoming.folder().parent / key).stat().st_ino)
        return key

    monkeypatch.setattr(store, "save", watched)
    Runner(attempt).result("big", b"x" * 100_000)
    assert moved == [True]


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../up", "a/../../b", "a//b", "./a", "a\nb", "a\0b", "\u202eb", "a/", "x" * 300, "."],
)
def test_a_path_that_leads_elsewhere_or_misleads_is_refused(attempt, path):
    answer = Runner(attempt).result(path, b"x")
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not Artifact.objects.exists()


def test_names_of_all_alphabets_are_kept(attempt):
    for path in ("Größe.csv", "グラフ.png", "results/tief/er/ordner.txt", "with space & 100%?.txt"):
        assert Runner(attempt).result(path, b"x").status_code == 200
        assert Artifact.objects.filter(path=path).exists()


def test_a_job_may_have_so_many_result_files(attempt, settings):
    settings.RESULT_MAX_FILES = 2
    runner = Runner(attempt)
    assert [runner.result(path, b"x").status_code for path in ("a", "b", "c")] == [200, 200, 413]
    assert runner.result("a", b"again").status_code == 200


def test_a_jobs_results_may_have_so_many_bytes_together(attempt, settings):
    settings.RESULT_MAX_BYTES = 10
    runner = Runner(attempt)
    assert runner.result("a", b"123456").status_code == 200
    answer = runner.result("b", b"12345")
    assert answer.status_code == 413
    assert "10 bytes" in answer.json()["error"]
    assert runner.result("a", b"0123456789").status_code == 200


def test_a_full_disk_takes_nothing(attempt, settings):
    settings.STORAGE_RESERVE_BYTES = 1 << 60
    assert Runner(attempt).result("a", b"x").status_code == 507
    assert left_over() == []


@pytest.mark.parametrize("when", ["write", "finish"])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(attempt, monkeypatch, when):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(incoming.Receiver, when, full)
    assert Runner(attempt).result("a", b"x").status_code == 507
    assert left_over() == []
    assert not Artifact.objects.exists()


def test_a_damaged_file_is_asked_for_again(attempt):
    answer = Runner(attempt).result("a", b"x", **{"x-content-sha256": "0" * 64})
    assert answer.status_code == 503
    assert left_over() == []
    assert not Artifact.objects.exists()


def test_a_body_that_ends_early_is_asked_for_again(attempt):
    client = Client(headers={"authorization": f"Bearer {attempt.token}"})
    cut = {"wsgi.input": io.BytesIO(b"short"), "CONTENT_LENGTH": "10"}
    answer = client.generic("PUT", "/intake/results?path=a", **cut)
    assert answer.status_code == 503
    assert left_over() == []


def test_a_body_without_a_length_is_refused(attempt):
    client = Client(headers={"authorization": f"Bearer {attempt.token}"})
    answer = client.generic("PUT", "/intake/results?path=a", b"data", CONTENT_LENGTH="")
    assert answer.status_code == 411
