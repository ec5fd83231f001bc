"""What takes as long as somebody's connection is slow: uploads, and answers that are made while they are sent.

Each holds a thread meanwhile. Pages and short calls have threads of their own beside those (portal/up/commands.py):
so many transfers are under way at once, and one more is asked to come again.
"""

from collections.abc import Callable, Iterator
from functools import partial
from threading import BoundedSemaphore

from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import sync_only_middleware

from teams.access import sign_in_first

# In each process. What nginx keeps of an answer by itself (64 MiB) holds none.
MOST = 40
RETRY_SECONDS = 10
# Where nginx passes a request on while it arrives (portal/up/nginx.conf.template).
UPLOADS = "/new/"
OF_RUNNERS = ("/intake/inputs", "/intake/results")
# More of a script's output is a transfer, too; lines that somebody watches are not.
OUTPUT, MOST_SHORT = "/intake/output", 256 * 1024

Answer = Callable[[HttpRequest], HttpResponseBase]
_free = BoundedSemaphore(MOST)


class Slot:
    """One of the transfers that may be under way; given back once, at the latest when nobody knows it any more."""

    def __init__(self) -> None:
        self._is_held = True

    @staticmethod
    def take() -> "Slot | None":
        """None: there are as many as there may be."""
        return Slot() if _free.acquire(blocking=False) else None

    def release(self) -> None:
        if self._is_held:
            self._is_held = False
            _free.release()

    __del__ = release


class _Sent:
    """The pieces of an answer; the server closes it when the last one is sent, or the reader has left."""

    def __init__(self, pieces: Iterator[bytes], slot: Slot) -> None:
        self._pieces = pieces
        self.close = slot.release

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


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
            # Before anything of the body is read.
            return sign_in_first(_never)(request)
        return _taken(request, get_response, is_upload, partial(_busy_page, request))

    return middleware


@sync_only_middleware
def for_runners(get_response: Answer) -> Answer:
    """Input files, results and much output, as far as there is a thread for them; a runner comes again by itself."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _taken(request, get_response, _is_long(request), _busy)

    return middleware


def _is_long(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or ""
    is_much = length.isdecimal() and int(length) > MOST_SHORT
    return request.path in OF_RUNNERS or (is_much and request.path.startswith(OUTPUT))


def _taken(
    request: HttpRequest, get_response: Answer, is_transfer: bool, busy: Callable[[], HttpResponse]
) -> HttpResponseBase:
    slot = Slot.take() if is_transfer else None
    if is_transfer and slot is None:
        return _later(busy())
    if is_transfer:
        lend_back()
    try:
        answer = get_response(request)
    except BaseException:
        if slot:
            slot.release()
        raise
    if isinstance(answer, StreamingHttpResponse):
        return _sent(answer, slot or Slot.take(), busy)
    if slot:
        slot.release()
    return answer


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
