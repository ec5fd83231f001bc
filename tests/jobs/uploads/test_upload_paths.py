"""Which paths a bundle may hold, and which stand beside each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.uploads.limits import UploadLimits
from jobs.uploads.paths import PathSet, check_collisions, clean_path
from jobs.uploads.refusal import UploadRefused
from tests.jobs.uploads.archive_corpus import BAD_NAMES, COLLISIONS

CLEAN = [
    "train.py",
    "a/b/c.csv",
    ".hidden",
    "with space.py",
    "ü.py",
    "日本.R",
    "-x.py",
    "a..b/c",
    "…",
    "a\\b.py",
]


@pytest.mark.parametrize("path", CLEAN)
def test_a_clean_path_is_its_own_clean_path(path):
    cleaned = clean_path(path)
    assert clean_path(cleaned) == cleaned
    assert "\\" not in cleaned


@pytest.mark.parametrize("what", BAD_NAMES)
def test_bad_names_are_refused_with_a_sentence_and_advice(what):
    with pytest.raises(UploadRefused) as error:
        clean_path(BAD_NAMES[what])
    assert error.value.sentence.endswith(".")
    assert error.value.advice
    assert error.value.sentence.isprintable()


@pytest.mark.parametrize("raw", ["a\0b.py", b"m\xfcller.py", "\ud800.py", ""])
def test_names_that_are_no_text_are_refused(raw):
    with pytest.raises(UploadRefused):
        clean_path(raw)


def test_both_spellings_of_an_umlaut_are_one_path():
    assert clean_path("a\u0308.py") == clean_path("\u00e4.py") == "\u00e4.py"


def test_the_limits_of_length_and_depth_hold_exactly():
    limits = UploadLimits(max_path_length=10, max_depth=3)
    assert clean_path("a/b/c.py", limits)
    assert clean_path("x" * 10, limits)
    for bad in ("x" * 11, "a/b/c/d"):
        with pytest.raises(UploadRefused):
            clean_path(bad, limits)


@pytest.mark.parametrize("what", COLLISIONS)
def test_paths_that_cannot_stand_beside_each_other_are_refused_in_both_orders(what):
    paths = [clean_path(path) for path in COLLISIONS[what]]
    for order in (paths, paths[::-1]):
        with pytest.raises(UploadRefused):
            check_collisions(order)
        with pytest.raises(UploadRefused):
            PathSet(order)


def test_a_refused_path_leaves_the_set_as_it_was():
    paths = PathSet(["data/a.csv"])
    for bad in ("DATA", "Data/A.csv", "data/a.csv/x"):
        with pytest.raises(UploadRefused):
            paths.add(bad)
    paths.add("data/b.csv")
    assert len(paths) == 2
    assert "data/b.csv" in paths
    assert "Data/b.csv" not in paths


names = st.text("aAbB.", min_size=1, max_size=3).filter(lambda name: name not in {".", ".."})
some_paths = st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=6)


@given(some_paths)
def test_the_set_refuses_exactly_what_the_check_of_a_whole_listing_refuses(paths):
    def refuses(check) -> bool:
        try:
            check(paths)
        except UploadRefused:
            return True
        return False

    assert refuses(PathSet) == refuses(check_collisions)


def test_ten_thousand_paths_are_added_without_quadratic_work():
    paths = PathSet(f"folder-{n % 100}/file-{n}.csv" for n in range(10_000))
    assert len(paths) == 10_000
