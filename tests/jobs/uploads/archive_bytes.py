"""Archives byte by byte, whatever the standard library would refuse to write."""

import io
import struct
import tarfile
import zipfile
import zlib


def tar_of(files: list[tuple[str, bytes]], file_format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=file_format) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zip_of(files: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.filename = name  # ZipInfo would cut the name at a NUL
            info.compress_type = method
            archive.writestr(info, content)
    return out.getvalue()


def zip_with(name: str, **fields: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("main.py", b"print(1)\n")
        info = zipfile.ZipInfo(name)
        for field, value in fields.items():
            setattr(info, field, value)
        archive.writestr(info, b"target")
    return out.getvalue()


def tar_header(name: bytes, size: int = 0, kind: bytes = b"0", link: bytes = b"") -> bytes:
    """A raw ustar header with a right checksum, whatever it says."""
    header = bytearray(512)
    header[0 : len(name)] = name
    header[100:108] = b"0000644\0"
    header[124:136] = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    header[136:148] = b"00000000000\0"
    header[156:157] = kind
    header[157 : 157 + len(link)] = link
    header[257:265] = b"ustar\x0000"
    return with_checksum(header)


def with_checksum(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def overlapping_zip(copies: int) -> bytes:
    """`copies` entries of the directory point to one content, as in Fifield's zip bomb."""
    name, content = b"bomb.txt", zlib.compress(b"0" * 100_000)[2:-4]
    crc = zlib.crc32(b"0" * 100_000)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(content), 100_000, len(name), 0)
    body = local + name + content
    directory = b""
    for _ in range(copies):
        directory += (
            struct.pack(
                "<4s6H3L5H2L",
                b"PK\1\2",
                20,
                20,
                0,
                8,
                0,
                0,
                crc,
                len(content),
                100_000,
                len(name),
                0,
                0,
                0,
                0,
                0,
                0,
            )
            + name
        )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, copies, copies, len(directory), len(body), 0)
    return body + directory + end


def quoted_overlap_zip() -> bytes:
    """The second entry's bytes lie inside the first one's stored content."""
    inner = zip_of([("inner.py", b"print(2)\n")], zipfile.ZIP_STORED)
    local_length = inner.index(b"PK\1\2")
    outer = zip_of([("outer.bin", inner[:local_length])], zipfile.ZIP_STORED)
    body = outer[: outer.index(b"PK\1\2", 30 + 9 + local_length)]
    shift = 30 + len("outer.bin")
    outer_directory = outer[len(body) : outer.rindex(b"PK\5\6")]
    inner_directory = bytearray(inner[local_length : inner.rindex(b"PK\5\6")])
    inner_directory[42:46] = struct.pack("<L", shift)
    directory = outer_directory + bytes(inner_directory)
    return body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(directory), len(body), 0)


def folder_tar(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        main = tarfile.TarInfo("main.py")
        tar.addfile(main, io.BytesIO())
        for name in names:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
    return out.getvalue()


def pax_record(body: bytes) -> bytes:
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax_tar(key: str, value: bytes) -> bytes:
    records = pax_record(b" " + key.encode() + b"=" + value + b"\n")
    head = tar_header(b"PaxHeader", len(records), b"x") + records + bytes(-len(records) % 512)
    return head + tar_header(b"real.py", 1) + b"1" + bytes(511) + bytes(1024)


def pax_sparse(version: str) -> bytes:
    major, minor = version.split(".")
    fields = {"GNU.sparse.size": "100000", "GNU.sparse.name": "sparse.bin"}
    if major == "1":
        fields |= {"GNU.sparse.major": major, "GNU.sparse.minor": minor, "GNU.sparse.realsize": "100000"}
        content = b"1\n0\n1\n".ljust(512, b"\0") + b"1"
    else:
        fields |= {"GNU.sparse.numblocks": "1", "GNU.sparse.offset": "0", "GNU.sparse.numbytes": "1"}
        fields |= {"GNU.sparse.map": "0,1"} if minor == "1" else {}
        content = b"1"
    records = b"".join(pax_record(f" {key}={value}\n".encode()) for key, value in fields.items())
    head = tar_header(b"PaxHeader", len(records), b"x") + records + bytes(-len(records) % 512)
    body = content + bytes(-len(content) % 512)
    return head + tar_header(b"sparse.bin", len(content)) + body + bytes(1024)
