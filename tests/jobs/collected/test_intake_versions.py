"""What the runner tells of interpreter and packages: kept once, bounded, and never a reason to refuse results."""

import json

import pytest

from jobs.intake.versions import LONGEST, MOST_PACKAGES, versions_of
from jobs.models import Artifact

TOLD = {
    "system": "Debian GNU/Linux 12 (bookworm)",
    "interpreters": {"Python": "3.11.2"},
    "packages": {"Scikit_Learn": "1.4", "numpy": "1.26.4"},
}


def test_it_is_kept_with_the_manifest_and_a_repeat_changes_nothing(attempt, runner):
    assert runner.collected(versions=TOLD).status_code == 200
    assert runner.collected(versions={"system": "another"}).status_code == 200
    attempt.refresh_from_db()
    assert attempt.versions == TOLD | {"packages": {"numpy": "1.26.4", "scikit-learn": "1.4"}}


def test_a_manifest_of_an_older_runner_tells_nothing(attempt, runner):
    assert runner.collected().status_code == 200
    attempt.refresh_from_db()
    assert attempt.versions == {}


@pytest.mark.parametrize(
    "told",
    [
        *[None, 7, "x", [], {}, {"packages": []}, {"packages": {"": "1"}}, {"packages": {"a": {"b": 1}}}],
        *[{"interpreters": "x"}, {"system": ["x"]}, {"packages_left_out": True}, {"packages_left_out": -1}],
        {"unknown": "x"},
    ],
)
def test_what_is_not_as_expected_is_left_out_and_the_results_are_taken(attempt, runner, told):
    runner.result("a.txt", b"a")
    assert runner.collected(versions=told).status_code == 200
    attempt.refresh_from_db()
    assert attempt.versions == {}
    assert Artifact.objects.get(attempt=attempt).is_listed


def test_hostile_texts_are_texts_of_one_line(attempt, runner):
    told = {"system": "a\0b\ud800c\u202ed\ne", "packages": {"<script>\0": "1\n2"}}
    assert runner.collected(versions=told).status_code == 200
    attempt.refresh_from_db()
    assert attempt.versions == {"system": "a�b�c�d�e", "packages": {"<script>�": "1�2"}}


def test_the_largest_is_small():
    packages = {f"{number} {'n' * 500}": "v" * 5000 for number in range(50_000)}
    found = versions_of({"packages": packages, "system": "s" * 1_000_000, "packages_left_out": 7})
    assert len(found["packages"]) == MOST_PACKAGES
    assert found["packages_left_out"] == 7
    assert len(found["system"]) == LONGEST
    assert len(json.dumps(found)) < 500_000
