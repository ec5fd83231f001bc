"""HTTP to one API server: raw JSON, a timeout on everything, every answer read to its end, no redirects, no proxies.

The hot path does without the official client's models (4 to 9 times the cost); TLS, pooling and keep-alive are
urllib3's, as in the official client.
"""

import json
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from clusters.driver import ClusterRefused, ClusterUnreachable, DriverError, WorkInvalid
from clusters.kubernetes.connection import Connection

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
POOL_SIZE = 16
# No answer of a healthy API server that we ask for is larger: lists are read in pages.
LARGEST_ANSWER = 64 * 1024 * 1024
LARGEST_EVENT = 4 * 1024 * 1024
USER_AGENT = "stellwerk"


class ApiRefused(Exception):
    """The API server said no. `reason` is Kubernetes' word for machines, such as AlreadyExists or Forbidden."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message or reason or f"HTTP {status}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    def in_our_words(self, what: str) -> DriverError:
        """As the driver protocol says it: who can act, and a sentence. `what` was to be read or made."""
        if self.status in (408, 409, 425, 429) or self.status >= 500:
            return ClusterUnreachable(f"The cluster cannot act on {what} at the moment: {self}")
        if self.status == 401:
            return ClusterRefused(f"The cluster does not know the portal's credentials any more ({self}).")
        if self.status in (400, 422):
            return WorkInvalid(f"The cluster does not accept {what}: {self}")
        return ClusterRefused(f"The cluster refused {what}: {self}")


class Api:
    """One API server with one identity. Safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self._server = connection.server.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
        if connection.token:
            self._headers["Authorization"] = f"Bearer {connection.token}"
        more: dict[str, Any] = (
            {"server_hostname": connection.tls_server_name} if connection.tls_server_name else {}
        )
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=POOL_SIZE,
            retries=False,
            ssl_context=_ssl_context(connection),
            **more,
        )

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Raises ApiRefused, ClusterUnreachable; so do all others."""
        return self.call("GET", path, query)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("POST", path, body=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON merge patch (RFC 7386)."""
        return self.call("PATCH", path, body=body, content_type="application/merge-patch+json")

    def delete(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("DELETE", path, body=body)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """The answer's JSON object."""
        with self._answer(method, path, query, body, content_type, READ_SECONDS) as answer:
            data = answer.read(LARGEST_ANSWER + 1)
            if len(data) > LARGEST_ANSWER:
                raise ClusterUnreachable(
                    f"{self._server} sent an answer of more than {LARGEST_ANSWER} bytes."
                )
            answer.drain_conn()
        return _checked(answer, data)

    def watch(
        self,
        path: str,
        query: Mapping[str, str | int],
        quiet_seconds: float,
        opened: Callable[[], None] = lambda: None,
    ) -> Iterator[dict[str, Any]]:
        """The events of a watch until the server ends it; a silence longer than `quiet_seconds` is a dead one.

        `opened` is called when the server has agreed, which may be long before the first event.
        """
        query = {**query, "watch": "1"}
        with self._answer("GET", path, query, None, "", quiet_seconds) as answer:
            if answer.status != 200:
                _checked(answer, answer.read(LARGEST_EVENT))
            opened()
            rest = b""
            for piece in answer.stream(64 * 1024):
                lines = (rest + piece).split(b"\n")
                rest = lines.pop()
                if len(rest) > LARGEST_EVENT:
                    raise ClusterUnreachable(
                        f"{self._server} sent an event of more than {LARGEST_EVENT} bytes."
                    )
                for line in lines:
                    if line.strip():
                        yield _object(line)

    def close(self) -> None:
        self._pool.clear()

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
        content_type: str,
        read_seconds: float,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        url = self._server + path + (f"?{urlencode(query)}" if query else "")
        headers = self._headers if body is None else {**self._headers, "Content-Type": content_type}
        try:
            answer = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
                preload_content=False,
                redirect=False,
                retries=False,
            )
            try:
                yield answer
            finally:
                # Read to the end, the connection is in the pool already; otherwise it is of no more use.
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterUnreachable(f"{self._server} does not answer: {_short(error)}.") from error


def _checked(answer: urllib3.BaseHTTPResponse, data: bytes) -> dict[str, Any]:
    if 200 <= answer.status < 300:
        return _object(data)
    if 300 <= answer.status < 400:
        raise ClusterUnreachable("The API server sends us elsewhere (a redirect), which is not followed.")
    try:
        facts = _object(data)
    except ClusterUnreachable:
        facts = {}
    message = str(facts.get("message") or data[:300].decode("utf-8", "replace"))
    raise ApiRefused(answer.status, str(facts.get("reason") or ""), message, _retry_after(answer))


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise ClusterUnreachable("What the API server sent is no JSON; is there a proxy between?") from error
    if not isinstance(found, dict):
        raise ClusterUnreachable("What the API server sent is no object.")
    return found


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _short(error: Exception) -> str:
    """Without the pool's and the object's names: a sentence for an admin."""
    text = str(getattr(error, "reason", None) or error)
    return text.rpartition(">: ")[2] or type(error).__name__


def _ssl_context(connection: Connection) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=connection.ca or None)
    if connection.client_certificate:
        # Python loads a certificate from a file only: it is there for this moment, for our user.
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder) / "certificate", Path(folder) / "key"
            for path, text in ((certificate, connection.client_certificate), (key, connection.client_key)):
                path.touch(mode=0o600)
                path.write_text(text, "ascii")
            context.load_cert_chain(certificate, key)
    return context
