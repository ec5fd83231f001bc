"""Downloads that read file after file: what they began with stays in the storage until they end.

A single file needs none of this where the storage is a disk: whoever has opened it reads it to its end, also when it is
removed meanwhile. The order is what makes it safe: a download notes itself first and looks second what is there; a
delete marks first and looks second who reads. So of the two at least one sees the other.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db import close_old_connections
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase

from jobs.models import Download, Kind

# Moved on at each piece that is sent; no server waits so long for a reader that takes nothing.
HELD_FOR = timedelta(hours=1)
MOVED_ON_EVERY = 60.0
READ_NOW = Exists(Download.objects.filter(job_id=OuterRef("pk"), until__gte=Now()))


def begin(job_id: int, kind: Kind) -> "Held":
    """Note it, before what is there is looked up. Whoever does not send it after all calls `close`."""
    return Held(Download.objects.create(job_id=job_id, kind=kind, until=Now() + HELD_FOR).pk)


def held_while_sent(job_id: int, kind: Kind, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer, made once it is noted that it will be read: what it finds stays until its last byte is sent."""
    held = begin(job_id, kind)
    try:
        response = answer()
    except BaseException:
        held.close()
        raise
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = held.sending(iter(response))
    else:
        held.close()
    return response


def is_read(job_id: int, kind: str) -> bool:
    """Whether somebody downloads it now: then its bytes stay for the moment."""
    return Download.objects.filter(job_id=job_id, kind=kind, until__gte=Now()).exists()


def parts_of(job_id: int, kind: Kind) -> int:
    """How many downloads of it are under way."""
    return Download.objects.filter(job_id=job_id, kind=kind, until__gte=Now()).count()


def forget_ended() -> None:
    """What killed processes left."""
    Download.objects.filter(until__lt=Now()).delete()


class Held:
    """The pieces of an answer; as long as they are sent, what they are read from stays. Closed by the server."""

    def __init__(self, pk: int) -> None:
        self._pk = pk
        self._pieces: Iterator[bytes] = iter(())
        self._moved_at = time.monotonic()

    def sending(self, pieces: Iterator[bytes]) -> "Held":
        """Itself, with what is to be sent."""
        self._pieces = pieces
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if time.monotonic() - self._moved_at > MOVED_ON_EVERY:
            self._moved_at = time.monotonic()
            Download.objects.filter(pk=self._pk).update(until=Now() + HELD_FOR)
            # A slow reader must not keep one of the few connections to the database.
            close_old_connections()
        return next(self._pieces)

    def close(self) -> None:
        """It ended, or the reader left."""
        close = getattr(self._pieces, "close", None)
        if close:
            close()
        Download.objects.filter(pk=self._pk).delete()
