"""Server-sent events: how they are written, and the answer that carries them."""

import json
from collections.abc import AsyncIterator
from typing import Any

from django.http import JsonResponse, StreamingHttpResponse

# Keeps proxies and browsers from giving up on a stream that has nothing to say.
HEARTBEAT = b": still here\n\n"
HEARTBEAT_SECONDS = 15.0
# The first words: how many milliseconds a browser waits before it comes back after a cut.
HELLO = b"retry: 1000\n\n"


def message(data: Any, *, event: str = "", place: str = "") -> bytes:
    """One event; `place` becomes its id, by which the browser resumes."""
    head = (f"id: {place}\n" if place else "") + (f"event: {event}\n" if event else "")
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


class EventStream(StreamingHttpResponse):
    """Hands the events to the server as they are: each turn that Django adds would be paid for every event."""

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, content_type="text/event-stream; charset=utf-8")
        self._events = events

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._events


def event_stream(events: AsyncIterator[bytes]) -> EventStream:
    """The answer whose body is the events as they come: stored by nobody, buffered by nobody."""
    response = EventStream(events)
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def refusal(status: int, sentence: str) -> JsonResponse:
    """An answer that is no stream: the browser does not come back by itself."""
    response = JsonResponse({"error": sentence}, status=status)
    response["Cache-Control"] = "no-store"
    return response
