"""Where result files are kept: on the portal's disk, or in S3-compatible storage where the settings name a bucket.

A key tells where its content is, so both can be in use side by side: what was kept before a change stays where it is.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import File
from django.core.files.storage import default_storage

FOLDER = "results"
IN_S3 = "s3:"


class StoreAway(OSError):
    """The storage cannot be reached, or does not do what it is asked: worth trying again."""


class Facts(NamedTuple):
    """What a storage knows of one content: its bytes, and since when it is there, in Unix seconds."""

    size: int
    stored_at: float


class Store(Protocol):
    """Keys are never used again. Raises FileNotFoundError where nothing is stored, StoreAway."""

    def save(self, place: Path, attempt_id: int) -> str: ...
    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        """To be read from `start` on, and not past `end`: more than that may not be there."""
        ...

    def facts(self, key: str) -> Facts: ...
    def exists(self, key: str) -> bool: ...
    def missing(self, keys: Iterable[str]) -> set[str]:
        """Those of its keys under which nothing is stored."""
        ...

    def delete(self, key: str) -> None: ...
    def keys(self, before: datetime) -> Iterator[str]:
        """All that were stored before that moment."""
        ...

    def forget_begun(self, before: datetime) -> None:
        """Remove parts whose file never became whole."""
        ...


def save(place: Path, attempt_id: int) -> str:
    """Store the content of a file of ours, which may be moved away; its key."""
    return current().save(place, attempt_id)


def open_(key: str, start: int = 0, end: int | None = None) -> BinaryIO:
    """The content, to be read once from its beginning, or from `start` and not past `end`."""
    return store_of(key).open(key, start, end)


def facts(key: str) -> Facts:
    """Raises FileNotFoundError, StoreAway."""
    return store_of(key).facts(key)


def exists(key: str) -> bool:
    return store_of(key).exists(key)


def missing(keys: Iterable[str]) -> set[str]:
    """Those under which nothing is stored. Raises StoreAway."""
    found: dict[bool, list[str]] = {}
    for key in keys:
        found.setdefault(key.startswith(IN_S3), []).append(key)
    return set().union(*(store_of(of_one[0]).missing(of_one) for of_one in found.values()))


def delete(key: str) -> None:
    """Idempotent."""
    store_of(key).delete(key)


def address_for_people(key: str, disposition: str) -> str:
    """A signed address of a content in S3, for a browser that saves it."""
    return str(_s3_class()().address_for_people(key, disposition))


def is_open_to_jobs() -> bool:
    """Jobs bring large results to the storage themselves."""
    return bool(settings.RESULT_STORE_BUCKET and settings.RESULT_STORE_FOR_JOBS)


def current() -> Store:
    """Where new results go."""
    return _s3() if settings.RESULT_STORE_BUCKET else DISK


def store_of(key: str) -> Store:
    """Where this one is. StoreAway: it is in a storage that the settings do not name any more."""
    if not key.startswith(IN_S3):
        return DISK
    if not settings.RESULT_STORE_BUCKET:
        raise StoreAway("this result is in a storage that the settings do not name any more")
    return _s3()


def all_stores() -> list[Store]:
    """Those in use."""
    return [DISK, _s3()] if settings.RESULT_STORE_BUCKET else [DISK]


def _s3() -> Store:
    """Imported where it is used: boto3 costs 50 MB and half a second."""
    store: Store = _s3_class()()
    return store


def _s3_class() -> Any:
    try:
        from jobs.store_s3 import S3
    except ImportError as error:
        raise ImproperlyConfigured(
            "RESULT_STORE_BUCKET is set, but the packages for it are missing: pip install 'stellwerk[s3]'."
        ) from error
    return S3


class _Arrived(File):
    """A finished file that the storage may move instead of copying it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self._path = path

    def temporary_file_path(self) -> str:
        return str(self._path)


class Disk:
    """Django's file storage on the portal's disk."""

    def save(self, place: Path, attempt_id: int) -> str:
        with _Arrived(place) as content:
            return default_storage.save(f"{FOLDER}/{attempt_id}/{uuid.uuid4().hex}", content)

    def open(self, key: str, start: int = 0, end: int | None = None) -> BinaryIO:
        file: Any = default_storage.open(key, "rb")
        if start:
            file.seek(start)
        return cast(BinaryIO, file)

    def facts(self, key: str) -> Facts:
        modified = default_storage.get_modified_time(key)
        return Facts(default_storage.size(key), modified.timestamp())

    def exists(self, key: str) -> bool:
        return default_storage.exists(key)

    def missing(self, keys: Iterable[str]) -> set[str]:
        return {key for key in keys if not default_storage.exists(key)}

    def delete(self, key: str) -> None:
        default_storage.delete(key)

    def keys(self, before: datetime) -> Iterator[str]:
        for folder in _folders():
            for name in default_storage.listdir(f"{FOLDER}/{folder}")[1]:
                key = f"{FOLDER}/{folder}/{name}"
                if _modified_before(key, before):
                    yield key

    def forget_begun(self, before: datetime) -> None:
        """Parts on the disk lie where files arrive, and are swept there."""


DISK = Disk()


def _folders() -> list[str]:
    try:
        return list(default_storage.listdir(FOLDER)[0])
    except FileNotFoundError:
        return []


def _modified_before(key: str, moment: datetime) -> bool:
    try:
        return bool(default_storage.get_modified_time(key) < moment)
    except FileNotFoundError:
        return False
