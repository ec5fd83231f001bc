"""What changed: scripts line by line, everything else by what it is."""

import re
import uuid

import pytest
from django.utils import timezone

from jobs.models import Job
from jobs.provenance.filediff import diff_lines
from jobs.submission.submit import run_again

SCRIPT = b"import sys\n\nrate = 0.1\nprint(rate)\n"


@pytest.fixture
def page(client_of, alice):
    return lambda job, more="": client_of(alice).get(f"/jobs/{job.pk}/changes/{more}").content.decode()


def signs(old, new, language=""):
    names = {"new": "+", "gone": "-", "same": " ", "gap": "…"}
    return [names[line.kind] + str(line.html) for line in diff_lines(old, new, language)]


def test_changed_lines_with_three_around_them():
    old = "\n".join(f"line {number}" for number in range(20))
    lines = signs(old, old.replace("line 10", "<b>"))
    assert lines == [
        "……",
        *[" line 7", " line 8", " line 9", "-line 10", "+&lt;b&gt;"],
        *[" line 11", " line 12", " line 13"],
    ]


def test_line_numbers_are_those_of_the_files():
    old = "\n".join(f"line {number}" for number in range(1, 30))
    changed = [line for line in diff_lines(old, old.replace("line 20\n", "")) if line.kind == "gone"]
    assert [(line.before, line.after) for line in changed] == [(20, None)]


def test_added_at_both_ends():
    assert signs("b", "a\nb\nc") == ["+a", " b", "+c"]
    assert signs("", "a")[-1] == "+a"


def test_highlighting_keeps_every_line():
    lines = signs('"""a\nb"""\nx = 1\n', '"""a\nb"""\nx = 2\n', "python")
    assert any(line.startswith("-") and "<span" in line for line in lines)
    assert sum(line[0] == "-" for line in lines) == sum(line[0] == "+" for line in lines) == 1


def test_what_is_wholly_different_is_not_compared_line_by_line():
    assert signs("\n".join(map(str, range(2000))), "\n".join(map(str, range(5000, 7000)))) == []


def test_what_turns_the_reading_direction_is_shown():
    assert not any("\u202e" in line for line in signs("a", "a\u202eb"))


def test_a_job_is_compared_with_the_one_it_was_made_from(make_job, alice, page):
    first = make_job(status="succeeded")
    again = run_again(alice, first, uuid.uuid4())
    assert again.made_from_id == first.pk
    assert f"{first.name} ({first.pk})" in page(again)
    assert "the run that it was made from" in page(again)
    assert "All files are the same." in page(again)


def test_else_with_the_last_run_of_its_name(make_job, page):
    for _ in range(2):
        last = make_job(status="succeeded", name="train")
        Job.objects.filter(pk=last.pk).update(finished_at=timezone.now())
    job = make_job(name="train", environment={"SEED": "7"})
    shown = page(job)
    assert f"train ({last.pk})" in shown
    assert "the last run of that name before it" in shown
    assert re.search(r'variable SEED</th><td class="was">–</td><td class="is">7</td>', shown)


def test_without_a_run_before_it_says_so(make_job, page):
    assert "There is no run before this one" in page(make_job())


def test_files_that_are_new_gone_moved_changed_and_the_same(make_job, page):
    old = make_job(
        files={"main.py": SCRIPT, "a.txt": b"moved", "gone.txt": b"1", "same.txt": b"s", "x.bin": b"\0a"}
    )
    new = make_job(
        files={
            "main.py": SCRIPT.replace(b"0.1", b"0.2"),
            "b/a.txt": b"moved",
            "new.txt": b"2",
            "same.txt": b"s",
            "x.bin": b"\0b",
        }
    )
    shown = page(new, f"?since={old.pk}")
    kinds = re.findall(r'change-kind is-(\w+)">\w+</span> <span class="change-path">([^<]+)', shown)
    assert kinds == [
        *[("moved", "b/a.txt"), ("gone", "gone.txt"), ("changed", "main.py"), ("new", "new.txt")],
        ("changed", "x.bin"),
    ]
    assert "<ins>+1</ins> <del>−1</del>" in shown
    assert "It is no text in UTF-8." in shown
    assert "1 other file is the same." in shown


def test_a_large_file_is_told_by_its_hashes(make_job, page):
    old, new = (make_job(files={"main.py": SCRIPT, "big.csv": letter * 300_000}) for letter in (b"a", b"b"))
    shown = page(new, f"?since={old.pk}")
    assert "It is too large to be shown line by line." in shown
    assert old.bundle.files.get(path="big.csv").blob.sha256 in shown


def test_a_foreign_job_to_compare_with_is_as_a_missing_one(make_job, client_of, charlie, other_team):
    own = make_job(owner=charlie)
    client = client_of(charlie)
    foreign = client.get(f"/jobs/{own.pk}/changes/?since={make_job().pk}")
    missing = client.get(f"/jobs/{own.pk}/changes/?since=999999")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content


def test_a_foreign_run_before_is_never_shown(make_job, client_of, charlie):
    secret = make_job(name="secret plan")
    own = make_job(owner=charlie, made_from_id=secret.pk)
    shown = client_of(charlie).get(f"/jobs/{own.pk}/changes/").content.decode()
    assert "secret plan" not in shown
