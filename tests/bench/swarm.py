"""Many event streams in one asyncio process: what arrives, how late, and whether anything is lost or doubled."""

import asyncio
import re
import socket
import time
from array import array
from dataclasses import dataclass, field

LINE = re.compile(rb"L (\d+) (\d+\.\d+)")
PLACE = re.compile(rb"id: (\S+)\n")


@dataclass
class Seen:
    """What all watchers of a swarm have received since `forget`."""

    events: int = 0
    lines: int = 0
    faults: int = 0
    refused: int = 0
    lags: array = field(default_factory=lambda: array("d"))

    def forget(self) -> None:
        self.events = self.lines = 0
        self.lags = array("d")


class Watcher(asyncio.Protocol):
    """One browser: HTTP/1.0, so that the body comes as it is. Counts lines that are not the next one."""

    def __init__(self, seen: Seen, path: str, cookie: str) -> None:
        self.seen, self.path, self.cookie = seen, path, cookie
        self.next_line = 0
        self.place = ""
        self.is_open = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self._rest = transport, b""
        resume = f"Last-Event-ID: {self.place}\r\n" if self.place else ""
        transport.write(
            f"GET {self.path} HTTP/1.0\r\nHost: localhost\r\nCookie: {self.cookie}\r\n{resume}\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_open.is_set():
            self.seen.refused += 1
            self.is_open.set()

    def data_received(self, data: bytes) -> None:
        now = time.time()
        *events, self._rest = (self._rest + data).split(b"\n\n")
        seen = self.seen
        for event in events:
            if not self.is_open.is_set():
                seen.refused += b" 200 " not in event[:20]
                self.is_open.set()
            if found := LINE.findall(event):
                seen.events += 1
                seen.lines += len(found)
                for number, birth in found:
                    seen.faults += int(number) != self.next_line
                    self.next_line = int(number) + 1
                    seen.lags.append(now - float(birth))
            if place := PLACE.match(event):
                self.place = place[1].decode()


async def connect(watcher: Watcher, address: tuple[str, int]) -> None:
    """Open, or open again where it was cut."""
    watcher.is_open.clear()
    await asyncio.get_running_loop().create_connection(lambda: watcher, *address)
    async with asyncio.timeout(60):
        await watcher.is_open.wait()


async def connect_all(watchers: list[Watcher], address: tuple[str, int], at_once: int = 25) -> None:
    """All of them, some at once."""
    for first in range(0, len(watchers), at_once):
        await asyncio.gather(*(connect(each, address) for each in watchers[first : first + at_once]))


def close_all(watchers: list[Watcher]) -> None:
    for watcher in watchers:
        if watcher.transport:
            watcher.transport.abort()


def stalled(address: tuple[str, int], path: str, cookie: str) -> socket.socket:
    """A browser that asks and never reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
    return connection
