"""The connections of the live process: how much each holds back, and the short way out for what goes to many."""

import asyncio
from typing import Any

from django.http import HttpRequest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A stream waits when so much is unsent; with the one event that may come on top (jobs/live/pieces.py) it is the most
# that a stalled browser costs. The servers' own default is 64 KiB.
UNSENT_BYTES = 16 * 1024
WIRE = "stellwerk.wire"


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a small buffer for each connection: `uvicorn --http jobs.live.protocol:BoundedProtocol`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=UNSENT_BYTES)

    def on_headers_complete(self) -> None:
        """Each request gets the short way as an extension (ASGI 3, “Extensions”) before its task runs."""
        super().on_headers_complete()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {WIRE: Wire(self)}


class Wire:
    """Writes into a running response, past its task: a tenth of what each step of it costs.

    Only while the task waits: what it has handed over before is written by then.
    """

    __slots__ = ("_cycle", "_protocol")

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        # Whoever asks again before the answer is there moves the protocol's own on (pipelining).
        self._cycle = protocol.cycle

    async def ready(self) -> None:
        """Until the browser has taken nearly all it was sent, or has gone: what is read earlier waits in memory."""
        if self._protocol.flow.write_paused:
            await self._protocol.flow.drain()

    def write(self, chunk: bytes) -> bool:
        """Send what `framed` made; False, with nothing sent, where the browser is behind or has gone."""
        protocol = self._protocol
        cycle = protocol.cycle
        if (
            protocol.flow.write_paused
            or not cycle.chunked_encoding
            or cycle.response_complete
            or cycle.disconnected
        ):
            return False
        protocol.transport.write(chunk)
        return True

    def end_within(self, seconds: float) -> None:
        """The response is the last on its connection, which is cut after so long: what is unsent then is dropped.

        Only while the response runs. Whoever reads has its end by then; who does not would keep the server waiting.
        """
        self._cycle.keep_alive = False
        self._protocol.loop.call_later(seconds, self._protocol.transport.abort)


def framed(event: bytes) -> bytes:
    """An event as a chunk of a response without a length (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(event), event)


def wire_of(request: HttpRequest) -> Wire | None:
    """The short way to who asks; None where another server is in front of the view."""
    found = getattr(request, "scope", {}).get("extensions", {}).get(WIRE)
    return found if isinstance(found, Wire) else None
