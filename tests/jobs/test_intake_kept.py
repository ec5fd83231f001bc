"""POST /intake/kept: results so far, all of them at once, until the manifest takes their place."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from jobs.models import Artifact, Attempt
from tests.jobs.intake_caller import Runner, sha256


@pytest.fixture
def job(make_job):
    return make_job(status="running")


@pytest.fixture
def runner(job, make_attempt):
    runner = Runner(make_attempt(job))
    assert runner.claim().status_code == runner.started().status_code == 200
    return runner


def kept(runner, changing=None, **files):
    results = [
        {"path": f"results/{name}", "size": len(data), "sha256": sha256(data)} for name, data in files.items()
    ]
    told = {} if changing is None else {"changing": changing}
    return runner._post("kept", {"uid": runner.uid, "results": results, **told})


def keep(runner, **files):
    for name, data in files.items():
        assert runner.result(f"results/{name}", data).status_code == 200
    answer = kept(runner, **files)
    assert answer.status_code == 200, answer.content


def listed():
    found = {}
    for artifact in Artifact.objects.filter(is_listed=True):
        with default_storage.open(artifact.key) as file:
            found[artifact.path.removeprefix("results/")] = file.read()
    return found


def page_of(client, job):
    return client.get(reverse("job_results", args=[job.pk])).content.decode()


def test_what_is_kept_is_listed_at_once_and_called_so_far(runner, job, client_of, alice):
    keep(runner, a=b"1", b=b"2")
    assert listed() == {"a": b"1", "b": b"2"}
    page = page_of(client_of(alice), job)
    assert "Results so far." in page
    assert "2 files" in page


def test_the_next_ones_take_their_place_all_at_once_and_leave_nothing(
    runner, django_capture_on_commit_callbacks
):
    keep(runner, a=b"1", b=b"2")
    old = Artifact.objects.get(path="results/a").key
    runner.result("results/a", b"new")
    assert listed() == {"a": b"1", "b": b"2"}, "what only arrived is not shown"
    with django_capture_on_commit_callbacks(execute=True):
        keep(runner, c=b"3", a=b"new")
    assert listed() == {"a": b"new", "c": b"3"}
    assert Artifact.objects.count() == 2
    assert not default_storage.exists(old)


def test_nothing_changes_when_something_is_missing(runner):
    keep(runner, a=b"1")
    answer = kept(runner, a=b"1", b=b"never sent")
    assert (answer.status_code, answer.json()["missing"]) == (409, ["results/b"])
    assert listed() == {"a": b"1"}


def test_what_could_not_be_read_whole_keeps_what_was_kept_of_it(runner, django_capture_on_commit_callbacks):
    keep(runner, checkpoint=b"good", log=b"1", gone=b"x")
    runner.result("results/checkpoint", b"torn")
    runner.result("results/log", b"12")
    changing = ["results/checkpoint", "results/new", "a/../b"]
    with django_capture_on_commit_callbacks(execute=True):
        assert kept(runner, changing, log=b"12").status_code == 200
    assert listed() == {"checkpoint": b"good", "log": b"12"}
    assert Artifact.objects.count() == 2, "nothing of the torn one stays"
    keep(runner, checkpoint=b"better")
    assert listed() == {"checkpoint": b"better"}


def test_a_path_that_is_changing_is_known_by_the_name_under_which_it_is_kept(runner):
    keep(runner, **{"e\u0301": b"1"})
    assert kept(runner, ["results\\e\u0301"]).status_code == 200
    assert listed() == {"\u00e9": b"1"}


def test_an_older_runner_tells_of_none_that_changes(runner):
    keep(runner, a=b"1", b=b"2")
    assert kept(runner, b=b"2").status_code == 200
    assert listed() == {"b": b"2"}


@pytest.mark.parametrize("changing", ["results/a", [1], {}, None])
def test_what_is_no_list_of_paths_is_refused(runner, changing):
    keep(runner, a=b"1")
    answer = runner._post("kept", {"uid": runner.uid, "results": [], "changing": changing})
    assert answer.status_code == 400
    assert listed() == {"a": b"1"}


def test_at_the_end_what_was_kept_of_a_changing_file_goes_as_the_manifest_says(runner):
    keep(runner, a=b"1")
    assert kept(runner, ["results/a"]).status_code == 200
    runner.ended()
    assert runner.collected(results=[]).status_code == 200
    assert listed() == {}


def test_the_manifest_takes_their_place(runner, job, client_of, alice, django_capture_on_commit_callbacks):
    keep(runner, a=b"1", gone=b"2")
    del runner._results["results/gone"]
    runner.ended()
    runner.result("results/z", b"9")
    with django_capture_on_commit_callbacks(execute=True):
        assert runner.collected().status_code == 200
    assert listed() == {"a": b"1", "z": b"9"}
    assert Artifact.objects.count() == 2
    assert "so far" not in page_of(client_of(alice), job)
    assert kept(runner, late=b"x").status_code == 200, "a late one changes nothing"
    assert listed() == {"a": b"1", "z": b"9"}


def test_what_was_kept_stays_when_the_job_is_lost(runner, job, client_of, alice):
    keep(runner, a=b"1")
    job.status, job.finished_at = "error", "2026-11-29T12:00Z"
    job.save()
    page = page_of(client_of(alice), job)
    assert "What the script kept while it ran is listed." in page
    assert "Results so far." not in page
    assert listed() == {"a": b"1"}
    assert kept(runner, a=b"1").status_code == 401


def test_only_the_pod_that_claimed_speaks(runner):
    other = Runner(Attempt.objects.get(), uid="pod-2")
    assert kept(other, a=b"1").status_code == 409
