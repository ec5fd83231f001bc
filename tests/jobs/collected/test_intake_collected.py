"""POST /intake/collected: the manifest, by which results become visible."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from jobs.lifecycle import Sight
from jobs.models import Artifact, Job
from tests.jobs.intake_caller import Runner, sha256


def listed():
    return list(Artifact.objects.filter(is_listed=True).values_list("path", flat=True))


def test_what_the_manifest_names_is_shown_and_the_job_is_done(attempt, runner):
    runner.output(b"hello\n")
    runner.output(b"warn\n", stream="stderr")
    runner.result("results/a.txt", b"a")
    runner.result("b.csv", b"1,2")
    assert listed() == []
    Job.objects.update(next_look_at=None)
    assert runner.collected().status_code == 200
    assert listed() == ["b.csv", "results/a.txt"]
    attempt.refresh_from_db()
    assert attempt.sight is Sight.DONE_OK
    assert attempt.skipped == []
    assert Job.objects.get().next_look_at is not None


def test_a_repeat_is_answered_also_after_the_job_has_ended(attempt, runner):
    runner.result("a", b"a")
    runner.collected()
    Job.objects.update(status="succeeded", finished_at="2026-01-01T00:00Z", next_look_at=None)
    assert runner.collected().status_code == 200
    assert Job.objects.get().next_look_at is None
    assert listed() == ["a"]


def test_a_missing_result_is_named(attempt, runner):
    runner.result("a", b"a")
    wanted = [{"path": name, "size": 1, "sha256": sha256(name.encode())} for name in ("a", "b", "c")]
    answer = runner.collected(results=wanted)
    assert answer.status_code == 409
    assert answer.json()["missing"] == ["b", "c"]
    assert (answer.json()["stdout_size"], answer.json()["stderr_size"]) == (0, 0)
    assert listed() == []
    attempt.refresh_from_db()
    assert attempt.collected_at is None


def test_a_result_with_other_content_is_missing(runner):
    runner.result("a", b"a")
    answer = runner.collected(results=[{"path": "a", "size": 1, "sha256": sha256(b"b")}])
    assert answer.json()["missing"] == ["a"]


def test_missing_output_is_told_with_the_place_to_go_on(runner):
    runner.output(b"abc")
    answer = runner.collected(stdout={"size": 9, "sha256": sha256(b"abcdefghi")})
    assert answer.status_code == 409
    assert answer.json()["missing"] == []
    assert answer.json()["stdout_size"] == 3


def test_what_was_sent_and_is_not_named_goes(runner, django_capture_on_commit_callbacks):
    runner.result("keep", b"k")
    runner.result("drop", b"d")
    key = Artifact.objects.get(path="drop").key
    with django_capture_on_commit_callbacks(execute=True):
        runner.collected(results=[{"path": "keep", "size": 1, "sha256": sha256(b"k")}])
    assert list(Artifact.objects.values_list("path", flat=True)) == ["keep"]
    assert not default_storage.exists(key)


def test_what_the_runner_left_out_is_kept_with_its_reason(attempt, runner):
    runner.collected(skipped=[{"path": "pipe\0", "why": "it is a named pipe"}, {"path": "x"}])
    attempt.refresh_from_db()
    assert attempt.skipped == [{"path": "pipe\\0", "why": "it is a named pipe"}, {"path": "x", "why": ""}]


def test_output_with_other_bytes_is_a_flag_and_no_other_outcome(attempt, runner):
    runner.output(b"abc")
    runner.collected(stdout={"size": 3, "sha256": sha256(b"xyz")})
    attempt.refresh_from_db()
    assert attempt.sight is Sight.DONE_OK
    assert [entry["path"] for entry in attempt.skipped] == ["stdout.log"]


SAME = "another file has the same name here"


@pytest.mark.parametrize(
    ("sent", "kept", "left_out"),
    [
        (["caf\u00e9", "cafe\u0301"], "cafe\u0301", "caf\u00e9"),
        (["cafe\u0301", "caf\u00e9"], "caf\u00e9", "cafe\u0301"),
        (["a/b", "a\\b"], "a\\b", "a/b"),
    ],
)
def test_of_two_spellings_of_one_name_the_one_that_is_not_kept_is_named(
    attempt, runner, sent, kept, left_out, client_of, alice
):
    """Of a runner that does not know names as the portal does; what came last is what is there."""
    runner.result("lone-e\u0301", b"-")
    for path in sent:
        runner.result(path, path.encode())
    skipped = [{"path": "pipe", "why": "it is a named pipe"}]
    assert runner.collected(skipped=skipped).status_code == 200
    assert len(listed()) == 2
    assert Artifact.objects.exclude(path__startswith="lone").get().sha256 == sha256(kept.encode())
    attempt.refresh_from_db()
    assert attempt.skipped == [*skipped, {"path": left_out, "why": f"{SAME}: {kept}"}]
    page = client_of(alice).get(reverse("job_results", args=[attempt.job_id])).content.decode()
    assert "2 files left out" in page
    assert SAME in page
    assert runner.collected().status_code == 200
    attempt.refresh_from_db()
    assert len(attempt.skipped) == 2, "a repeat changes nothing"


def test_of_two_with_one_name_and_one_content_the_one_that_is_spelled_otherwise_is_named(attempt, runner):
    for path in ("a\\b", "a/b"):
        runner.result(path, b"same")
    runner.collected()
    attempt.refresh_from_db()
    assert attempt.skipped == [{"path": "a\\b", "why": f"{SAME}: a/b"}]


def test_a_manifest_before_the_end_is_refused(make_job, make_attempt):
    runner = Runner(make_attempt(make_job(status="running")))
    runner.claim()
    answer = runner.collected()
    assert answer.status_code == 409
    assert "missing" not in answer.json()


@pytest.mark.parametrize(
    "change",
    [
        {"stdout": None},
        {"stdout": {"sha256": ""}},
        {"results": None},
        {"results": ["a"]},
        {"results": [{"path": "a"}]},
        {"results": [{"path": "../a", "sha256": ""}]},
        {"skipped": {}},
    ],
)
def test_what_is_no_manifest_is_refused(attempt, runner, change):
    assert runner.collected(**change).status_code == 400
    attempt.refresh_from_db()
    assert attempt.collected_at is None
