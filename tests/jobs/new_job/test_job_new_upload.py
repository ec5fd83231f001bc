"""Uploads through the page: whole or not at all, inside the bundle, and what is refused costs nothing else."""

import io
import random
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile

from jobs.models import Blob, BundleFile, Draft
from jobs.uploads import incoming
from tests.jobs.uploads import archive_corpus as corpus
from tests.jobs.uploads.archive_bytes import tar_of, zip_of

MAIN = ("main.py", b"print(1)\n")


@pytest.fixture
def url(client, url) -> str:
    """It has something in it already."""
    client.post(url, {"arguments": "--keep", "action": "save"})
    return url


def send(client, url, *files: tuple[str, bytes], inside: bool = False) -> str:
    """Upload as the page's script does, each file with its path; the parts it gets."""
    name, path = ("inside", "inside_path") if inside else ("file", "path")
    data = {
        name: [SimpleUploadedFile("file", content) for _, content in files],
        path: [path for path, _ in files],
    }
    answer = client.post(url, data | {"begin": "1", "end": "1", "action": "upload", "script": "1"})
    assert answer.status_code in (200, 507)
    return answer.content.decode()


def paths() -> set[str]:
    return set(BundleFile.objects.values_list("path", flat=True))


def on_disk() -> set[Path]:
    return {path for path in Path(django_settings.HOME).rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zip_of([MAIN, ("data/a.csv", b"1")])),
        ("A.TAR.GZ", corpus.PACKERS["tar.gz"](tar_of([MAIN, ("data/a.csv", b"1")]))),
        (
            "a.tar.xz",
            corpus.PACKERS["tar.xz"](tar_of([("top/main.py", b"1"), ("top/data/a.csv", b"1")])),
        ),
    ],
)
def test_an_archive_becomes_its_files(client, url, name, content):
    page = send(client, url, (name, content))
    assert paths() == {"main.py", "data/a.csv"}
    assert 'data-kept="2"' in page


def test_of_several_archives_the_refused_one_is_named(client, url):
    page = send(client, url, ("good.zip", zip_of([MAIN])), ("slip.zip", zip_of([("../evil.py", b"1")])))
    assert "In “slip.zip”: “../evil.py” leads out of the folder" in page
    assert paths() == {"main.py"}


def test_a_sample_of_the_hostile_archives_is_refused_with_nothing_stored_and_everything_kept(client, url):
    send(client, url, ("train.py", b"print('mine')\n"))
    before = on_disk(), Blob.objects.count()
    # Each kind of case once and some by chance; the whole corpus runs against the reader itself.
    cases = list(corpus.cases())
    named = [case for case in cases if case.name.split()[0] in {"zip", "tar.gz"}][::23]
    for case in named + random.Random(7).sample(cases, 12):  # noqa: S311
        page = send(client, url, (case.file_name, case.content))
        assert 'data-refused="1"' in page, case.name
        assert 'role="alert"' in page
        assert paths() == {"train.py"}, case.name
    assert (on_disk(), Blob.objects.count()) == before
    assert Draft.objects.get().fields["arguments"] == "--keep"


def test_what_is_refused_costs_the_other_files_nothing(client, url):
    page = send(client, url, ("a.zip", zip_of([MAIN, ("../x", b"1")])), ("b.py", b"1"), ("..", b"1"))
    assert paths() == {"b.py"}
    assert 'data-kept="1" data-refused="2"' in page


@pytest.mark.parametrize("what", corpus.BAD_NAMES)
def test_a_plain_file_with_a_bad_name_is_refused(client, url, what):
    page = send(client, url, (corpus.BAD_NAMES[what], b"evil"), inside=True)
    assert 'data-refused="1"' in page
    assert not paths()


def test_a_name_with_a_nul_is_refused(client, url):
    assert 'data-refused="1"' in send(client, url, ("a\0b.py", b"1"))
    assert not paths()


@pytest.mark.parametrize("what", corpus.COLLISIONS)
def test_two_files_that_cannot_stand_beside_each_other_are_told_and_the_first_is_kept(client, url, what):
    first, second = corpus.COLLISIONS[what]
    page = send(client, url, (first, b"1"), (second, b"2"), inside=True)
    assert 'data-kept="1" data-refused="1"' in page
    assert len(paths()) == 1


def test_a_second_upload_may_replace_a_file_but_not_differ_from_it_by_case(client, url):
    send(client, url, ("train.py", b"1"))
    assert 'data-refused="0"' in send(client, url, ("train.py", b"2"))
    assert "differ only by case" in send(client, url, ("Train.py", b"3"))
    assert paths() == {"train.py"}


def test_an_archive_inside_a_folder_is_data(client, url):
    archive = zip_of([MAIN])
    send(client, url, ("data/input.zip", archive), ("odd.rar", b"x"), inside=True)
    assert paths() == {"data/input.zip", "odd.rar"}


def test_archives_that_cannot_be_opened_here_are_told_how_to_pack(client, url):
    assert "Pack the folder as .zip" in send(client, url, ("a.7z", b"7z"))


def test_the_limits_hold_for_the_whole_bundle(client, url, settings):
    settings.UPLOAD_MAX_FILES, settings.UPLOAD_MAX_TOTAL_BYTES = 3, 100
    send(client, url, ("a.py", b"1"), ("b.py", b"1"))
    page = send(client, url, ("c.py", b"1"), ("d.py", b"1"))
    assert "at most 3 are allowed" in page
    assert paths() == {"a.py", "b.py", "c.py"}
    assert "at most 100 bytes are allowed" in send(client, url, ("c.py", bytes(200)))
    send(client, url, ("c.py", b"2"))  # replacing is no fourth file
    assert BundleFile.objects.count() == 3


def test_a_file_that_is_too_large_is_told_while_the_others_are_kept(client, url, settings):
    settings.UPLOAD_MAX_FILE_BYTES = 1000
    page = send(client, url, ("big.csv", bytes(5000)), ("a.py", b"1"))
    assert "is larger than 1000 bytes" in page
    assert paths() == {"a.py"}


def test_without_free_space_nothing_is_taken_and_the_page_says_whom_to_ask(client, url, settings):
    settings.STORAGE_RESERVE_BYTES = 2**62
    page = send(client, url, ("a.py", b"1"))
    assert "no room" in page
    assert "Ask an admin" in page
    assert not paths()
    assert Draft.objects.get().fields["arguments"] == "--keep"


@pytest.mark.parametrize("when", ["write", "finish"])
def test_a_disk_that_fills_up_meanwhile_is_told_and_nothing_is_left(client, url, monkeypatch, when):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(incoming.Receiver, when, full)
    page = send(client, url, ("a.py", b"1"))
    assert "no room" in page
    assert "Ask an admin" in page
    assert not paths()
    assert list(incoming.folder().iterdir()) == []


def test_nothing_is_left_where_files_arrive(client, url):
    send(client, url, ("a.py", b"1"), ("a.py", b"2"), ("b.zip", zip_of([MAIN, ("..", b"1")])))
    assert list(incoming.folder().iterdir()) == []


def test_a_thousand_files_need_few_open_files_at_once(client, url, monkeypatch):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 60, hard))
    try:
        page = send(client, url, *((f"f{n}.csv", b"%d" % n) for n in range(1000)), inside=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert 'data-kept="1000"' in page
    assert BundleFile.objects.count() == 1000


class Body(io.RawIOBase):
    """A multipart body with one large file, made while it is read."""

    def __init__(self, size: int) -> None:
        self.head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
        self.tail = b'\r\n--X\r\nContent-Disposition: form-data; name="action"\r\n\r\nupload\r\n--X--\r\n'
        self.total = len(self.head) + size + len(self.tail)
        self.file_left = size

    def __len__(self) -> int:
        return self.total

    def read(self, size: int = -1) -> bytes:
        if self.head:
            data, self.head = self.head[:size], self.head[size:]
        elif self.file_left:
            data = bytes(min(size, self.file_left))
            self.file_left -= len(data)
        else:
            data, self.tail = self.tail[:size], self.tail[size:]
        return data


def test_a_large_file_is_taken_in_little_memory(client, url):
    import tracemalloc

    size = 150 * 1024 * 1024
    body = Body(size)
    tracemalloc.start()
    try:
        answer = client.generic(
            "POST",
            url,
            **{
                "wsgi.input": body,
                "CONTENT_LENGTH": str(len(body)),
                "CONTENT_TYPE": "multipart/form-data; boundary=X",
            },
        )
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert answer.status_code == 302
    assert BundleFile.objects.get().size == size
