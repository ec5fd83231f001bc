"""Downloads that go on where they were cut: answers with all of a content, or with the part that is asked for."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from jobs.ranges import Span, Unsatisfiable, may_resume, span_of

BLOCK = 256 * 1024


class Closable(Protocol):
    """A file, or what is like one there."""

    def close(self) -> None: ...


class Opened:
    """Blocks that are read from open files. The server closes it, whether or not it ever began to read."""

    def __init__(self, blocks: Iterator[bytes], *files: Closable) -> None:
        self._blocks, self._files = blocks, files

    def __iter__(self) -> "Opened":
        return self

    def __next__(self) -> bytes:
        return next(self._blocks)

    def close(self) -> None:
        """The reader has all of it, or left."""
        for file in self._files:
            file.close()


class Content(Protocol):
    """Bytes that never change: what has the same `tag` (a strong ETag, in its quotes) is the same to the last byte.

    `modified` is in Unix seconds; None where it may not be told (jobs/ranges.py, `settled`).
    """

    @property
    def size(self) -> int: ...
    @property
    def tag(self) -> str: ...
    @property
    def modified(self) -> int | None: ...
    def read(self, start: int, end: int) -> Opened:
        """The bytes from one place up to another, open already: raises FileNotFoundError now or never."""
        ...


def resumable(request: HttpRequest, content: Content, content_type: str) -> HttpResponseBase:
    """The answer to a GET or HEAD, with 206, 304, 412 and 416 where that is what was asked for.

    Raises FileNotFoundError as long as nothing is sent.
    """
    response = _conditional(request, content) or _chosen(request, content, content_type)
    response["Accept-Ranges"] = "bytes"
    return _validated(response, content)


def blocks_of(file: BinaryIO, length: int) -> Iterator[bytes]:
    """The next bytes of an open file; fewer where it ends before."""
    while length > 0 and (block := file.read(min(BLOCK, length))):
        length -= len(block)
        yield block


def _conditional(request: HttpRequest, content: Content) -> HttpResponseBase | None:
    """304 or 412; None where nothing stands against the content."""
    plain = HttpResponse()
    _validated(plain, content)
    answer = get_conditional_response(request, content.tag, content.modified, plain)
    return None if answer is plain else answer


def _chosen(request: HttpRequest, content: Content, content_type: str) -> HttpResponseBase:
    try:
        span = _span(request, content)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{content.size}"})
    start, end = span or Span(0, content.size)
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(content_type=content_type)
    else:
        status = 206 if span else 200
        response = StreamingHttpResponse(content.read(start, end), status=status, content_type=content_type)
    response["Content-Length"] = str(end - start)
    if span:
        response["Content-Range"] = span.words(content.size)
    return response


def _span(request: HttpRequest, content: Content) -> Span | None:
    """A HEAD asks for no range, whatever it says (RFC 9110, section 14.2)."""
    if request.method != "GET":
        return None
    if not may_resume(request.headers.get("If-Range", ""), content.tag, content.modified):
        return None
    return span_of(request.headers.get("Range", ""), content.size)


def _validated(response: HttpResponseBase, content: Content) -> HttpResponseBase:
    response["ETag"] = content.tag
    if content.modified is not None:
        response["Last-Modified"] = http_date(content.modified)
    return response
