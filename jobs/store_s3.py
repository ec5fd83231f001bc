"""Results in S3-compatible storage: by django-storages and boto3 (the extra `s3`), in constant memory."""

import hashlib
import io
import posixpath
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from jobs.store import FOLDER, IN_S3, Facts, StoreAway

MIB = 1024 * 1024
PART_BYTES = 32 * MIB
# Threat 14: a signed address is for one object and for five minutes.
SIGNED_SECONDS = 300
NOT_THERE = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload", "InvalidPart"})


@dataclass(frozen=True)
class Begun:
    """Parts that are not a file yet: size and what the storage calls it, by the part's number."""

    key: str
    upload: str
    parts: dict[int, tuple[int, str]]


class S3:
    """One bucket. See jobs/store.py."""

    def __init__(self) -> None:
        self._storage = _storage(
            settings.RESULT_STORE_ENDPOINT, settings.RESULT_STORE_BUCKET, settings.RESULT_STORE_KEY_ID
        )
        self.bucket: str = settings.RESULT_STORE_BUCKET

    @property
    def client(self) -> Any:
        """boto3's, of this thread."""
        return self._storage.connection.meta.client

    def new_key(self, attempt_id: int) -> str:
        """One that nobody has."""
        return f"{IN_S3}{FOLDER}/{attempt_id}/{uuid.uuid4().hex}"

    def save(self, place: Path, attempt_id: int) -> str:
        key = self.new_key(attempt_id)
        with _troubles(), place.open("rb") as content:
            self._storage.save(_name(key), File(content))
            if self.size(key) != place.stat().st_size:
                raise StoreAway("the storage holds another size than what was sent")
        place.unlink()
        return key

    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        span = {} if not start and end is None else {"Range": _range(start, end)}
        with _troubles():
            body = self.client.get_object(Bucket=self.bucket, Key=_name(key), **span)["Body"]
        return cast(BinaryIO, io.BufferedReader(_Body(body), MIB))

    def facts(self, key: str) -> Facts:
        with _troubles():
            told = self.client.head_object(Bucket=self.bucket, Key=_name(key))
        return Facts(int(told["ContentLength"]), told["LastModified"].timestamp())

    def size(self, key: str) -> int:
        """Bytes of what is stored."""
        return self.facts(key).size

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except FileNotFoundError:
            return False
        return True

    def missing(self, keys: Iterable[str]) -> set[str]:
        # Listed a folder (an attempt's) at a time: a thousand to a request, where looking takes one for each.
        gone = set(keys)
        for folder in {posixpath.dirname(_name(key)) for key in gone}:
            gone.difference_update(IN_S3 + found["Key"] for found in self._listed(folder + "/"))
        return gone

    def delete(self, key: str) -> None:
        with _troubles():
            self.client.delete_object(Bucket=self.bucket, Key=_name(key))

    def keys(self, before: datetime) -> Iterator[str]:
        for found in self._listed(FOLDER + "/"):
            if found["LastModified"] < before:
                yield IN_S3 + found["Key"]

    def _listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        with _troubles():
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                yield from page.get("Contents", [])

    def begin_parts(self, attempt_id: int, name: str) -> tuple[str, str]:
        """A new key, and the storage's name for the parts that will become its content. `name`: of what they are."""
        key = f"{self._begun_key(attempt_id, name)}{uuid.uuid4().hex[:16]}"
        with _troubles():
            begun = self.client.create_multipart_upload(Bucket=self.bucket, Key=_name(key))
        return key, str(begun["UploadId"])

    def begun_parts(self, attempt_id: int, name: str) -> Begun | None:
        """What was begun under this name and never became whole, with the parts that are there; the furthest."""
        prefix, found = _name(self._begun_key(attempt_id, name)), []
        with _troubles():
            uploads = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix).get("Uploads", [])
            for begun in uploads:
                asked = {"Bucket": self.bucket, "Key": begun["Key"], "UploadId": begun["UploadId"]}
                pages = self.client.get_paginator("list_parts").paginate(**asked)
                parts = [part for page in pages for part in page.get("Parts", [])]
                told = {int(part["PartNumber"]): (int(part["Size"]), str(part["ETag"])) for part in parts}
                found.append(Begun(IN_S3 + begun["Key"], begun["UploadId"], told))
        return max(found, key=lambda begun: len(begun.parts), default=None)

    def _begun_key(self, attempt_id: int, name: str) -> str:
        return f"{IN_S3}{FOLDER}/{attempt_id}/{name}-"

    def part_address(self, key: str, upload: str, number: int) -> str:
        """A signed address to which a job PUTs this one part; for five minutes."""
        asked = {"Bucket": self.bucket, "Key": _name(key), "UploadId": upload, "PartNumber": number}
        signer = _signer(settings.RESULT_STORE_FOR_JOBS)
        return str(signer.generate_presigned_url("upload_part", Params=asked, ExpiresIn=SIGNED_SECONDS))

    def join_parts(self, key: str, upload: str, etags: list[str]) -> int:
        """The size of the whole; joined before, the same. Raises FileNotFoundError when there are no such parts."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        place = {"Bucket": self.bucket, "Key": _name(key)}
        with suppress(FileNotFoundError), _troubles():
            self.client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
        with _troubles():
            joined = self.client.head_object(**place)
        # Another runner may have joined other parts, and a repeat is then answered as if they were these.
        if not _may_be_of(etags, str(joined["ETag"])):
            raise FileNotFoundError("it was joined from other parts")
        return int(joined["ContentLength"])

    def forget_begun(self, before: datetime) -> None:
        with _troubles():
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=FOLDER + "/"
            )
            for begun in [found for page in pages for found in page.get("Uploads", [])]:
                if begun["Initiated"] < before:
                    asked = {"Bucket": self.bucket, "Key": begun["Key"], "UploadId": begun["UploadId"]}
                    self.client.abort_multipart_upload(**asked)

    def address_for_people(self, key: str, disposition: str) -> str:
        """A signed address from which a browser saves this content, and nothing else; for five minutes."""
        asked = {
            "Bucket": self.bucket,
            "Key": _name(key),
            "ResponseContentDisposition": disposition,
            "ResponseContentType": "application/octet-stream",
            "ResponseCacheControl": "private, no-store",
        }
        signer = _signer(settings.RESULT_STORE_FOR_PEOPLE)
        return str(signer.generate_presigned_url("get_object", Params=asked, ExpiresIn=SIGNED_SECONDS))


@lru_cache(maxsize=4)
def _storage(endpoint: str, bucket: str, key_id: str) -> S3Storage:
    return S3Storage(
        bucket_name=bucket,
        endpoint_url=endpoint or None,
        access_key=key_id or None,
        secret_key=settings.RESULT_STORE_SECRET or None,
        region_name=settings.RESULT_STORE_REGION,
        default_acl=None,
        file_overwrite=True,  # names are never used again: nobody has to look first
        client_config=_config(),
        # One part in memory at a time, whatever the size.
        transfer_config=TransferConfig(multipart_chunksize=16 * MIB, use_threads=False),
    )


@lru_cache(maxsize=4)
def _signer(address: str) -> Any:
    """A client that only signs, for the address under which others reach the storage. Thread-safe."""
    import boto3

    return boto3.session.Session().client(
        "s3",
        endpoint_url=address,
        aws_access_key_id=settings.RESULT_STORE_KEY_ID or None,
        aws_secret_access_key=settings.RESULT_STORE_SECRET or None,
        region_name=settings.RESULT_STORE_REGION,
        config=_config(),
    )


def _config() -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=60,
        retries={"max_attempts": 2, "mode": "standard"},
    )


def _range(start: int, end: int | None) -> str:
    return f"bytes={start}-{'' if end is None else end - 1}"


def _name(key: str) -> str:
    return key.removeprefix(IN_S3)


def _may_be_of(etags: list[str], whole: str) -> bool:
    """Whether a content was joined from these parts. Storages that encrypt name it as they like: then it may be."""
    names, (digest, _, count) = [etag.strip('"') for etag in etags], whole.strip('"').partition("-")
    if len(digest) != 32 or any(len(name) != 32 for name in names):
        return True
    parts = b"".join(bytes.fromhex(name) for name in names)
    return (digest, count) == (hashlib.md5(parts).hexdigest(), str(len(names)))  # noqa: S324 (S3 names it so)


@contextmanager
def _troubles() -> Iterator[None]:
    """What boto3 raises, as the errors of Store."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in NOT_THERE:
            raise FileNotFoundError("nothing is stored under this key") from error
        raise StoreAway(f"the storage refuses: {code}") from error
    except BotoCoreError as error:
        raise StoreAway(f"the storage cannot be reached: {type(error).__name__}") from error


class _Body(io.RawIOBase):
    """A stored content as it comes over the network."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        with _broken():
            data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._body.close()
        super().close()


@contextmanager
def _broken() -> Iterator[None]:
    try:
        with _troubles():
            yield
    except OSError:
        raise
    except Exception as error:
        raise StoreAway(f"the storage broke off: {type(error).__name__}") from error
