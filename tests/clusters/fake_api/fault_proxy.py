"""Stands before an API server with its certificate, and does to requests and answers what networks and servers do.

A test says which requests a fault is for, and how often: `proxy.add(drop_reply(), method="POST", path="/jobs")`.
Everything else is passed on. Faults that hold something hold it until `proxy.release()`, or until the proxy stops.
"""

import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.transport import Limits
from tests.clusters.fake_api.server import LOOPBACK, TOKEN, FakeApi
from tests.clusters.fake_api.tls import Handler, Server

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
Fault = Callable[["Exchange"], None]


@dataclass
class Rule:
    """`times` is how often the fault strikes; None: always. `struck` counts."""

    fault: Fault
    method: str
    path: str
    watches: bool | None
    times: int | None
    struck: int = 0

    def fits(self, method: str, path: str, is_watch: bool) -> bool:
        return (
            (self.times is None or self.struck < self.times)
            and self.method in ("", method)
            and self.path in path
            and self.watches in (None, is_watch)
        )


class FaultProxy:
    """In front of `fake`. Stop it before the server behind it."""

    def __init__(self, fake: FakeApi) -> None:
        self.fake = fake
        self.rules: list[Rule] = []
        self.passed: list[tuple[str, str]] = []
        self.released = threading.Event()
        self.is_stopping = False
        self._lock = threading.Lock()
        self.server = Server(type("FaultProxyHandler", (_Handler,), {"proxy": self}), fake.pair)
        self.trust = ssl.create_default_context(cadata=fake.pair.ca)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.server_port}"

    def connection(self, token: str = TOKEN) -> Connection:
        return replace(self.fake.connection(token), server=self.url)

    def api(self, limits: Limits | None = None, token: str = TOKEN) -> Api:
        """A client that goes through the proxy. Close it."""
        return Api(self.connection(token), limits=limits, rules=LOOPBACK)

    def add(
        self,
        fault: Fault,
        method: str = "",
        path: str = "",
        watches: bool | None = None,
        times: int | None = 1,
    ) -> Rule:
        """For requests of this method and with this in their path; the first rule that fits strikes."""
        rule = Rule(fault, method, path, watches, times)
        with self._lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """All is well again, and what was held goes on."""
        with self._lock:
            self.rules.clear()
        self.release()

    def release(self) -> None:
        self.released.set()

    def stop(self) -> None:
        self.is_stopping = True
        self.release()
        self.server.stop()

    def rule_for(self, method: str, path: str, is_watch: bool) -> Rule | None:
        with self._lock:
            for rule in self.rules:
                if rule.fits(method, path, is_watch):
                    rule.struck += 1
                    return rule
        return None


class _Handler(Handler):
    proxy: FaultProxy

    def do_GET(self) -> None:
        exchange = Exchange(self, self.proxy, self.read_body())
        parts = urlsplit(self.path)
        rule = self.proxy.rule_for(self.command, parts.path, "watch" in parse_qs(parts.query))
        with suppress(OSError, http.client.HTTPException):
            if rule is None:
                exchange.pass_on()
            else:
                rule.fault(exchange)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET


class Exchange:
    """One request that came, and the means to go on with it."""

    def __init__(self, handler: Handler, proxy: FaultProxy, body: bytes) -> None:
        self.handler, self.proxy, self.body = handler, proxy, body

    @contextmanager
    def forward(self) -> "Iterator[http.client.HTTPResponse]":
        """The answer of the server behind."""
        port = self.proxy.fake.server.server_port
        behind = http.client.HTTPSConnection("127.0.0.1", port, context=self.proxy.trust, timeout=30)
        try:
            headers = {
                name: value for name, value in self.handler.headers.items() if name.lower() not in HOP_BY_HOP
            }
            behind.request(self.handler.command, self.handler.path, self.body or None, headers)
            self.proxy.passed.append((self.handler.command, self.handler.path))
            yield behind.getresponse()
        finally:
            behind.close()

    def pass_on(self) -> None:
        """As if the proxy were not there."""
        with self.forward() as answer:
            if answer.getheader("Transfer-Encoding") == "chunked":
                self.handler.begin_stream()
                for line in answer:
                    self.handler.chunk(line)
                self.handler.chunk(b"")
            else:
                kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
                kept = {name: value for name, value in kept.items() if name not in ("Server", "Date")}
                self.handler.send(answer.status, answer.read(), kept)

    def hang_up(self) -> None:
        """Without another word; what was not sent yet is lost."""
        self.handler.close_connection = True
        sock = self.handler.connection
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            socket.socket.close(sock)

    def wait(self, seconds: float | None = None) -> None:
        """Until the test releases what is held."""
        self.proxy.released.wait(seconds)
