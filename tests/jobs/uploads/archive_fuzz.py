"""Archives that may be taken or refused, as long as nothing leaves the bundle: lies, giants, chains, random damage."""

import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from tests.jobs.uploads.archive_bytes import pax_record, tar_header, tar_of, zip_of
from tests.jobs.uploads.archive_corpus import PACKERS, Case

MILLION = 1_000_000
MAIN = ("main.py", b"print(1)\n")
ODD_NAMES = (
    "con",
    "CON.py",
    "nul.txt",
    "aux",
    "com1",
    "-rf",
    "--checkpoint-action=exec=sh",
    "%00",
    "..%2f..%2fevil",
    "..%252fevil",
    "%2e%2e/evil",
    "$(touch evil)",
    "`touch evil`",
    "a;b",
    "|evil",
    "~",
    "~root/evil",
    "*",
    "?",
    "a&b",
    "'",
    '"',
    "<b>",
    "{{7*7}}",
    "...",
    ". ",
    "a ",
    " a",
    "a.",
    ".git/hooks/post-checkout",
    ".ssh/authorized_keys",
    "__pycache__/os.pyc",
    "PaxHeader/x",
    "\u0430.py",
    "a\u200b.py",
    "a\ufe0f.py",
    "\u1d2e",
    "🚂",
)
HUGE_PAX = {
    "size": b"18446744073709551616",
    "GNU.sparse.realsize": b"9" * 30,
    "mtime": b"1e999",
    "uid": b"-1",
    "hdrcharset": b"BINARY",
}


def cases(seed: int, damaged: int) -> Iterator[Case]:
    """`damaged` of them are good archives with random bytes changed, by `seed`."""
    yield from _zip64_cases()
    yield from _pax_cases()
    yield from _chain_cases()
    for name in ODD_NAMES:
        yield Case(f"zip name {name!r}", "odd.zip", zip_of([MAIN, (name, b"evil")]))
        yield Case(f"tar name {name!r}", "odd.tar", tar_of([MAIN, (name, b"evil")]))
    chooser = random.Random(seed)  # noqa: S311
    for number in range(damaged):
        yield _damaged(chooser, number)


def giants() -> Iterator[Case]:
    """Each asks for far more memory, time or disk than its size."""
    yield Case("a million entries, zip", "giant.zip", million_entries_zip())
    yield Case("a million entries, tar.gz", "giant.tar.gz", million_entries_tar())
    noise = random.Random(3).randbytes(2**20)  # noqa: S311
    half = b"".join(noise[:8192] + bytes(57_344) for _ in range(1600))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 64 * 2**20}]
    yield Case(
        "xz with a large dictionary", "giant.tar.xz", lzma.compress(tar_of([("half", half)]), filters=filters)
    )
    monster = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1536 * 2**20}]
    packed = bytearray(lzma.compress(tar_of([MAIN]), filters=[monster[0] | {"dict_size": 2**20}]))
    packed[16] = 40  # the dictionary's size: 4 GiB
    packed[20:24] = struct.pack("<L", zlib.crc32(packed[12:20]))
    yield Case("xz that asks for 4 GiB", "giant.tar.xz", bytes(packed))
    nested = bytes(50 * 2**20)
    for _ in range(5):
        nested = zip_of([(f"{n}.zip", nested) for n in range(2)])
    yield Case("zips in zips", "giant.zip", nested)
    quine = gzip.compress(bytes(10 * 2**20))
    for _ in range(8):
        quine = gzip.compress(quine)
    yield Case("gz in gz in gz", "giant.tar.gz", quine)


def million_entries_zip() -> bytes:
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    size = len(entry) * MILLION
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, MILLION, MILLION, size, len(local))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(local) + size, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return local + entry * MILLION + end64 + locator + end


def million_entries_tar() -> bytes:
    thousand = tar_header(b"a") * 1000
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(packer.compress(thousand) for _ in range(MILLION // 1000)) + packer.flush()


def _zip64_cases() -> Iterator[Case]:
    for field in range(3):
        for value in (0, 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**64 - 1):
            extra = [9, 9, 0]
            extra[field] = value
            yield Case(f"zip64 field {field} says {value}", "lie.zip", _zip64(*extra))
    good = zip_of([MAIN])
    at = good.index(b"PK\5\6")
    for count in (0, 2, 1000, 0xFFFE, 0xFFFF):
        end = struct.pack("<4s4H", b"PK\5\6", 0, 0, count, count)
        yield Case(f"zip end record counts {count}", "lie.zip", good[:at] + end + good[at + 12 :])
    for place in (0, 5, 2**31, 2**32 - 1):
        yield Case(
            f"zip directory at {place}",
            "lie.zip",
            good[: at + 16] + struct.pack("<L", place) + good[at + 20 :],
        )
    yield Case("zip with a comment that is a zip", "lie.zip", good[:-2] + struct.pack("<H", len(good)) + good)


def _zip64(size: int, packed: int, offset: int) -> bytes:
    name, content = b"big.py", b"print(1)\n"
    local = (
        struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, zlib.crc32(content), 9, 9, len(name), 0) + name
    )
    extra = struct.pack("<2H3Q", 1, 24, size, packed, offset)
    most = 0xFFFFFFFF
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, zlib.crc32(content), most, most, 6, 28, 0, 0, 0, 0, most
    )
    directory = entry + name + extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local) + 9, 0)
    return local + content + directory + end


def _pax_cases() -> Iterator[Case]:
    for key, value in HUGE_PAX.items():
        for kind in (b"x", b"g"):
            yield Case(f"pax {kind!r} {key}", "pax.tar", _pax(kind, {key: value}))
    for path in (b"../evil", b"/etc/evil", b"a\x00/../evil", b"", b"\xff\xfe", b"a" * 5000):
        for kind in (b"x", b"g"):
            yield Case(f"pax {kind!r} path {path[:12]!r}", "pax.tar", _pax(kind, {"path": path}))
            yield Case(f"pax {kind!r} link {path[:12]!r}", "pax.tar", _pax(kind, {"linkpath": path}))
    for length in (
        b"0 path=x\n",
        b"-5 path=x\n",
        b"999 path=x\n",
        b"99999999999999999999 path=x\n",
        b"x path=x\n",
        b"9 path=x",
    ):
        records = length.ljust(512, b"\0")
        yield Case(
            f"pax record {length!r}",
            "pax.tar",
            tar_header(b"P", len(length), b"x") + records + tar_of([MAIN]),
        )
    for charset in (b"BINARY", b"ISO-IR 10646 2000 UTF-8", b"../../x"):
        yield Case(
            f"pax charset {charset!r}", "pax.tar", _pax(b"x", {"hdrcharset": charset, "path": b"../\xff"})
        )


def _pax(kind: bytes, fields: dict[str, bytes]) -> bytes:
    records = b"".join(
        pax_record(b" " + key.encode() + b"=" + value + b"\n") for key, value in fields.items()
    )
    return (
        tar_header(b"PaxHeader", len(records), kind) + records + bytes(-len(records) % 512) + tar_of([MAIN])
    )


def _chain_cases() -> Iterator[Case]:
    """Longer than PATH_MAX when one hops along links or folders (CVE-2025-4517)."""
    long = b"d" * 99
    hops = b"".join(
        tar_header(long[:90] + b"%02d" % n, 0, b"5")
        + tar_header(b"l%02d" % n, 0, b"2", long[:90] + b"%02d" % n)
        for n in range(16)
    )
    climb = b"l00/" * 16 + b"../" * 16
    for kind in (b"1", b"2"):
        escape = tar_header(b"escape", 0, kind, climb[:99])
        through = tar_header(b"escape/evil.py", 4) + b"evil" + bytes(508)
        yield Case(f"chain of links, {kind!r}", "chain.tar", hops + escape + through + bytes(1024))
    deep = "/".join(["d" * 200] * 25)
    for file_format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        yield Case(
            f"5000 characters, {file_format}", "chain.tar", tar_of([(f"{deep}/a.py", b"1")], file_format)
        )
    link = tar_header(b"evil", 0, b"2", b"/tmp") + tar_header(b"evil/x.py", 1) + b"1" + bytes(511)
    for suffix, pack in PACKERS.items():
        yield Case(f"through a link, {suffix}", f"chain.{suffix}", pack(link + bytes(1024)))
    swap = (
        tar_header(b"a", 0, b"5")
        + tar_header(b"a", 0, b"2", b"/tmp")
        + tar_header(b"a/x.py", 1)
        + b"1"
        + bytes(511)
    )
    yield Case("folder becomes a link", "chain.tar", swap + bytes(1024))


def _damaged(chooser: random.Random, number: int) -> Case:
    files = [
        MAIN,
        ("data/a.csv", chooser.randbytes(chooser.randrange(2000))),
        ("../evil.py" if number % 5 == 0 else "b.py", b"evil"),
    ]
    if number % 2:
        suffix, content = "zip", zip_of(files, chooser.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    else:
        suffix, pack = chooser.choice(list(PACKERS.items()))
        content = pack(
            tar_of(files, chooser.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)))
        )
    changed = io.BytesIO(content)
    for _ in range(chooser.randrange(1, 12)):
        changed.seek(chooser.randrange(len(content)))
        changed.write(chooser.randbytes(chooser.choice((1, 1, 2, 4))))
    return Case(f"damaged {number}", f"damaged-{number}.{suffix}", changed.getvalue())
