"""HTTPS to one API server: a deadline for all of an exchange, a checked address, no redirects, proxies or encodings.

TLS, pooling and keep-alive are urllib3's, as in the official client. What is ours is told to it by three of its own
means: a connection class (where to connect), a socket class (until when), and arguments.
"""

import errno
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from clusters.driver import AdminFirst, ClusterUnreachable
from clusters.kubernetes.addresses import Rules, allowed_addresses
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.pace import AT_ONCE

LARGEST_PROOF = 1024 * 1024
USER_AGENT = "stellwerk"
# "[Errno 111] …", "[SSL: WRONG_VERSION_NUMBER] … (_ssl.c:1010)"
_NUMBERS = re.compile(r"\[(?:Errno -?\d+|SSL[^\]]*)\] | \(_ssl\.c:\d+\)")
_TROUBLES = {
    errno.ECONNREFUSED: "nothing listens at this port, the connection was refused",
    errno.ECONNRESET: "the connection was cut off",
    errno.EPIPE: "the connection was cut off",
    errno.ETIMEDOUT: "the connection timed out",
    errno.EHOSTUNREACH: "there is no way to this machine, or it is off",
    errno.ENETUNREACH: "there is no way to its network from here",
}
_POOL = re.compile(r"^\w+\(host=[^)]*\): ")


@dataclass(frozen=True)
class Limits:
    """How long one call may take in all, and how much may come back: seconds and bytes."""

    connect_seconds: float = 5.0
    answer_seconds: float = 20.0
    # No answer of a healthy API server that we ask for is larger: lists are read in pages.
    largest_answer: int = 64 * 1024 * 1024
    largest_event: int = 4 * 1024 * 1024


class Deadline:
    """A moment after which no byte is read or written any more. It can be moved while an answer streams."""

    __slots__ = ("_is_cut", "_sock", "at")

    def __init__(self, seconds: float) -> None:
        self._is_cut = False
        self._sock: _Socket | None = None
        self.extend(seconds)

    def extend(self, seconds: float) -> None:
        """So many seconds from now."""
        self.at = time.monotonic() + seconds

    def belongs_to(self, sock: "_Socket") -> None:
        """The socket that is bound to it from now on."""
        self._sock = sock
        sock.deadline = self

    def cut(self) -> None:
        """Now; whoever reads there, in whichever thread, is told at once."""
        self._is_cut = True
        if self._sock is not None and self._sock.deadline is self:
            with suppress(OSError):
                # Not the TLS socket's own method: that one would be polite, and not safe beside a reader.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    @property
    def left(self) -> float:
        """Seconds; raises TimeoutError when there are none."""
        left = self.at - time.monotonic()
        if left <= 0 or self._is_cut:
            raise TimeoutError("timed out")
        return left


class Transport:
    """Connections to one API server, kept open. Safe to share between threads.

    `identity` is the UID of its namespace kube-system; "" for any. Each new connection is asked for it first.
    """

    def __init__(self, connection: Connection, rules: Rules, limits: Limits, identity: str = "") -> None:
        self.server = connection.server.rstrip("/")
        self._limits = limits
        more: dict[str, Any] = (
            {"server_hostname": connection.tls_server_name} if connection.tls_server_name else {}
        )
        self._pools = urllib3.PoolManager(
            num_pools=1, maxsize=AT_ONCE, retries=False, ssl_context=_ssl_context(connection), **more
        )
        pool = type(
            "Pool", (HTTPSConnectionPool,), {"ConnectionCls": _connection_class(rules, self._prove(identity))}
        )
        self._pools.pool_classes_by_scheme = {"https": pool}

    @contextmanager
    def answer(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer to be read before the deadline. Raises ClusterUnreachable, AdminFirst; so does reading it."""
        _current.deadline = deadline
        try:
            timeout = urllib3.Timeout(
                connect=min(self._limits.connect_seconds, deadline.left), read=deadline.left
            )
            answer = self._pools.request(
                method,
                self.server + url,
                body=body,
                headers={"Accept": "application/json", "User-Agent": USER_AGENT, **headers},
                timeout=timeout,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
            )
            try:
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise ClusterUnreachable(f"{self.server} sends an encoding that nobody asked for.")
                yield answer
            finally:
                # Read to the end, the connection is in the pool already; otherwise it is of no more use.
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Without the cause: its frames hold what was sent.
            raise self._in_our_words(error) from None

    def close(self) -> None:
        """Idle connections end; those in use after their answer."""
        self._pools.clear()

    def _prove(self, identity: str) -> "Prove":
        path = urlsplit(self.server).path + "/api/v1/namespaces/kube-system"

        def prove(ask: Callable[[str], urllib3.BaseHTTPResponse]) -> None:
            if not identity:
                return
            answer = ask(path)
            data = answer.read(LARGEST_PROOF, decode_content=False)
            if answer.status in (401, 403):
                # What the portal may not know it cannot compare.
                return
            found = re.search(rb'"uid"\s*:\s*"([^"]{1,80})"', data)
            if answer.status != 200 or found is None:
                raise ClusterUnreachable(f"{self.server} does not say which cluster it is ({answer.status}).")
            if found[1].decode("ascii", "replace") != identity:
                raise AdminFirst(
                    f"Another cluster answers at {self.server} now. Nothing is done there until an admin has looked: "
                    "give the right address, or connect it anew if the cluster was rebuilt."
                )

        return prove

    def _in_our_words(self, error: Exception) -> Exception:
        cause = getattr(error, "reason", None) or error
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return Untrusted(
                f"{self.server} shows a certificate that the portal does not trust ({_short(error)}). "
                "If the cluster's CA was renewed, give the new one; otherwise somebody stands between."
            )
        return ClusterUnreachable(f"{self.server} does not answer: {_short(error)}.")


class Untrusted(AdminFirst):
    """The server's certificate does not fit the CA or the name that the portal was given."""


Prove = Callable[[Callable[[str], urllib3.BaseHTTPResponse]], None]


class _Socket(ssl.SSLSocket):
    """Each read and write ends with the deadline, however slowly the bytes come."""

    deadline: Deadline | None = None

    def recv_into(self, *args: Any, **more: Any) -> int:
        if self.deadline is not None:
            self.settimeout(self.deadline.left)
        return super().recv_into(*args, **more)

    def send(self, *args: Any, **more: Any) -> int:
        if self.deadline is not None:
            self.settimeout(self.deadline.left)
        return super().send(*args, **more)


# From the call in a thread to the socket it is given: urllib3 hands nothing through.
_current = threading.local()


def _connection_class(rules: Rules, prove: "Prove") -> type[HTTPSConnection]:
    class _Connection(HTTPSConnection):
        """Connects to the address that was judged. The name stays what is asked for and what is certified."""

        # The socket on which the cluster has said which one it is.
        _proven: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            deadline: Deadline = _current.deadline
            error: OSError = TimeoutError("timed out")
            for address in allowed_addresses(self.host, self.port, rules, deadline.left):
                try:
                    seconds = min(float(self.timeout or deadline.left), deadline.left)
                    sock = socket.create_connection((address, self.port), seconds)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    _notice_death(sock)
                    return sock
                except OSError as failed:
                    error = failed
            raise urllib3.exceptions.NewConnectionError(self, _plain(error))

        def request(self, method: str, url: str, *args: Any, **more: Any) -> None:
            if isinstance(self.sock, _Socket):
                _current.deadline.belongs_to(self.sock)
            if self.sock is not self._proven:
                headers = more.get("headers")
                prove(lambda path: self._asked(path, headers))
                self._proven = self.sock
            super().request(method, url, *args, **more)

        def _asked(self, path: str, headers: Any) -> urllib3.BaseHTTPResponse:
            super().request("GET", path, headers=headers, preload_content=False, decode_content=False)
            return self.getresponse()

    return _Connection


def _notice_death(sock: socket.socket) -> None:
    """A peer that is gone without a word is noticed by the kernel, in three quarters of a minute."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _short(error: Exception) -> str:
    """Without the pool's and the object's names: a sentence for an admin."""
    reason = getattr(error, "reason", None)
    # Of OpenSSL's own errors it is a word.
    cause = reason if isinstance(reason, Exception) else error
    inner = next((each for each in (cause, *cause.args) if isinstance(each, OSError)), None)
    if inner is not None and _plain(inner) != str(inner):
        return _plain(inner)
    text = str(cause).rpartition(">: ")[2]
    return _NUMBERS.sub("", _POOL.sub("", text)).strip().rstrip(".") or type(error).__name__


def _plain(error: OSError) -> str:
    """What the operating system says in numbers and half sentences, as an admin would say it."""
    return _TROUBLES.get(error.errno or 0, "") or _NUMBERS.sub("", str(error)).strip()


def _ssl_context(connection: Connection) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=connection.ca or None)
    context.sslsocket_class = _Socket
    if connection.client_certificate:
        # Python loads a certificate from a file only: it is there for this moment, for our user.
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder) / "certificate", Path(folder) / "key"
            for path, text in ((certificate, connection.client_certificate), (key, connection.client_key)):
                path.touch(mode=0o600)
                path.write_text(text, "ascii")
            context.load_cert_chain(certificate, key)
    return context
