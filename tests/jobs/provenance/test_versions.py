"""Interpreter and packages on the capsule's page, in its archive and in what changed."""

import io
import json
import zipfile

import pytest

from jobs.models import Attempt
from jobs.provenance import archive as capsule_archive
from jobs.provenance.versions import MOST_ROWS, version_facts

OLD = {
    "system": "Debian 12",
    "interpreters": {"Python": "3.11.2"},
    "packages": {"numpy": "1.26.4", "gone": "1", "same": "2"},
}
NEW = {
    "system": "Debian 12",
    "interpreters": {"Python": "3.12.1"},
    "packages": {"numpy": "2.0.0", "new": "1", "same": "2"},
}


def differing(*versions):
    """Label: texts, of the rows in which the attempts differ."""
    told = version_facts([Attempt(versions=each) for each in versions])
    rows = {facts[0].label: facts for facts in zip(*told, strict=True)}
    return {
        label: [fact.text for fact in facts]
        for label, facts in rows.items()
        if len({fact.told_apart_by for fact in facts}) > 1
    }


def test_the_interpreter_and_each_package_that_changed_are_told():
    assert differing(OLD, NEW) == {
        "Python": ["3.11.2", "3.12.1"],
        "package gone": ["1", "not there"],
        "package new": ["not there", "1"],
        "package numpy": ["1.26.4", "2.0.0"],
    }


def test_what_is_not_known_is_no_change():
    assert differing(OLD, {}) == {}
    assert differing({}, {}) == {}
    assert differing({}, OLD, NEW)["Python"] == ["not known", "3.11.2", "3.12.1"]


def test_more_packages_than_anybody_reads_are_counted():
    old, new = ({"system": "x", "packages": {f"p{n:03}": v for n in range(100)}} for v in "12")
    rows = differing(old, new)
    assert len(rows) == MOST_ROWS + 1
    assert f"{100 - MOST_ROWS} more packages differ" in rows


def test_what_changed_shows_them(make_job, make_attempt, client_of, alice):
    old, new = make_job(status="succeeded"), make_job(status="succeeded")
    make_attempt(old, versions=OLD)
    make_attempt(new, versions=NEW)
    shown = client_of(alice).get(f"/jobs/{new.pk}/changes/?since={old.pk}").content.decode()
    assert 'package numpy</th><td class="was">1.26.4</td><td class="is">2.0.0</td>' in shown
    assert 'Python</th><td class="was">3.11.2</td><td class="is">3.12.1</td>' in shown
    assert "package same" not in shown


def test_the_page_shows_them_as_text(make_job, make_attempt, client_of, alice):
    job = make_job(status="succeeded")
    hostile = OLD | {"packages": {"<script>x</script>": "<b>"}, "packages_left_out": 7}
    make_attempt(job, versions=hostile)
    shown = client_of(alice).get(f"/jobs/{job.pk}/capsule/").content.decode()
    assert "<dt>Python</dt><dd>3.11.2</dd>" in shown
    assert "8 packages, the first 1 of them" in shown
    assert "&lt;script&gt;x&lt;/script&gt;</th><td>&lt;b&gt;</td>" in shown


def test_a_run_of_which_nothing_is_known_says_so(make_job, make_attempt, client_of, alice):
    job = make_job(status="succeeded")
    make_attempt(job)
    assert "Of this run nothing is known" in client_of(alice).get(f"/jobs/{job.pk}/capsule/").content.decode()


def test_the_archive_has_them(make_job, make_attempt, client_of, alice, monkeypatch):
    monkeypatch.setattr(capsule_archive, "close_old_connections", lambda: None)
    job = make_job(status="succeeded")
    make_attempt(job, versions=OLD)
    response = client_of(alice).get(f"/jobs/{job.pk}/capsule.zip")
    packed = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    assert json.loads(packed.read("capsule.json"))["versions"] == OLD


@pytest.mark.parametrize("versions", [{}, OLD])
def test_many_jobs_are_compared_with_them(make_job, make_attempt, client_of, alice, versions):
    jobs = [make_job(status="succeeded") for _ in range(3)]
    for job in jobs[:2]:
        make_attempt(job, versions=OLD)
    make_attempt(jobs[2], versions=versions)
    ids = ",".join(str(job.pk) for job in jobs)
    shown = client_of(alice).get(f"/jobs/compare/?ids={ids}").content.decode()
    assert ("not known" in shown) == (not versions)
