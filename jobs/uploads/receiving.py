"""A request's body in large pieces, straight from gunicorn's connection into memory that is used again.

By `request.read` each byte is copied twice more on its way, into memory that has to be taken from the system for each
piece; `make bench ARGS=artefact` measures the whole.
"""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from django.http import HttpRequest, UnreadablePostError

PIECE_BYTES = 1024 * 1024


def pieces_of(request: HttpRequest, length: int, kept: int) -> Iterator[memoryview | bytes]:
    """At most `length` bytes of the body, of which nothing was read before; fewer where it is cut off.

    A piece stays as it is until `kept` bytes have come after it. Raises UnreadablePostError.
    """
    reader = _reader_of(request)
    yield from _read(request, length) if reader is None else _received(request, reader, length, kept)


def _read(request: HttpRequest, left: int) -> Iterator[bytes]:
    """As any server gives it."""
    while left and (piece := request.read(min(left, PIECE_BYTES))):
        left -= len(piece)
        yield piece


def _reader_of(request: HttpRequest) -> Any | None:
    """gunicorn's reader of a body of known length, where nothing lies between it and the connection; otherwise None."""
    body: Any = request.META.get("wsgi.input")
    connection = request.META.get("gunicorn.socket")
    reader = getattr(body, "reader", None)
    unreader = getattr(reader, "unreader", None)
    is_plain = connection is not None and getattr(unreader, "sock", None) is connection
    # A second place where it could keep bytes that came: empty, as nothing was read before.
    is_untouched = is_plain and getattr(reader, "length", None) is not None and not body.buf.tell()
    return reader if is_untouched and hasattr(unreader, "take_buffered") else None


def _received(request: HttpRequest, reader: Any, left: int, kept: int) -> Iterator[memoryview | bytes]:
    """The reader is told of each byte, so that gunicorn knows where the next request begins."""
    left = min(left, reader.length)
    early = reader.unreader.take_buffered()
    piece, beyond = early[:left], early[left:]
    if beyond:
        reader.unreader.unread(beyond)
    if piece:
        reader.length -= len(piece)
        left -= len(piece)
        yield piece
    ring = cycle(memoryview(bytearray(min(left, PIECE_BYTES))) for _ in range(kept // PIECE_BYTES + 2))
    while left:
        room = next(ring)[:left]
        count = _fill(request, room)
        reader.length -= count
        left -= count
        if count:
            yield room[:count]
        if count < len(room):
            return


def _fill(request: HttpRequest, room: memoryview) -> int:
    """How much came: less than there is room for only where the connection ended."""
    count = 0
    try:
        while count < len(room) and (more := request.META["gunicorn.socket"].recv_into(room[count:])):
            count += more
    except OSError as error:
        # gunicorn must not look for another request behind what did not come.
        request.META["wsgi.input"].failed = True
        raise UnreadablePostError(*error.args) from error
    return count
