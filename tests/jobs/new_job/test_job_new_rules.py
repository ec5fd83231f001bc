"""New job: which results are kept is asked, said before the click, and reaches the job, its pages and its runner."""

import html
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from jobs.models import Attempt, Job
from jobs.submission import typed_rules
from jobs.submission.typed import Mistyped
from tests.jobs.intake_caller import Runner

USUAL = "Everything under results/ and files the script makes or changes; not: *.tmp, .git/; at most 16 GiB together."
TYPED = {
    "results_include": "results/*.csv,\nmodel.pt",
    "results_exclude": "raw/",
    "results_file_size": "5 MB",
    "results_size": "1 GiB",
}
RULES = {
    "include": ["results/*.csv", "model.pt"],
    "exclude": ["raw/"],
    "file_bytes": 5 << 20,
    "total_bytes": 1 << 30,
}


@pytest.fixture(autouse=True)
def large_profile(settings, profile):
    settings.RESULT_EXCLUDE = ["*.tmp", ".git/"]
    profile.disk_bytes = 1 << 40
    profile.save()


def send(client, url, action="run", **fields):
    script = SimpleUploadedFile("train.py", b"1")
    return client.post(url, {"file": script, "action": action, "begin": "1", "end": "1", **fields})


def text(answer):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def said_of(answer, name):
    found = re.search(rf'id="error-{name}"[^>]*>(.*?)</div>', answer.content.decode(), re.S)
    return html.unescape(re.sub(r"<[^>]+>", "", found[1]).strip()) if found else ""


def test_what_is_kept_is_said_before_the_click_and_recorded_as_it_was_said(client, url, settings):
    assert USUAL in text(client.get(url))
    send(client, url)
    settings.RESULT_EXCLUDE = ["*.later"]
    job = Job.objects.get()
    assert job.result_rules["exclude"] == ["*.tmp", ".git/"]
    assert USUAL in text(client.get(reverse("job_info", args=[job.pk])))
    assert USUAL.replace("E", "e", 1) in text(client.get(reverse("job_results", args=[job.pk])))


def test_a_small_disk_of_the_profile_bounds_the_results(client, url, profile):
    profile.disk_bytes = 3 << 30
    profile.save()
    assert "at most 3 GiB together" in text(client.get(url))
    answer = send(client, url, results_size="4 GiB")
    assert said_of(answer, "results_size").startswith("All results together can be 3 GiB at most here.")
    assert not Job.objects.exists()


def test_rules_that_were_typed_reach_the_job_and_its_runner(client, url, make_attempt, settings):
    send(client, url, **TYPED)
    job = Job.objects.get()
    assert job.result_rules == RULES
    make_attempt(job)
    answer = Runner(Attempt.objects.get()).claim().json()
    assert answer["result_rules"] == {"include": RULES["include"], "exclude": RULES["exclude"]}
    assert answer["limits"]["result_bytes"] == 1 << 30
    assert answer["limits"]["result_file_bytes"] == 5 << 20
    kept = "Only results/*.csv, model.pt; not: raw/; at most 1 GiB together, 5 MiB each."
    assert kept in text(client.get(reverse("job_info", args=[job.pk])))


def test_the_portal_takes_no_more_than_the_jobs_own_rule(client, url, make_attempt):
    send(client, url, results_size="10")
    attempt = make_attempt(Job.objects.get())
    runner = Runner(attempt)
    runner.run()
    assert runner.result("a", b"123456").status_code == 200
    assert "at most 10 bytes" in runner.result("b", b"12345").json()["error"]


def test_run_again_and_run_with_changes_keep_the_rules(client, url):
    send(client, url, **TYPED)
    job = Job.objects.get()
    client.post(reverse("job_run_again", args=[job.pk]), {"key": str(uuid.uuid4())})
    assert Job.objects.exclude(pk=job.pk).get().result_rules == RULES
    changes = client.post(reverse("job_run_with_changes", args=[job.pk])).url
    page = client.get(changes).content.decode()
    assert 'value="results/*.csv, model.pt"' in page
    assert '<details class="more" id="draft-more" open>' in page
    client.post(changes, {"action": "run", "begin": "1", "end": "1"})
    assert Job.objects.latest("pk").result_rules == RULES


def test_an_emptied_field_leaves_nothing_out(client, url):
    send(client, url, results_exclude="")
    assert Job.objects.get().result_rules["exclude"] == []


def test_the_usual_rules_do_not_open_the_folded_part(client, url):
    assert "draft-more" in (page := client.get(url).content.decode())
    assert '<details class="more" id="draft-more" open>' not in page


@pytest.mark.parametrize(
    ("glob", "problem"),
    [
        ("/abs/*", "does not begin at the working directory"),
        ("~/x", "does not begin at the working directory"),
        ("../up", "has . or .. as a folder"),
        ("a/./b", "has . or .. as a folder"),
        ("a\\b", "has a backslash"),
        ("a//b", "two slashes"),
        ("a**b", "** within a name"),
        ("!*.csv", "begins with !"),
        ("a[b", "never closed"),
        ("a[]", "never closed"),
        ("[z-a]", "runs backwards"),
        ("x\u202ey", "cannot be seen"),
        ("x" * 201, "longer than 200"),
        (", ".join(f"a{number}" for number in range(21)), "at most 20"),
    ],
)
def test_a_bad_glob_is_said_at_its_field_and_nothing_is_lost(client, url, glob, problem):
    answer = send(client, url, results_include=glob, arguments="--keep")
    assert answer.status_code == 422
    assert problem in said_of(answer, "results_include")
    assert "--keep" in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "glob", ["*", "*.csv", "results/", "a/**/b.?", "[!a-z]x", "[[]x", "[]a]", "a]b", "**/x"]
)
def test_good_globs_are_taken_as_they_are(glob):
    assert typed_rules.split_globs(glob) == [glob]


@pytest.mark.parametrize(
    ("typed", "size"),
    [("500 MB", 500 << 20), ("10GiB", 10 << 30), ("1.5 k", 1536), ("7", 7), ("2 tb", 2 << 40), ("0", 0)],
)
def test_sizes_are_read_as_people_write_them_and_written_as_they_are_read(typed, size):
    assert typed_rules.parse_size(typed, 1 << 50, "It") == size
    assert typed_rules.parse_size(typed_rules.size_text(size), 1 << 50, "It") == size


@pytest.mark.parametrize("typed", ["much", "-1", "5 X", "1 GiB 2", "1e9"])
def test_what_is_no_size_is_told_how_to_write_one(typed):
    with pytest.raises(Mistyped, match="500 MB or 10 GiB"):
        typed_rules.parse_size(typed, 1 << 50, "It")
