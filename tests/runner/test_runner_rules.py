"""Which files a job keeps: globs that mean what people expect, and that no pattern makes slow."""

import pytest

from runner.results import Inputs, Wanted, find_results
from runner.rules import Glob, Rules


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("*.tmp", "a.tmp", True),
        ("*.tmp", "results/deep/er/a.tmp", True),
        ("*.tmp", "a.tmp.csv", False),
        ("results/*.csv", "results/a.csv", True),
        ("results/*.csv", "results/deep/a.csv", False),
        ("results/*.csv", "other/results/a.csv", False),
        ("results/**/*.csv", "results/a.csv", True),
        ("results/**/*.csv", "results/deep/er/a.csv", True),
        ("**/plots/*", "x/plots/a.png", True),
        ("**", "anything/at/all", True),
        ("plots", "results/plots/a.png", True),
        ("plots/", "results/plots/a.png", True),
        ("plots/", "results/plots", False),
        ("results/plots/", "results/plots/deep/a.png", True),
        ("a?.bin", "ab.bin", True),
        ("a?.bin", "a/b.bin", False),
        ("a[0-9].bin", "a7.bin", True),
        ("a[!0-9].bin", "a7.bin", False),
        ("a[!0-9].bin", "ax.bin", True),
        ("[[]x", "[x", True),
        ("[*]", "*", True),
        ("[*]", "a", False),
        ("[]", "[]", True),
        ("Größe*", "Größe.csv", True),
        ("", "a", False),
    ],
)
def test_a_glob_means_what_its_description_says(glob, path, fits):
    assert Glob(glob).fits(path) is fits


def test_no_glob_is_slow_for_any_name():
    name = "a" * 250
    assert not Glob("*a" * 99 + "b").fits(name)
    assert not Glob("/".join(["**", "a"] * 30) + "/b").fits("/".join("a" * 60))


def found_in(work, **told):
    limits = told.pop("limits", {})
    found = find_results(work, Inputs({}, {}), Wanted(limits, None, Rules(told)))
    return found.files, {entry["path"]: entry["why"] for entry in found.skipped}


@pytest.fixture
def work(tmp_path):
    for path in ("results/a.csv", "results/raw/b.tmp", "results/big.bin", "node_modules/x/y.js", "model.pt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"1" * (50 if path.endswith(".bin") else 5))
    return tmp_path


def test_without_rules_everything_is_kept(work):
    files, left_out = found_in(work)
    assert (len(files), left_out) == (5, {})


def test_what_is_left_out_names_the_rule_that_did_it(work):
    files, left_out = found_in(work, exclude=["*.tmp", "node_modules/"])
    assert set(files) == {"results/a.csv", "results/big.bin", "model.pt"}
    assert left_out == {
        "results/raw/b.tmp": "left out by the rule “*.tmp”",
        "node_modules/": "left out, with all that is in it, by the rule “node_modules/”",
    }


def test_only_what_is_asked_for_is_kept(work):
    files, left_out = found_in(work, include=["results/*.csv", "model.pt"])
    assert set(files) == {"results/a.csv", "model.pt"}
    assert (
        left_out["results/big.bin"] == "none of the rules for what is kept fits it: results/*.csv, model.pt"
    )


def test_the_folders_that_rules_name_are_known():
    told = ["a/b/*.csv", "a/b/c", "x*/y", "d/**/z", "plots/", "*.csv", "../up/x", "/root", "m//n"]
    assert Rules({"include": told}).named_folders() == ["a/b/", "d/", "plots/"]


def test_a_rule_against_it_beats_one_for_it(work):
    assert found_in(work, include=["results/"], exclude=["*.csv"])[0].keys() == {
        "results/raw/b.tmp",
        "results/big.bin",
    }


def test_a_file_above_the_jobs_own_limit_is_left_out_and_the_smaller_ones_are_kept(work):
    files, left_out = found_in(work, limits={"result_file_bytes": 10})
    assert len(files) == 4
    assert left_out == {
        "results/big.bin": "it is larger than 10 bytes, the most that this job keeps of one file"
    }
