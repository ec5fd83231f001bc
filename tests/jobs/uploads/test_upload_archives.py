"""Each hostile archive of the corpus is refused with a sentence; good archives come through whole."""

import gzip
import io
import os
import subprocess
import tarfile
import tracemalloc
import zipfile
from collections import Counter

import pytest

from jobs.uploads.archives import is_archive, open_archive
from jobs.uploads.limits import UploadLimits
from jobs.uploads.refusal import UploadRefused
from tests.jobs.uploads import archive_corpus as corpus
from tests.jobs.uploads.archive_bytes import tar_of, zip_of

LIMITS = UploadLimits()
MAIN = ("main.py", b"print(1)\n")


def contents(content: bytes, name: str = "a.zip", limits: UploadLimits = LIMITS) -> dict[str, bytes]:
    found = {}
    for entry in open_archive(io.BytesIO(content), name, limits):
        with entry.open() as file:
            found[entry.path] = file.read()
        assert len(found[entry.path]) == entry.size
    return found


def drain(case: corpus.Case) -> None:
    """Reads as an upload does: in pieces, keeping nothing."""
    for entry in open_archive(io.BytesIO(case.content), case.file_name, LIMITS):
        with entry.open() as file:
            while file.read(256 * 1024):
                pass


def test_the_corpus_has_at_least_500_different_archives():
    names = Counter(case.name for case in corpus.cases())
    assert len(names) >= 500
    assert names.most_common(1)[0][1] == 1


def test_every_archive_of_the_corpus_is_refused_with_a_sentence_that_names_it(tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    work = canary / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    for case in corpus.cases():
        try:
            drain(case)
        except UploadRefused as refused:
            assert refused.sentence.endswith("."), case.name
            assert refused.advice, case.name
            assert refused.name, case.name
            assert refused.name in refused.sentence, case.name
            assert case.mentions in refused.sentence, (case.name, refused.sentence)
            assert refused.sentence.isprintable(), case.name
        else:
            pytest.fail(f"{case.name} was not refused")
    assert [path for path in tmp_path.rglob("*") if path not in {canary, work}] == []


def test_bombs_are_refused_in_little_memory():
    for case in corpus.bomb_cases():
        file = io.BytesIO(case.content)
        tracemalloc.start()
        try:
            with pytest.raises(UploadRefused):
                for entry in open_archive(file, case.file_name, LIMITS):
                    with entry.open() as content:
                        while content.read(256 * 1024):
                            pass
            assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024, case.name
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("suffix", corpus.PACKERS)
def test_a_tar_of_every_packing_comes_through(suffix):
    files = [MAIN, ("data/a b.csv", os.urandom(200_000)), ("empty", b""), ("x" * 150 + "/" + "y" * 80, b"1")]
    content = corpus.PACKERS[suffix](tar_of(files))
    assert contents(content, f"a.{suffix}") == dict(files)


@pytest.mark.parametrize("file_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_tar_format_comes_through(file_format):
    files = [MAIN, ("ä/ü.csv", b"1;2"), ("n" * 90 + "/" + "m" * 90, b"1")]
    assert contents(tar_of(files, file_format), "a.tar") == dict(files)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_comes_through(method):
    files = [MAIN, ("data/a b.csv", os.urandom(200_000)), ("empty", b""), ("日本/ü.csv", b"1")]
    assert contents(zip_of(files, method)) == dict(files)


def test_odd_names_come_through_unchanged():
    names = [
        "-rf",
        "con",
        "a b",
        "a'b\"c",
        "%00",
        "日本語.py",
        "🚂.py",
        "$(id)",
        "a;b",
        "*",
        "~",
        ".hidden",
        "...",
    ]
    files = [(name, name.encode()) for name in names]
    assert contents(zip_of(files)) == dict(files)
    assert contents(tar_of(files), "a.tar") == dict(files)


def test_the_real_tar_with_a_leading_dot_comes_through(tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/main.py").write_text("print(1)")
    (tmp_path / "in/sub/ä.txt").write_text("1")
    subprocess.run(["tar", "czf", tmp_path / "a.tgz", "-C", tmp_path / "in", "."], check=True)
    found = contents((tmp_path / "a.tgz").read_bytes(), "a.tgz")
    assert found == {"main.py": b"print(1)", "sub/ä.txt": b"1"}


def test_a_sparse_file_of_the_real_tar_is_refused(tmp_path):
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(10_000_000)
        file.seek(5_000_000)
        file.write(b"1")
    subprocess.run(["tar", "cSf", tmp_path / "a.tar", "-C", tmp_path, "holes"], check=True)
    with pytest.raises(UploadRefused, match="“holes” in “a.tar” is a sparse file"):
        contents((tmp_path / "a.tar").read_bytes(), "a.tar")


def test_one_folder_around_everything_is_taken_off_and_reported():
    content = zip_of([("analysis/", b""), ("analysis/main.py", b"1"), ("analysis/data/a.csv", b"2")])
    archive = open_archive(io.BytesIO(content), "analysis.zip", LIMITS)
    assert archive.paths == ("main.py", "data/a.csv")
    assert archive.stripped_folder == "analysis"
    assert archive.notes == ["The folder “analysis” around all files was taken off."]


def test_a_file_beside_the_folder_keeps_the_folder():
    content = tar_of([("analysis/main.py", b"1"), ("README", b"2")])
    assert list(contents(content, "a.tar")) == ["analysis/main.py", "README"]


def test_a_name_has_to_be_clean_without_the_folder_too():
    with pytest.raises(UploadRefused, match="absolute"):
        contents(tar_of([("top/C:evil", b"1")]), "a.tar")


def test_what_macos_adds_is_left_out_and_reported():
    files = [
        ("a/main.py", b"1"),
        ("__MACOSX/a/._main.py", b"2"),
        ("a/.DS_Store", b"3"),
        ("a/._main.py", b"4"),
    ]
    archive = open_archive(io.BytesIO(zip_of(files)), "a.zip", LIMITS)
    assert archive.paths == ("main.py",)
    assert len(archive.skipped) == 3
    assert archive.notes[1].startswith("3 files that only macOS needs")


def test_a_nested_archive_stays_a_file():
    inner = zip_of([MAIN])
    assert contents(zip_of([MAIN, ("inner.zip", inner)]))["inner.zip"] == inner


def test_zip_names_without_the_flag_are_read_as_utf8_or_code_page_437():
    flagged = zip_of([MAIN, ("\u00fc.txt", b"1")])
    utf8 = flagged.replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00")  # flags, then the method
    assert list(contents(utf8)) == ["main.py", "ü.txt"]
    dos = zip_of([MAIN, ("ue.txt", b"1")]).replace(b"ue.txt", b"\x81e.txt")
    assert list(contents(dos)) == ["main.py", "üe.txt"]


def test_a_zip_behind_other_bytes_is_read():
    assert contents(b"#!/bin/sh\n" + zip_of([MAIN]), "a.zip") == dict([MAIN])


def test_a_gz_of_several_members_is_read():
    tar = tar_of([MAIN, ("a.csv", b"1" * 5000)])
    parts = gzip.compress(tar[:700]) + gzip.compress(tar[700:])
    assert contents(parts, "a.tar.gz")["main.py"] == MAIN[1]


def test_entries_may_be_left_unread():
    content = gzip.compress(tar_of([("a", b"1" * 5000), ("b", b"2" * 5000), ("c", b"3")]))
    last = {}
    for entry in open_archive(io.BytesIO(content), "a.tgz", LIMITS):
        if entry.path == "c":
            last["c"] = entry.open().read()
    assert last == {"c": b"3"}


def test_nothing_is_yielded_when_a_later_entry_is_bad():
    content = tar_of([MAIN, ("../evil", b"1")])
    with pytest.raises(UploadRefused):
        open_archive(io.BytesIO(content), "a.tar", LIMITS)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (UploadLimits(max_files=1), "more than 1 files"),
        (UploadLimits(max_archive_entries=1), "more than 1 entries"),
        (UploadLimits(max_file_bytes=8), "larger than 8 bytes"),
        (UploadLimits(max_total_bytes=12), "unpacks to more than 12 bytes"),
        (UploadLimits(max_path_length=6), "characters long"),
    ],
)
@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_each_limit_is_kept(limits, sentence, name):
    files = [MAIN, ("other.py", b"print(2)\n")]
    content = zip_of(files) if name == "a.zip" else tar_of(files)
    with pytest.raises(UploadRefused, match=sentence):
        contents(content, name, limits)


def test_a_repetitive_table_in_an_honest_archive_comes_through():
    files = [("zeros.csv", b"0,0,0\n" * 500_000), ("noise.bin", os.urandom(100_000))]
    assert contents(gzip.compress(tar_of(files)), "a.tgz") == dict(files)
    assert contents(zip_of(files)) == dict(files)


def test_only_names_of_archives_are_archives():
    assert all(is_archive(name) for name in ("a.zip", "A.ZIP", "b.tar", "c.tar.gz", "d.tgz", "e.tar.xz"))
    assert not any(is_archive(name) for name in ("a.xlsx", "b.gz", "c.py", "zip", "d.jar"))
