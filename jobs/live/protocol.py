"""How much the live process holds back for a browser that does not read."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A stream waits when so much is unsent; with the one event that may come on top (jobs/live/pieces.py) it is the most
# that a stalled browser costs. The servers' own default is 64 KiB.
UNSENT_BYTES = 16 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a small buffer for each connection: `uvicorn --http jobs.live.protocol:BoundedProtocol`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=UNSENT_BYTES)
