"""An .xz says in its header how much memory its dictionary takes: whoever asks for gigabytes is refused."""

import lzma
import resource
import struct
import subprocess
import sys
import zlib

import pytest

from jobs.uploads.refusal import UploadRefused
from jobs.uploads.tar_archive import XZ_MEMORY_BYTES
from tests.jobs.uploads.archive_bytes import tar_of
from tests.jobs.uploads.test_upload_archives import MAIN, contents

# The header's byte for a dictionary: 2 ** 20, 64, 128 MiB, and 1.5, 2, 3, 4 GiB.
SMALL, HIGHEST_LEVEL, LARGE, MONSTERS = 16, 28, 30, (37, 38, 39, 40)
# Python, Django's parts of it and one dictionary of `xz -9`, and nowhere near a gigabyte.
ADDRESS_SPACE = 700 * 2**20
READ = """
import io, sys
from jobs.uploads.archives import open_archive
from jobs.uploads.limits import UploadLimits
from jobs.uploads.refusal import UploadRefused
content = sys.stdin.buffer.read()
try:
    print([entry.path for entry in open_archive(io.BytesIO(content), "a.tar.xz", UploadLimits())])
except UploadRefused as refused:
    print("refused:", refused.sentence)
"""


def xz(content: bytes, dictionary: int) -> bytes:
    """One stream whose block asks for that dictionary, with a header whose checksum is right."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    packed = bytearray(lzma.compress(content, filters=filters))
    assert packed[16] == SMALL
    packed[16] = dictionary
    packed[20:24] = struct.pack("<L", zlib.crc32(packed[12:20]))
    return bytes(packed)


@pytest.mark.parametrize("dictionary", [SMALL, HIGHEST_LEVEL])
def test_what_xz_makes_at_its_highest_level_is_taken(dictionary):
    assert contents(xz(tar_of([MAIN]), dictionary), "a.tar.xz") == dict([MAIN])


@pytest.mark.parametrize("dictionary", [LARGE, *MONSTERS])
def test_a_huge_dictionary_is_refused(dictionary):
    with pytest.raises(UploadRefused, match="its packed content cannot be read"):
        contents(xz(tar_of([MAIN]), dictionary), "a.tar.xz")


@pytest.mark.parametrize("dictionary", MONSTERS)
def test_so_is_one_in_a_stream_behind_the_first(dictionary):
    whole = tar_of([("a.bin", bytes(40_000)), MAIN])
    content = xz(whole[:30_000], SMALL) + bytes(4) + xz(whole[30_000:], dictionary)
    with pytest.raises(UploadRefused):
        contents(content, "a.tar.xz")


def test_the_memory_is_not_even_asked_for():
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))

    assert XZ_MEMORY_BYTES < ADDRESS_SPACE
    for dictionary in (HIGHEST_LEVEL, *MONSTERS):
        done = subprocess.run(
            [sys.executable, "-c", READ],
            input=xz(tar_of([MAIN]), dictionary),
            capture_output=True,
            preexec_fn=small,
            check=False,
        )
        told = done.stdout.decode()
        assert told.startswith("['main.py']" if dictionary == HIGHEST_LEVEL else "refused: "), done.stderr
