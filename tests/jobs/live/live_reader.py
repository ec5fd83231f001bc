"""Reads the live process's streams inside the test's own process: the views as the server calls them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from django.conf import settings
from django.test import AsyncRequestFactory, Client
from django.urls import resolve

from jobs.live.lookups import ask as do
from teams.models import User

__all__ = ["Event", "Stream", "do", "get", "open_stream", "run", "session_of"]
SECONDS = 30.0


class Event(NamedTuple):
    """One event as the browser gets it; a comment has the kind ":"."""

    kind: str
    data: Any
    place: str


class Stream:
    """An open stream. `texts` collects what `until_end` and `until_text` have read, by stream."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.place = ""
        self.chunks: list[list[str]] = []
        self._parts = aiter(response)

    async def next(self, *, with_comments: bool = False) -> Event:
        """The next event. Raises StopAsyncIteration when the stream has ended, TimeoutError when none comes."""
        while True:
            async with asyncio.timeout(SECONDS):
                event = parse(await anext(self._parts))
            if event.place:
                self.place = event.place
            if event.kind == "message":
                self.chunks += event.data["chunks"]
            if with_comments or event.kind != ":":
                return event

    async def until(self, reached: Callable[[Event], bool]) -> Event:
        while not reached(event := await self.next()):
            pass
        return event

    async def until_text(self, text: str, stream: str = "out") -> None:
        await self.until(lambda event: text in self.text(stream))

    async def until_end(self) -> None:
        await self.until(lambda event: event.kind == "end")

    def text(self, stream: str = "out") -> str:
        return "".join(text for name, text in self.chunks if name == stream)

    async def close(self) -> None:
        await self._parts.aclose()


def parse(part: bytes) -> Event:
    fields = dict(line.split(": ", 1) for line in part.decode().strip("\n").split("\n"))
    if "data" not in fields:
        return Event(":", None, "")
    return Event(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id", ""))


def session_of(user: User) -> str:
    """The key of a new session of the user."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


async def get(path: str, session_key: str = "", **headers: str) -> Any:
    """The answer of the live process to a GET."""
    request = AsyncRequestFactory().get(path, headers=headers)
    if session_key:
        request.COOKIES[settings.SESSION_COOKIE_NAME] = session_key
    match = resolve(path.partition("?")[0], "portal.urls_live")
    return await match.func(request, *match.args, **match.kwargs)


@asynccontextmanager
async def open_stream(path: str, session_key: str, **headers: str) -> AsyncIterator[Stream]:
    response = await get(path, session_key, **headers)
    assert response.status_code == 200, response.content
    stream = Stream(response)
    try:
        yield stream
    finally:
        await stream.close()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in an event loop of its own, then wait for the board to see that nobody listens."""

    async def whole() -> Any:
        try:
            return await coroutine
        finally:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            if rest:
                await asyncio.wait(rest, timeout=SECONDS)

    return asyncio.run(whole())
