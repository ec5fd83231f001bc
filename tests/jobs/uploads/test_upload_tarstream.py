"""Files as one stream: what goes in comes out, in constant memory, and a changed size breaks it off."""

import io
import tarfile
import tracemalloc
import zipfile

import pytest

from jobs.uploads.tarstream import SizeChanged, tar_stream, zip_size, zip_stream

LONG = "/".join(["a-folder-with-a-long-name"] * 8) + "/ü 日本.csv"
FILES = {"main.py": b"print(1)\n", LONG: b"x" * 513, "empty": b"", "data/block": b"y" * 512}


def streamed(files: dict[str, bytes]):
    return [(path, len(data), lambda data=data: io.BytesIO(data)) for path, data in files.items()]


class Zeros(io.RawIOBase):
    """Much content without memory."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        count = min(size, self.left)
        self.left -= count
        return bytes(count)


def test_a_tar_gives_the_same_files_back():
    packed = io.BytesIO(b"".join(tar_stream(streamed(FILES))))
    with tarfile.open(fileobj=packed) as tar:
        members = tar.getmembers()
        found = {member.name: tar.extractfile(member).read() for member in members}
    assert found == FILES
    assert all(member.isreg() for member in members)
    assert packed.getbuffer().nbytes % 512 == 0


def test_a_zip_gives_the_same_files_back():
    packed = io.BytesIO(b"".join(zip_stream(streamed(FILES))))
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_no_files_are_an_archive_too():
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar_stream([])))) as tar:
        assert tar.getmembers() == []
    assert zipfile.ZipFile(io.BytesIO(b"".join(zip_stream([])))).namelist() == []


@pytest.mark.parametrize("pack", [tar_stream, zip_stream])
@pytest.mark.parametrize("announced", [3, 5])
def test_a_file_of_another_size_breaks_the_stream_off(pack, announced):
    with pytest.raises(SizeChanged):
        list(pack([("a", announced, lambda: io.BytesIO(b"1234"))]))


@pytest.mark.parametrize("pack", [tar_stream, zip_stream])
def test_a_large_file_is_streamed_in_little_memory(pack):
    size = 200 * 1024 * 1024
    tracemalloc.start()
    try:
        total = sum(len(chunk) for chunk in pack([("big", size, lambda: Zeros(size))]))
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert total > size


@pytest.mark.parametrize("limit", [2**31 - 1, 60, 25, 10])
@pytest.mark.parametrize("most", [65535, 2])
def test_the_size_of_a_zip_is_known_before(monkeypatch, limit, most):
    """Also where ZIP64 is needed: for a large file, for a place behind so many bytes, for many files."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", most)
    files = [("größe.txt", b"x" * size) for size in (0, 9, 10, 11, 24, 25, 26, 59, 60, 61, 200)]
    for many in range(len(files) + 1):
        some = [(f"{number}/{path}", data) for number, (path, data) in enumerate(files[:many])]
        streamed_files = [(path, len(data), lambda data=data: io.BytesIO(data)) for path, data in some]
        packed = b"".join(zip_stream(streamed_files))
        assert zip_size((path, size) for path, size, _ in streamed_files) == len(packed)
