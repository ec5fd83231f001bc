"""Hostile and odd archives, made in memory: each with a name, its file name and its bytes."""

import bz2
import gzip
import lzma
import random
import stat
import struct
import tarfile
import unicodedata
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from tests.jobs.uploads.archive_bytes import (
    folder_tar,
    overlapping_zip,
    pax_record,
    pax_sparse,
    pax_tar,
    quoted_overlap_zip,
    tar_header,
    tar_of,
    with_checksum,
    zip_of,
    zip_with,
)

PACKERS = {"tar": bytes, "tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}

BAD_NAMES = {
    "parent": "../evil.py",
    "parent inside": "a/../../evil.py",
    "parent at the end": "a/..",
    "many parents": "../" * 12 + "tmp/canary/evil.py",
    "windows parent": "..\\evil.py",
    "windows parents inside": "a\\..\\..\\evil.py",
    "mixed parents": "a/..\\../evil.py",
    "absolute": "/etc/cron.d/evil",
    "double slash": "//evil.py",
    "unc": "\\\\server\\share\\evil.py",
    "drive": "C:\\evil.py",
    "drive with slash": "c:/evil.py",
    "drive relative": "C:evil.py",
    "empty part": "a//b.py",
    "dot part": "a/./b.py",
    "newline": "a\nb.py",
    "return": "a\rb.py",
    "tab": "a\tb.py",
    "escape": "a\x1b[31mb.py",
    "bell": "a\x07.py",
    "delete": "a\x7f.py",
    "next line": "a\x85b.py",
    "line separator": "a\u2028b.py",
    "rlo": "a\u202efdp.py",
    "lre": "a\u202ab.py",
    "pdf mark": "a\u202cb.py",
    "rlm": "a\u200fb.py",
    "lrm": "a\u200eb.py",
    "isolate": "a\u2066b.py",
    "pop isolate": "a\u2069b.py",
    "arabic mark": "a\u061cb.py",
    "300 characters": "n" * 300 + ".py",
    "300 bytes of umlauts": "ä" * 150 + ".py",
    "long path": "/".join(["folder"] * 60) + "/a.py",
    "too deep": "/".join("d" * 40) + "/a.py",
    "reserved": ".stellwerk/run",
    "reserved inside": "a/.Stellwerk/run",
}

COLLISIONS = {
    "case": ["train.py", "Train.py"],
    "case of a folder": ["data/a.csv", "DATA/a.csv"],
    "umlaut forms": ["\u00e4.py", "a\u0308.py"],
    "sharp s": ["straße.py", "STRASSE.py"],
    "twice": ["train.py", "train.py"],
    "backslash twin": ["a/b.py", "a\\b.py"],
    "file and folder": ["data", "data/a.csv"],
    "folder and file": ["data/x/a.csv", "data/x"],
    "file and folder by case": ["Data", "data/a.csv"],
}

TAR_KINDS = {
    "symlink out": (tarfile.SYMTYPE, "/etc/passwd"),
    "symlink in": (tarfile.SYMTYPE, "main.py"),
    "symlink up": (tarfile.SYMTYPE, "../.."),
    "hard link out": (tarfile.LNKTYPE, "/etc/shadow"),
    "hard link in": (tarfile.LNKTYPE, "main.py"),
    "character device": (tarfile.CHRTYPE, ""),
    "block device": (tarfile.BLKTYPE, ""),
    "fifo": (tarfile.FIFOTYPE, ""),
    "sparse": (tarfile.GNUTYPE_SPARSE, ""),
    "unknown kind": (b"Z", ""),
    "volume label": (b"V", ""),
    "multi volume": (b"M", ""),
}

ZIP_KINDS = {
    "symlink": stat.S_IFLNK,
    "character device": stat.S_IFCHR,
    "block device": stat.S_IFBLK,
    "fifo": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
}


@dataclass(frozen=True)
class Case:
    name: str
    file_name: str
    content: bytes
    # What the sentence has to name, where it is about one entry.
    mentions: str = ""


def cases() -> Iterator[Case]:
    yield from _name_cases()
    yield from _collision_cases()
    yield from _kind_cases()
    yield from _damaged_cases()
    yield from bomb_cases()
    yield from _lying_cases()


def _name_cases() -> Iterator[Case]:
    for what, name in BAD_NAMES.items():
        mention = name.replace("\\", "/")[:6] if name.isprintable() else ""
        files = [("main.py", b"print(1)\n"), (name, b"evil")]
        yield Case(f"zip {what}", "a.zip", zip_of(files), mention)
        yield Case(f"zip folder {what}", "a.zip", zip_of([*files[:1], (name + "/", b"")]), mention)
        for suffix, pack in PACKERS.items():
            yield Case(f"{suffix} {what}", f"a.{suffix}", pack(tar_of(files)), mention)
        yield Case(f"gnu tar {what}", "a.tar", tar_of(files, tarfile.GNU_FORMAT), mention)
        yield Case(f"tar folder {what}", "a.tgz", gzip.compress(folder_tar(name)), mention)
    yield Case("zip NUL", "a.zip", zip_of([("main.py", b"1"), ("a\0b.py", b"1")]), "a\\x00b.py")
    yield Case("pax NUL", "a.tar", pax_tar("path", b"a\0b.py"), "")
    yield Case("tar invalid utf-8", "a.tar", tar_header(b"m\xfcller.py") + bytes(1024), "m\\xfcller.py")
    bad_flag = zip_of([("main.py", b"1"), ("m\u00fc.py", b"1")]).replace("m\u00fc".encode(), b"m\xff\xfe")
    yield Case("zip invalid utf-8", "a.zip", bad_flag)


def _collision_cases() -> Iterator[Case]:
    for what, names in COLLISIONS.items():
        files = [(name, b"1") for name in names]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield Case(f"zip {what}", "a.zip", zip_of(files), unicodedata.normalize("NFC", names[1])[:1])
        for suffix, pack in PACKERS.items():
            yield Case(f"{suffix} {what}", f"a.{suffix}", pack(tar_of(files)))
        packed = [("top/" + name, content) for name, content in files]
        yield Case(f"inside a folder {what}", "a.tar.gz", gzip.compress(tar_of(packed)))


def _kind_cases() -> Iterator[Case]:
    for what, (kind, link) in TAR_KINDS.items():
        evil = tar_header(b"evil-entry", 0, kind, link.encode())
        for suffix, pack in PACKERS.items():
            content = pack(tar_header(b"main.py", 1) + b"1" + bytes(511) + evil + bytes(1024))
            yield Case(f"{suffix} {what}", f"a.{suffix}", content, "evil-entry")
    for what, mode in ZIP_KINDS.items():
        for system in (0, 3, 19):
            content = zip_with("evil-entry", external_attr=(mode | 0o777) << 16, create_system=system)
            yield Case(f"zip {what} {system}", "a.zip", content, "evil-entry")
    for flag in (0x1, 0x41, 0x2001):
        content = bytearray(zip_of([("secret-entry.py", b"print(1)\n")]))
        content[6:8] = struct.pack("<H", flag)
        at = content.index(b"PK\1\2")
        content[at + 8 : at + 10] = struct.pack("<H", flag)
        yield Case(f"encrypted {flag:#x}", "a.zip", bytes(content), "secret-entry.py")
    for method in (9, 12, 14, 93, 95, 99):
        content = bytearray(zip_of([("odd-entry.py", b"print(1)\n")]))
        content[8:10] = struct.pack("<H", method)
        at = content.index(b"PK\1\2")
        content[at + 10 : at + 12] = struct.pack("<H", method)
        yield Case(f"method {method}", "a.zip", bytes(content), "odd-entry.py")
    for map_version in ("0.0", "0.1", "1.0"):
        yield Case(f"pax sparse {map_version}", "a.tar", pax_sparse(map_version))


def _damaged_cases() -> Iterator[Case]:
    files = [("main.py", b"print(1)\n" * 300), ("data/a.csv", random.Random(1).randbytes(3000))]  # noqa: S311
    whole = {"a.zip": zip_of(files), "stored.zip": zip_of(files, zipfile.ZIP_STORED)}
    whole |= {f"a.{suffix}": pack(tar_of(files)) for suffix, pack in PACKERS.items()}
    for file_name, content in whole.items():
        # Zeros behind a tar's first zero block carry nothing: cut before them.
        end = len(tar_of(files).rstrip(b"\0")) if file_name == "a.tar" else len(content) - 1
        for part in range(1, 21):
            yield Case(f"truncated {file_name} {part}/20", file_name, content[: end * part // 21])
        yield Case(f"last byte gone {file_name}", file_name, content[:end])
        yield Case(f"empty {file_name}", file_name, b"")
        yield Case(f"noise {file_name}", file_name, random.Random(2).randbytes(5000))  # noqa: S311
        yield Case(f"text {file_name}", file_name, b"print('not an archive')\n")
    flipped = bytearray(whole["stored.zip"])
    flipped[200] ^= 0xFF
    yield Case("flipped content zip", "a.zip", bytes(flipped))
    for suffix in ("tar.gz", "tar.bz2", "tar.xz"):
        flipped = bytearray(whole[f"a.{suffix}"])
        flipped[len(flipped) // 2] ^= 0xFF
        yield Case(f"flipped {suffix}", f"a.{suffix}", bytes(flipped))
    broken = bytearray(whole["a.tar"])
    broken[512 * 7 + 20] ^= 0xFF
    at = broken.index(b"data/a.csv")
    broken[at] ^= 0x04  # with 0x01 the sum of signed bytes, which old tars wrote, would be right again
    yield Case("broken header of the second entry", "a.tar", bytes(broken))
    tar = tar_header(b"main.py", 1) + b"1" + bytes(511)
    yield Case("tar without end mark", "a.tar", tar)
    yield Case("content behind the end", "a.tar", tar + bytes(1024) + tar + bytes(1024))
    yield Case("no files zip", "a.zip", zip_of([]))
    yield Case("only folders zip", "a.zip", zip_of([("a/", b""), ("a/b/", b"")]))
    yield Case("only zeros tar", "a.tar", bytes(10240))
    yield Case("only junk zip", "a.zip", zip_of([("__MACOSX/._a", b"1"), (".DS_Store", b"1")]))
    for suffix in ("7z", "rar", "tar.zst"):
        yield Case(f"unreadable {suffix}", f"a.{suffix}", b"7z\xbc\xaf\x27\x1c" + bytes(600))
    yield Case("a zip called tar.gz is read as zip, and is empty", "a.tar.gz", zip_of([]))


def bomb_cases() -> Iterator[Case]:
    zeros = bytes(40 * 1024 * 1024)
    yield Case("zip bomb", "bomb.zip", zip_of([("main.py", b"1"), ("zeros", zeros)]))
    yield Case("many small bombs", "bomb.zip", zip_of([(f"zeros-{n}", zeros[: 2**20]) for n in range(30)]))
    for suffix, pack in list(PACKERS.items())[1:]:
        yield Case(f"{suffix} bomb", f"bomb.{suffix}", pack(tar_of([("zeros", zeros)])))
        yield Case(f"{suffix} bomb of zeros only", f"bomb.{suffix}", pack(zeros))
        padded = pack(tar_of([("main.py", b"1")]) + zeros)
        yield Case(f"{suffix} bomb behind the end", f"bomb.{suffix}", padded)
    twice = gzip.compress(gzip.compress(tar_of([("zeros", zeros)])))
    yield Case("gz in gz is no tar", "bomb.tar.gz", twice)
    many = [(f"f{n}.txt", b"") for n in range(10_000)]
    yield Case("10,000 entries zip", "many.zip", zip_of(many))
    yield Case("10,000 entries tar.gz", "many.tar.gz", gzip.compress(tar_of(many)))
    yield Case("10,000 folders tar", "many.tar", folder_tar(*(f"d{n}" for n in range(10_000))))
    yield Case("10,000 folders zip", "many.zip", zip_of([(f"d{n}/", b"") for n in range(10_000)]))
    yield Case("too many files", "many.zip", zip_of(many[:3000]))
    for copies in (2, 3, 50, 4000):
        yield Case(f"{copies} overlapping entries", "overlap.zip", overlapping_zip(copies))
    yield Case("an entry inside another", "overlap.zip", quoted_overlap_zip())
    huge = 8 * 1024**3 - 1
    for kind in (b"x", b"g", b"L", b"K"):
        body = tar_header(b"x", huge, kind)
        yield Case(f"header {kind!r} of 8 GiB", "a.tar", body + bytes(4096))
        yield Case(f"header {kind!r} of 8 GiB, packed", "a.tgz", gzip.compress(body + bytes(2**21)))
    records = b"".join(pax_record(b" k%d=" % n + b"v" * 1000 + b"\n") for n in range(200))
    padding = bytes(-len(records) % 512)
    globals_ = tar_header(b"g", len(records), b"g") + records + padding
    yield Case("many global headers", "a.tar", globals_ * 50 + tar_of([("main.py", b"1")]))
    chain = (tar_header(b"x", 512, b"L") + b"long".ljust(512, b"\0")) * 200
    yield Case("a chain of long names", "a.tar", chain + bytes(1024))


def _lying_cases() -> Iterator[Case]:
    for announced in (0, 1, 8, 10, 5000, 2**31, 2**32 - 2):
        content = bytearray(zip_of([("lying.py", b"print(1)\n")]))
        at = content.index(b"PK\1\2")
        content[22:26] = content[at + 24 : at + 28] = struct.pack("<L", announced)
        yield Case(f"zip lies about its size {announced}", "lie.zip", bytes(content))
    for announced in (2, 4, 5000, 2**31):
        content = bytearray(zip_of([("lying.py", b"print(1)\n" * 50)]))
        at = content.index(b"PK\1\2")
        content[at + 20 : at + 24] = struct.pack("<L", announced)
        yield Case(f"zip lies about its packed size {announced}", "lie.zip", bytes(content))
    for announced in (2, 5000, 2**31, 2**40, 2**62):
        raw = tar_header(b"lying.py", announced) + b"1" + bytes(511) + bytes(1024 if announced > 512 else 0)
        for suffix, pack in PACKERS.items():
            yield Case(f"{suffix} lies about its size {announced}", f"lie.{suffix}", pack(raw))
    negative = bytearray(tar_header(b"negative.py"))
    negative[124:136] = b"\xff" * 11 + b"\x00"
    for suffix, pack in PACKERS.items():
        content = pack(with_checksum(negative) + bytes(2048))
        yield Case(f"{suffix} with a negative size", f"lie.{suffix}", content)
    yield Case("pax size lies", "a.tar", pax_tar("size", b"99999999"))
    yield Case("pax path leads out", "a.tar", pax_tar("path", b"../evil"))
    for offset in (1, 31, 2**31, 2**32 - 2):
        content = bytearray(zip_of([("where.py", b"print(1)\n")]))
        at = content.index(b"PK\1\2")
        content[at + 42 : at + 46] = struct.pack("<L", offset)
        yield Case(f"zip points elsewhere {offset}", "lie.zip", bytes(content))
    content = zip_of([("shown.py", b"print(1)\n")])
    yield Case("two names for one entry", "lie.zip", content.replace(b"shown.py", b"other.py", 1))
