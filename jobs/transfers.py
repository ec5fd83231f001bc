"""What takes as long as somebody's connection is slow: uploads, and answers that are made while they are sent.

Each holds a thread meanwhile. Pages and short calls have threads of their own beside those (portal/up/commands.py):
so many transfers are under way at once, and one more is asked to come again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from socket import socket

from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import sync_only_middleware

from teams.access import sign_in_first

# In each process. Where people's uploads have the half of them, downloads keep nobody from sending a job; and one
# person's keep nobody else from theirs.
MOST = 40
RETRY_SECONDS = 10
REST_SECONDS = 2.0
# Where nginx passes a request on while it arrives (portal/up/nginx.conf.template).
UPLOADS = "/new/"
OF_RUNNERS = ("/intake/inputs", "/intake/results")
# A form without files and lines that somebody watches are shorter. Who sends even those slowly is bound by nginx.
MOST_SHORT = 256 * 1024

Answer = Callable[[HttpRequest], HttpResponseBase]


def _permits(many: int) -> "SimpleQueue[None]":
    permits: SimpleQueue[None] = SimpleQueue()
    for _ in range(many):
        permits.put(None)
    return permits


class Slots:
    """So many transfers may be under way at once, and so many of one person.

    Counted by queues: what is freed in the middle of a call may be put back.
    """

    def __init__(self, many: int, of_one: int | None = None) -> None:
        self._free = _permits(many)
        self._many_of_one = of_one or many
        self._free_of: dict[int, SimpleQueue[None]] = {}

    @property
    def free(self) -> int:
        """How many could begin now."""
        return self._free.qsize()

    def take(self, user_id: int | None = None) -> "Slot | None":
        """None: there are as many as there may be, or as many of this person. Without one only the former counts."""
        own = [] if user_id is None else [self._free_of.setdefault(user_id, _permits(self._many_of_one))]
        slot = Slot()
        if all(slot.takes_from(queue) for queue in (*own, self._free)):
            return slot
        slot.release()
        return None


class Slot:
    """One of them; given back once, at the latest when nobody knows it any more."""

    def __init__(self) -> None:
        self._taken: list[SimpleQueue[None]] = []

    def takes_from(self, free: "SimpleQueue[None]") -> bool:
        """Whether there was one left."""
        try:
            free.get_nowait()
        except Empty:
            return False
        self._taken.append(free)
        return True

    def release(self) -> None:
        taken, self._taken = self._taken, []
        for free in taken:
            free.put(None)

    __del__ = release


_uploads, _downloads = Slots(MOST // 2, MOST // 4), Slots(MOST // 2, MOST // 4)
_of_runners, _rests = Slots(MOST), Slots(8)


class _Sent:
    """The pieces of an answer; the server closes it when the last one is sent, or the reader has left."""

    def __init__(self, pieces: Iterator[bytes], slot: Slot) -> None:
        self._pieces = pieces
        self.close = slot.release

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            # What the piece was read with: its reader may take long.
            lend_back()
            yield piece


def take_rest(request: HttpRequest) -> None:
    """Of a body of which nothing is wanted: what comes at once is taken, so that whoever sends it sees the answer.

    Closed before, it may look to nginx as if there were none. For a moment, of few at once: it may be anybody.
    """
    connected, slot = request.META.get("gunicorn.socket"), _rests.take()
    if connected is None or slot is None:
        return
    try:
        _take_at_once(connected, int(request.META.get("CONTENT_LENGTH") or 0))
    finally:
        slot.release()
        # Nothing behind it is another request.
        request.META["wsgi.input"].failed = True


def _take_at_once(connected: socket, left: int) -> None:
    patience, until = connected.gettimeout(), time.monotonic() + REST_SECONDS
    connected.settimeout(REST_SECONDS / 10)
    with suppress(OSError):
        while left > 0 and time.monotonic() < until and (came := connected.recv(min(left, 1 << 16))):
            left -= len(came)
    connected.settimeout(patience)


def lend_back() -> None:
    """Give this thread's connection to the database back while it waits for somebody: there are fewer than threads."""
    if not connection.in_atomic_block:
        close_old_connections()


@sync_only_middleware
def for_people(get_response: Answer) -> Answer:
    """Uploads of people who are signed in, and downloads, as far as there is a thread for them; others hold none."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        is_upload = request.method == "POST" and request.path.startswith(UPLOADS)
        if is_upload and not request.user.is_authenticated:
            take_rest(request)
            return sign_in_first(_never)(request)
        if is_upload:
            lend_back()
        slots = _uploads if is_upload and _is_long(request) else None
        return _taken(request, get_response, slots, _downloads, partial(_busy_page, request))

    return middleware


@sync_only_middleware
def for_runners(get_response: Answer) -> Answer:
    """Input files, results and much output, as far as there is a thread for them; a runner comes again by itself."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _taken(request, get_response, _of_runners if _is_long(request) else None, _of_runners, _busy)

    return middleware


def _is_long(request: HttpRequest) -> bool:
    """Short is what is there in a moment; many at once are no reason to refuse one of them."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return request.path in OF_RUNNERS or not length.isdecimal() or int(length) > MOST_SHORT


def _taken(
    request: HttpRequest,
    get_response: Answer,
    arriving: Slots | None,
    leaving: Slots,
    busy: Callable[[], HttpResponse],
) -> HttpResponseBase:
    """`arriving`: None where the request is short. `leaving`: for an answer that is made while it is sent."""
    slot = arriving.take(_user_id(request)) if arriving else None
    if arriving and slot is None:
        return _later(busy())
    if arriving:
        lend_back()
    try:
        answer = get_response(request)
    except BaseException:
        if slot:
            slot.release()
        raise
    if isinstance(answer, StreamingHttpResponse):
        return _sent(answer, slot or leaving.take(_user_id(request)), busy)
    if slot:
        slot.release()
    return answer


def _user_id(request: HttpRequest) -> int | None:
    """Asked only where a slot is taken: it may take a statement. Runners have none."""
    return request.user.pk if hasattr(request, "user") else None


def _sent(
    answer: StreamingHttpResponse, slot: Slot | None, busy: Callable[[], HttpResponse]
) -> HttpResponseBase:
    if slot is None:
        answer.close()
        return _later(busy())
    answer.streaming_content = _Sent(iter(answer), slot)
    lend_back()
    return answer


def _later(answer: HttpResponse) -> HttpResponse:
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _busy_page(request: HttpRequest) -> HttpResponse:
    return render(request, "503.html", status=503)


def _busy() -> HttpResponse:
    return JsonResponse({"error": "As many files are on their way as there may be. Come again."}, status=503)


def _never(request: HttpRequest) -> HttpResponse:
    raise AssertionError("nobody is signed in")
